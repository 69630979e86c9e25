"""Calls with a name for what happens often; each is `record` with the parts filled in that it implies."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Literal

from bh_lib.emitters.sinks.base import Receipt

__all__ = ["Calls"]

Block = Mapping[str, Any]


class Calls(ABC):
    """Named calls over `record`; every one takes the further fields of `record` too.

    Examples
    --------
    >>> from bh_lib.emitters import AuditConfig, AuditLogger, MemorySink
    >>> audit = AuditLogger(AuditConfig(service="s"), sink=MemorySink())
    >>> nurse = {"subject_id": "u-7", "subject_type": "human"}
    >>> _ = audit.denied("READ", reason="ConsentRequired", actor=nurse, resource={"type": "Note", "id": "n-1"})
    >>> audit.sink.events[0]["outcome"]
    {'error_type': 'ConsentRequired', 'status': 'DENIED'}
    """

    @abstractmethod
    def record(self, action: str, *, actor: Block, resource: Block, **fields: Any) -> Receipt:
        """Write one event."""

    def denied(self, action: str, *, reason: str, actor: Block, resource: Block, **fields: Any) -> Receipt:
        """Record that access was refused, rightly: DENIED is no failure. `reason` is a class such as ``ConsentRequired``."""
        return self.record(action, actor=actor, resource=resource, **{"status": "DENIED", "error_type": reason, **fields})

    def query(self, *, actor: Block, resource: Block, **fields: Any) -> Receipt:
        """Record a search. What was searched for is not recorded: terms may be PHI."""
        return self.record("QUERY", actor=actor, resource=resource, **fields)

    def login(self, *, actor: Block, **fields: Any) -> Receipt:
        """Record a log-in; with ``status="DENIED"`` and ``error_type`` where it was refused."""
        return self.record("LOGIN", actor=actor, **{"resource": _session(), "data_classification": "NONE", **fields})

    def logout(self, *, actor: Block, **fields: Any) -> Receipt:
        """Record a log-out."""
        return self.record("LOGOUT", actor=actor, **{"resource": _session(), "data_classification": "NONE", **fields})

    def break_glass(self, action: str, *, emergency: Block, actor: Block, resource: Block, **fields: Any) -> Receipt:
        """Record emergency access (45 CFR 164.312(a)(2)(ii)); `emergency` has ``nature_code``, best with ``review_due_at``."""
        return self.record(action, actor=actor, resource=resource, **{"purpose_of_use": "BTG", "emergency": emergency, **fields})

    def disclosure(self, *, disclosure: Block, actor: Block, resource: Block, **fields: Any) -> Receipt:
        """Record information given to a recipient outside; `disclosure` has ``recipient`` with its id and type."""
        return self.record("DISCLOSE", actor=actor, resource=resource, **{"phi_touched": True, "disclosure": disclosure, **fields})

    def review(self, *, actor: Block, resource: Block | None = None, **fields: Any) -> Receipt:
        """Record that somebody read the audit trail itself (45 CFR 164.308(a)(1)(ii)(D))."""
        return self.record("REVIEW", actor=actor, **{"resource": resource or {"type": "AuditLog"}, **fields})

    def agent_action(
        self,
        action: str,
        *,
        actor: Block,
        resource: Block,
        delegation: Block,
        attribution: Literal["asserted", "bound", "verified"],
        method: str | None = None,
        **fields: Any,
    ) -> Receipt:
        """Record what an AI agent did on delegated authority.

        Parameters
        ----------
        action, actor, resource
            As in `record`; the actor is the identity whose credentials were presented.
        delegation : mapping
            ``acting`` (the agent), ``authorizing`` (the human), ``delegation_type``, ``agent_session_id``.
        attribution : "asserted", "bound" or "verified"
            How the delegation is known: said by the agent, bound by configuration, or proved by a token.
        method : str, optional
            What carried the identities.
        **fields
            As in `record`.
        """
        how = {"level": attribution} if method is None else {"level": attribution, "method": method}
        return self.record(action, actor=actor, resource=resource, **{"delegation": delegation, "attribution": how, **fields})

    def agent_session(
        self, phase: Literal["start", "end"], *, actor: Block, delegation: Block, attribution: Any, **fields: Any
    ) -> Receipt:
        """Record that an agent's session began or ended."""
        resource = {"type": "AgentSession", "id": delegation["agent_session_id"]}
        return self.agent_action(
            "OTHER",
            **{"name": f"agent_session_{phase}", **fields},
            actor=actor,
            resource=resource,
            delegation=delegation,
            attribution=attribution,
        )

    def override(self, *, actor: Block, agent_session_id: str, **fields: Any) -> Receipt:
        """Record that a human stopped, cancelled or reversed what an agent did."""
        return self.record("OVERRIDE", actor=actor, resource={"type": "AgentSession", "id": agent_session_id}, **fields)


def _session() -> dict[str, str]:
    return {"type": "Session"}
