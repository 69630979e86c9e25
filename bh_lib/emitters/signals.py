"""Turns SIGTERM into an orderly exit, so that a queue is drained where no server does it."""

from __future__ import annotations

import signal
import sys
import threading
from types import FrameType

from bh_lib.errors import ConfigError

__all__ = ["exit_on_sigterm"]


def exit_on_sigterm() -> bool:
    """Make SIGTERM end the program through `sys.exit`, which runs the exit handlers and so drains every logger.

    For workers and pipelines with ``queued`` delivery: by default SIGTERM ends Python at once, and what is queued is lost. A
    web server needs it not: it handles the signal itself, and the middleware drains at its lifespan's end. A handler that
    the program has set already is left in place. ``durable`` delivery loses nothing either way.

    Returns
    -------
    bool
        Whether the handler was set.

    Raises
    ------
    ConfigError
        If called outside the main thread, where Python can't set handlers.

    Examples
    --------
    >>> before = signal.getsignal(signal.SIGTERM)
    >>> exit_on_sigterm() == (before is signal.SIG_DFL)
    True
    >>> _ = signal.signal(signal.SIGTERM, before)
    """
    if threading.current_thread() is not threading.main_thread():
        raise ConfigError("is called from the main thread", place="exit_on_sigterm")
    if signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        return False
    signal.signal(signal.SIGTERM, _exit)
    return True


def _exit(number: int, frame: FrameType | None) -> None:
    del frame
    # Supervisors send it again; a second one would cut the draining short. SIGKILL still ends it.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit(128 + number)
