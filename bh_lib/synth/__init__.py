"""Synthetic data: a clinic that leaves an audit trail with an answer key, and a corpus of labelled notes."""

from bh_lib.synth.events import EventManifest, generate_events, write_events

__all__ = ["EventManifest", "generate_events", "write_events"]
