"""The clinic's events said in an older version of the standard, with an account of what that costs."""

from __future__ import annotations

from collections import Counter
from typing import Any

from bh_lib.errors import ConfigError
from bh_lib.schema.convert import convert_event
from bh_lib.schema.validate import CURRENT, VERSIONS
from bh_lib.schema.versions import Agents, Loss

__all__ = ["Recast", "check_version"]

_ATTRIBUTED = "2.1"
"""The first version that can say all that the clinic's agents do, one of them for nobody who could be named."""


def check_version(version: str, agents: Agents | str) -> None:
    """Refuse a version that would make the log lie, unless the caller chose how.

    Raises
    ------
    ConfigError
        If there is no such version or mode, or the version has no place for agents and the mode is ``refuse``.

    Examples
    --------
    >>> check_version("2.1", "refuse")
    >>> check_version("1.1", "flatten")
    """
    if version not in VERSIONS:
        raise ConfigError(f"version is one of {', '.join(VERSIONS)}")
    if agents not in set(Agents):
        raise ConfigError(f"agents is one of {', '.join(Agents)}")
    if version < _ATTRIBUTED and agents != Agents.FLATTEN:
        rule = f"the clinic has AI agents, and {version} can't say for whom each of them acts"
        raise ConfigError(f"{rule}: agents='flatten' (--agents flatten) shows them as services and drops the rest, with a count")


class Recast:
    """Converts events, and counts what was lost, implied or changed.

    Parameters
    ----------
    version : str
        One that `check_version` passed.
    agents : Agents or str

    Examples
    --------
    >>> from bh_lib.synth.events import generate_events
    >>> recast = Recast("1.1", "flatten")
    >>> recast(next(generate_events(1, seed=1)))["schema_version"]
    '1.1'
    >>> recast.losses()[0]["path"]
    '/actor/auth'
    """

    def __init__(self, version: str, agents: Agents | str) -> None:
        self._version, self._agents = version, agents
        self._losses: Counter[Loss] = Counter()
        self.counts: dict[str, Counter[str]] = {"actions": Counter(), "outcomes": Counter()}

    def __call__(self, event: dict[str, Any]) -> dict[str, Any]:
        """One event in the other version; the one given is left as it is."""
        if self._version == CURRENT:
            return event
        conversion = convert_event(event, self._version, agents=self._agents)
        self._losses.update(conversion.losses)
        self.counts["actions"][conversion.event["action"]["type"]] += 1
        self.counts["outcomes"][conversion.event["outcome"]["status"]] += 1
        return conversion.event

    def losses(self) -> list[dict[str, Any]]:
        """What it cost: path, kind and reason, and in how many events, most first."""
        return [
            loss.to_dict() | {"events": count} for loss, count in sorted(self._losses.items(), key=lambda item: (-item[1], item[0]))
        ]
