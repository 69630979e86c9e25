"""The settings of an `AuditLogger`; a wrong one is refused where it is made."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bh_lib.emitters.delivery import OnFailure
from bh_lib.errors import ConfigError
from bh_lib.schema import CURRENT, VERSIONS, Agents

__all__ = ["AuditConfig"]


@dataclass(frozen=True, slots=True)
class AuditConfig:
    """What a logger writes, and what it promises.

    Parameters
    ----------
    service : str
        Name of the service that emits, 1 to 128 characters.
    environment, version : str, optional
        Where it runs (``prod``) and what build it is, up to 64 characters each.
    metadata : iterable of str
        The metadata keys that may pass; by default none do.
    names : iterable of str
        Names to take out of free text, such as those of the staff.
    delivery : "durable" or "queued"
        ``durable`` (default): when `record` returns, the sink has the event. ``queued``: a bounded queue has it, and a thread
        brings it to the sink; a process that is killed loses what is queued.
    on_failure : "raise", "spool" or "drop"
        What happens to an event that the sink can't keep. ``queued`` has no caller to raise to and needs another.
    spool : path-like, optional
        The journal of ``spool``: one file a process.
    capacity : int
        Most events that wait in the queue.
    when_full : "block" or "drop"
        What `record` does when the queue is full: wait, or drop the event and count it.
    drain_seconds : float
        How long `close` waits for what is pending.
    schema_version : str
        The version that is written: 3.0 (default), or 2.1, 2.0, 1.1, 1.0 for a reader that knows no later one. Fields that
        it has no place for are lost, and counted (`AuditLogger.losses`); the ledger has that version's chain.
    agents : "refuse" or "flatten"
        What becomes of an AI agent's event where the version has no agents. ``refuse`` (default) raises `SchemaError`: without its
        delegation the event would lie. ``flatten`` shows the agent as a service, and counts it.

    Raises
    ------
    ConfigError
        If a setting is not one of these; it names the setting.

    Examples
    --------
    >>> AuditConfig(service="intake-api", environment="prod").delivery
    'durable'
    >>> AuditConfig(service="")
    Traceback (most recent call last):
    ...
    bh_lib.errors.ConfigError: service: is 1 to 128 characters
    """

    service: str
    environment: str | None = None
    version: str | None = None
    metadata: Iterable[str] = ()
    names: Iterable[str] = ()
    delivery: Literal["durable", "queued"] = "durable"
    on_failure: OnFailure | None = None
    spool: str | Path | None = None
    capacity: int = 10_000
    when_full: Literal["block", "drop"] = "block"
    drain_seconds: float = 10.0
    schema_version: str = CURRENT
    agents: Agents | Literal["refuse", "flatten"] = Agents.REFUSE

    def __post_init__(self) -> None:
        if not isinstance(self.service, str) or not 1 <= len(self.service) <= 128:
            raise ConfigError("is 1 to 128 characters", place="service")
        for place in ("environment", "version"):
            value = getattr(self, place)
            if value is not None and (not isinstance(value, str) or len(value) > 64):
                raise ConfigError("is at most 64 characters", place=place)
        if self.delivery not in ("durable", "queued"):
            raise ConfigError('is "durable" or "queued"', place="delivery")
        if self.when_full not in ("block", "drop"):
            raise ConfigError('is "block" or "drop"', place="when_full")
        if self.capacity < 1:
            raise ConfigError("is at least 1", place="capacity")
        if self.policy not in ("raise", "spool", "drop"):
            raise ConfigError('is "raise", "spool" or "drop"', place="on_failure")
        if self.delivery == "queued" and self.policy == "raise":
            raise ConfigError('"queued" has no caller to raise to: choose "spool" or "drop"', place="on_failure")
        if self.schema_version not in VERSIONS:
            raise ConfigError(f"is one of {', '.join(VERSIONS)}", place="schema_version")
        if self.agents not in set(Agents):
            raise ConfigError(f"is one of {', '.join(Agents)}", place="agents")
        if (self.policy == "spool") != (self.spool is not None):
            raise ConfigError('the path of a journal is needed for on_failure="spool", and only there', place="spool")

    @property
    def policy(self) -> OnFailure:
        """The failure policy in force: as given, else ``spool`` where a journal is named, else ``raise``."""
        return self.on_failure or ("spool" if self.spool is not None else "raise")

    @property
    def service_block(self) -> dict[str, str]:
        """The event's ``service`` block."""
        parts = {"name": self.service, "environment": self.environment, "version": self.version}
        return {key: value for key, value in parts.items() if value is not None}
