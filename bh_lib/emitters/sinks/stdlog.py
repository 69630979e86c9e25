"""A sink that hands ledger lines to Python logging: for containers whose output is collected."""

from __future__ import annotations

import logging

from bh_lib.emitters.sinks.base import Sink

__all__ = ["StdlogSink"]


class StdlogSink(Sink):
    """Log each event as one message, chain included, at INFO.

    Each process is a chain of its own: verify what was collected with ``verify(..., many_chains=True)``. Python logging
    tells nobody when a handler fails or a level filters, so this sink promises no more than that the logger was called:
    keep the audit trail itself in `JsonlSink` or `SqlSink`.

    Parameters
    ----------
    logger : logging.Logger or str
        Where to; by default ``bh_lib.audit``.

    Examples
    --------
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
        """Log one line."""
        # As an argument, not as the format: an event may hold a per cent sign.
        self._logger.info("%s", line[:-1].decode())
