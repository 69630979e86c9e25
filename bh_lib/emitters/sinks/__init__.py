"""Where events are kept. `JsonlSink` and `MemorySink` need nothing; each other sink is a module of its own."""

from __future__ import annotations

from bh_lib.emitters.sinks.base import Receipt, Sink
from bh_lib.emitters.sinks.jsonl import JsonlSink
from bh_lib.emitters.sinks.memory import MemorySink

__all__ = ["JsonlSink", "MemorySink", "Receipt", "Sink"]
