"""Turns SIGTERM into an orderly exit, so that a queue is drained where no server does it."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable
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
    if not isinstance(sys.unraisablehook, _Watch):
        sys.unraisablehook = _Watch(sys.unraisablehook)
    return True


class _Terminated(SystemExit):
    """The exit that SIGTERM asks for, told apart from the program's own."""


class _Watch:
    """Sends SIGTERM again where Python had to swallow the exit: in a finalizer or a weak reference's callback.

    Parameters
    ----------
    before : callable
        The hook for every other exception that can't be raised.
    """

    def __init__(self, before: Callable[[sys.UnraisableHookArgs], object]) -> None:
        self._before = before
        self.leaving = False

    def __call__(self, swallowed: sys.UnraisableHookArgs) -> None:
        if not isinstance(swallowed.exc_value, _Terminated):
            self._before(swallowed)
            return
        self.leaving = False
        # Later, and to the main thread: from here it would be swallowed again.
        again = threading.Timer(0.01, signal.pthread_kill, (threading.main_thread().ident, signal.SIGTERM))
        again.daemon = True
        again.start()


def _exit(number: int, frame: FrameType | None) -> None:
    del frame
    watch = sys.unraisablehook
    if isinstance(watch, _Watch):
        if watch.leaving:
            # Supervisors send it again; a second one would cut the draining short. SIGKILL still ends it.
            return
        watch.leaving = True
    raise _Terminated(128 + number)
