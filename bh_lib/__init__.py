"""Audit trails and safety signals for behavioral health.

The rooms, lowest first; a room imports only from rooms below it:

=============  ==================================================================================
errors         every error that the library raises, in one tree
schema         the audit event standard, the flag taxonomy, and the shapes that rooms exchange
emitters       event -> redact -> validate -> chain -> sink, and the verifier
sentinel       text -> document -> layers -> merge -> rules -> C-SSRS -> analysis
synth          a simulated clinic's audit log with its answer key, and a labelled note corpus
checks         Great Expectations over logs, notes and predictions
evaluate       how accurate a flag is, with intervals
review         who saw whom, and why: reading an audit log
lab            train, calibrate, export, track, promote
cli            the ``bh`` command
=============  ==================================================================================

Importing ``bh_lib`` imports none of them; ``schema``, ``emitters`` and ``sentinel`` need nothing but the
standard library.
"""

__all__ = ["__version__"]

__version__ = "0.1.0"
