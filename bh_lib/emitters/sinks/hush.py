"""Keeps drivers' own logging quiet while they carry an event: at DEBUG they log what they send and what they read."""

from __future__ import annotations

import logging
import threading
from types import TracebackType

__all__ = ["Hush"]


class Hush:
    """While it is entered, the named libraries log nothing from this thread; other threads and other libraries go on.

    The sink tells of a failure in its own words, so that no diagnosis is lost with the driver's.

    Parameters
    ----------
    *libraries : str
        Top-level names of loggers, such as ``sqlalchemy``.

    Examples
    --------
    >>> log = logging.getLogger("some_driver.wire")
    >>> log.setLevel(logging.DEBUG)
    >>> with Hush("some_driver"):
    ...     log.filter(log.makeRecord(log.name, logging.DEBUG, "", 0, "the event", (), None))
    False
    """

    def __init__(self, *libraries: str) -> None:
        self._libraries = frozenset(libraries)
        self._seen = -1

    def __enter__(self) -> None:
        # Loggers come with the modules that hold them: most are there after the first call.
        known = logging.root.manager.loggerDict
        if len(known) != self._seen:
            self._seen = len(known)
            self._stand_before(list(known))
        _here.depth = getattr(_here, "depth", 0) + 1

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        _here.depth -= 1

    def _stand_before(self, names: list[str]) -> None:
        for name in names:
            if name.partition(".")[0] in self._libraries:
                # Adding a filter that is there already does nothing.
                logging.getLogger(name).addFilter(_may_pass)


_here = threading.local()


def _may_pass(record: logging.LogRecord) -> bool:
    del record
    return not getattr(_here, "depth", 0)
