"""Audit events, kept and provable: event -> redact -> validate -> chain -> sink, and the verifier.

Standard library alone; ``bh-lib[fast]`` makes it faster, ``[asgi]``, ``[sql]`` and ``[dynamodb]`` bring those integrations,
each a module of its own: `bh_lib.emitters.asgi`, `bh_lib.emitters.sinks.sql`, `bh_lib.emitters.sinks.dynamodb`.
"""

from __future__ import annotations

from bh_lib.emitters.checkpoint import Checkpoint, check_note, generate_keys, parse_checkpoint, read_checkpoint
from bh_lib.emitters.config import AuditConfig
from bh_lib.emitters.export import Exported, export_ledger
from bh_lib.emitters.faults import Fault
from bh_lib.emitters.keys import ensure_key, read_key, write_checkpoint
from bh_lib.emitters.ledger import ledger_files, read_ledger
from bh_lib.emitters.logger import AuditLogger
from bh_lib.emitters.pipeline import Drop
from bh_lib.emitters.prune import Pruning, prune
from bh_lib.emitters.redact import scrub
from bh_lib.emitters.signals import exit_on_sigterm
from bh_lib.emitters.sinks import JsonlSink, MemorySink, Receipt, Sink
from bh_lib.emitters.verify import Verdict, Verification, make_checkpoint, verify

__all__ = [
    "AuditConfig",
    "AuditLogger",
    "Checkpoint",
    "Drop",
    "Exported",
    "Fault",
    "JsonlSink",
    "MemorySink",
    "Pruning",
    "Receipt",
    "Sink",
    "Verdict",
    "Verification",
    "check_note",
    "ensure_key",
    "exit_on_sigterm",
    "export_ledger",
    "generate_keys",
    "ledger_files",
    "make_checkpoint",
    "parse_checkpoint",
    "prune",
    "read_checkpoint",
    "read_key",
    "read_ledger",
    "scrub",
    "verify",
    "write_checkpoint",
]
