"""Text in, flags out, a clinician decides."""
