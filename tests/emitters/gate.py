"""A sink that stands still, so that a test sees what happens meanwhile."""

from __future__ import annotations

import threading

from bh_lib.emitters import MemorySink


class Gate(MemorySink):
    """Holds everybody up until it is opened."""

    def __init__(self):
        super().__init__()
        self.open, self.entered = threading.Event(), threading.Event()

    def write(self, line):
        self.entered.set()
        self.open.wait(20)
        super().write(line)
