"""The last stage before the chain where a service targets an older version: says the event in it, and counts what that loses."""

from __future__ import annotations

import logging
import os
import threading
from collections import Counter
from typing import Any
from weakref import WeakSet

from bh_lib.emitters.pipeline import validate
from bh_lib.schema import Agents, Loss, convert_event

__all__ = ["Downgrade"]

_log = logging.getLogger("bh_lib.emitters")


class Downgrade:
    """Converts events of 3.0 by the rules of `bh_lib.schema.convert_event`; what comes out holds the target's schema.

    Parameters
    ----------
    version : str
        The target, below 3.0.
    agents : Agents or str
        What becomes of an agent's event where the target has no agents: ``refuse`` raises, ``flatten`` shows a service.

    Examples
    --------
    >>> from bh_lib.emitters import AuditConfig, AuditLogger, MemorySink
    >>> audit = AuditLogger(AuditConfig(service="s", schema_version="1.0"), sink=MemorySink())
    >>> who, what = {"subject_id": "u", "subject_type": "human"}, {"type": "Note", "id": "n"}
    >>> _ = audit.denied("READ", reason="ConsentRequired", actor=who, resource=what)
    >>> audit.sink.events[0]["outcome"]["status"], audit.losses()[0]["path"], audit.health()["schema_losses"]
    ('FAILURE', '/outcome/status', 1)
    """

    def __init__(self, version: str, agents: Agents | str) -> None:
        self._version, self._agents = version, Agents(agents)
        self._losses: Counter[Loss] = Counter()
        self._counting = threading.Lock()
        _alive.add(self)

    def __call__(self, event: dict[str, Any]) -> dict[str, Any]:
        """Convert one event.

        Raises
        ------
        SchemaError
            If it doesn't hold 3.0, or would lie in the target.
        """
        conversion = convert_event(validate(event), self._version, agents=self._agents)
        for loss in conversion.losses:
            with self._counting:
                self._losses[loss] += 1
                first = self._losses[loss] == 1
            if first:
                _log.warning("events lose %s under schema %s: %s", loss.path, self._version, loss.why)
        return conversion.event

    @property
    def total(self) -> int:
        """Losses so far, of all events."""
        with self._counting:
            return sum(self._losses.values())

    def losses(self) -> list[dict[str, Any]]:
        """What was lost: path, kind, reason, and in how many events; most first, never a value."""
        with self._counting:
            counted = sorted(self._losses.items(), key=lambda item: (-item[1], item[0]))
        return [loss.to_dict() | {"events": count} for loss, count in counted]


_alive: WeakSet[Downgrade] = WeakSet()


def _renew() -> None:
    for downgrade in list(_alive):
        # Another thread of the parent may have held it.
        downgrade._counting = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)
