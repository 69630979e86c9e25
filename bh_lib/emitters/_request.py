"""What is known of a request, as the arguments of `AuditLogger.record`."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from bh_lib.emitters._correlation import correlation
from bh_lib.emitters._exchange import Exchange, Scope
from bh_lib.emitters._routes import UNMATCHED, Templates
from bh_lib.errors import ConfigError

__all__ = ["Block", "Hooks", "RequestFacts"]

Block = Mapping[str, Any]

_log = logging.getLogger("bh_lib.emitters")
_ACTIONS = {"GET": "READ", "HEAD": "READ", "POST": "CREATE", "PUT": "UPDATE", "PATCH": "UPDATE", "DELETE": "DELETE"}
_METHODS = frozenset({*_ACTIONS, "OPTIONS"})
_CLASS = re.compile(r"[A-Za-z][A-Za-z0-9_.:-]{0,127}").fullmatch
_UNKNOWN = {"subject_id": "unknown", "subject_type": "human"}


class Hooks(NamedTuple):
    """What the application lets the middleware ask; each is a function of the scope, asked once a request."""

    actor: Callable[[Scope], Block | None] | None = None
    resource: Callable[[Scope], Block | None] | None = None
    patient: Callable[[Scope], str | None] | None = None
    purpose: Callable[[Scope], str | None] | None = None
    reason: Callable[[Scope], str | None] | None = None


class RequestFacts:
    """Gathers the facts of each exchange of one middleware.

    Parameters
    ----------
    app : ASGI application
        Whose routes are searched where the scope names no application.
    hooks : Hooks
        The application's.
    patient_param : str or None
        Name of the path parameter that is a patient's id.
    counters : Counter
        Where ``reduced`` is counted.
    """

    __slots__ = ("_app", "_counters", "_hooks", "_patient_param", "_silent", "_templates")

    def __init__(self, app: Any, hooks: Hooks, patient_param: str | None, counters: Counter[str]) -> None:
        for place, hook in hooks._asdict().items():
            if hook is not None and not callable(hook):
                raise ConfigError("is a function of the scope", place=place)
        self._app, self._hooks, self._patient_param = app, hooks, patient_param
        self._counters = counters
        self._silent = not any(hooks) and patient_param is None
        self._templates: dict[int, tuple[Any, Templates]] = {}

    def of(self, exchange: Exchange, outcome: dict[str, Any]) -> tuple[dict[str, Any] | None, dict[str, Any]]:
        """The facts in full, or None where a hook fails; and what is known without the application."""
        scope, said = exchange.scope, exchange.said.fields
        template = self._template(exchange)
        method = scope.get("method")
        http: dict[str, Any] = {"route_template": template}
        if method in _METHODS:
            http["method"] = method
        if exchange.status is not None:
            http["status_code"] = exchange.status
        plain: dict[str, Any] = {
            "action": _ACTIONS.get(method or "", "OTHER"),
            "actor": _UNKNOWN,
            "resource": {"type": "Route", "id": template},
            "correlation": correlation(scope.get("headers") or ()),
            "http": http,
            **outcome,
        }
        if scope["type"] == "websocket":
            plain["name"] = "websocket"
        if self._silent and not said:
            return plain, plain
        try:
            return self._full(scope, said, plain), plain
        except Exception as error:  # noqa: BLE001  a hook may raise anything; that the request happened is known without it
            _log.error("a request's event is reduced: a hook raised %s", type(error).__name__)
            return None, plain

    def _full(self, scope: Scope, said: dict[str, Any], plain: dict[str, Any]) -> dict[str, Any]:
        hooks = self._hooks
        full = {**plain, **said}
        if hooks.actor is not None and not said.get("actor"):
            full["actor"] = hooks.actor(scope) or _UNKNOWN
        if hooks.resource is not None and not said.get("resource"):
            full["resource"] = hooks.resource(scope) or plain["resource"]
        patient = hooks.patient(scope) if hooks.patient is not None else None
        if patient is None and self._patient_param is not None:
            given = (scope.get("path_params") or {}).get(self._patient_param)
            patient = None if given is None else str(given)
        if patient is not None:
            full["resource"] = {"patient_id": patient, **full["resource"]}
        if hooks.purpose is not None and said.get("purpose_of_use") is None:
            full["purpose_of_use"] = hooks.purpose(scope)
        if full["status"] == "DENIED":
            if plain["status"] == "FAILURE":
                full.pop("error_message", None)  # of the failure that the application says it was not
            if hooks.reason is not None and "error_type" not in said:
                full["error_type"] = hooks.reason(scope) or full["error_type"]
            self._check_reason(full, plain)
        for key, value in full.items():
            if value is not plain.get(key):
                _only_unicode(value)
        return full

    def _check_reason(self, full: dict[str, Any], plain: dict[str, Any]) -> None:
        reason = full.get("error_type")
        if not (isinstance(reason, str) and _CLASS(reason)):
            # A sentence could say anything about anyone.
            self._counters["reduced"] += 1
            _log.error("a denial's reason is left out: it is the name of a class of refusals, such as ConsentRequired")
            full["error_type"] = plain["error_type"] if plain["status"] == "DENIED" else "Denied"

    def _template(self, exchange: Exchange) -> str:
        named = exchange.said.template
        if isinstance(named, str) and 0 < len(named) <= 512:
            return named
        root = exchange.root if exchange.root is not None else self._app
        known = self._templates.get(id(root))
        try:
            if known is None or known[0] is not root:
                known = self._templates[id(root)] = (root, Templates(root))
            return known[1].of(exchange.scope, exchange.root_path)
        except Exception as error:  # noqa: BLE001  a framework's routes may be anything
            _log.error("a request's route is not known: %s", type(error).__name__)
            return UNMATCHED


def _only_unicode(value: Any) -> None:
    """A lone surrogate can't be written: refused here, it costs what was said; refused by the sink, the whole event."""
    if isinstance(value, str):
        if not value.isascii():
            value.encode()
    elif isinstance(value, Mapping):
        for key, item in value.items():
            if type(key) is not str or not key.isascii():
                raise ConfigError("has keys of ASCII letters", place='scope["bh_audit"]')
            _only_unicode(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            _only_unicode(item)
