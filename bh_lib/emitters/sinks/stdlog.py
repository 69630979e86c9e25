"""A sink that hands ledger lines to Python logging: for containers whose output is collected."""

from __future__ import annotations

import logging

from bh_lib.emitters.sinks.base import Sink
from bh_lib.errors import SinkError

__all__ = ["StdlogSink"]


class StdlogSink(Sink):
    """Log each event as one message, chain included, at INFO.

    Each process is a chain of its own: verify what was collected with ``verify(..., many_chains=True)``. Python logging
    tells nobody when a handler fails, so this sink promises no more than that a logger which was listening was called: keep
    the audit trail itself in `JsonlSink` or `SqlSink`.

    Parameters
    ----------
    logger : logging.Logger or str
        Where to; by default ``bh_lib.audit``.

    Examples
    --------
    >>> logging.getLogger("doctest.audit").addHandler(logging.NullHandler())
    >>> sink = StdlogSink("doctest.audit")
    >>> sink.append({"event_id": "e1"}).seq
    0
    """

    name = "stdlog"

    def __init__(self, logger: logging.Logger | str = "bh_lib.audit") -> None:
        super().__init__()
        self._logger = logging.getLogger(logger) if isinstance(logger, str) else logger
        if not self._logger.level:
            self._logger.setLevel(logging.INFO)

    def write(self, line: bytes) -> None:
        """Log one line.

        Raises
        ------
        SinkError
            If nobody listens: the logger has no handler, or its level lets INFO not pass.
        """
        if not (self._logger.isEnabledFor(logging.INFO) and self._logger.hasHandlers()):
            raise SinkError("nobody listens to the logger of the audit trail: give it a handler, and let INFO pass")
        # Not a string: a handler that fails prints the message's repr to stderr.
        self._logger.info(_Line(line[:-1].decode()))


class _Line:
    """A message whose text is the event, and whose repr is not."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __str__(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return "<an audit event>"
