"""The route template of a request, and never its path: a path holds identifiers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

__all__ = ["UNMATCHED", "route_template"]

#: Stands where no template is known: an unknown path may hold anything.
UNMATCHED = "(unmatched)"


def route_template(scope: Any, root: Any) -> str:
    """Find the template of the route that served a request.

    Parameters
    ----------
    scope : ASGI scope
        After the application ran: routers leave there what they matched.
    root : object
        The outermost application; its ``routes`` are searched, mounts included.

    Returns
    -------
    str
        Such as ``/patients/{patient_id}``, mount prefixes included; `UNMATCHED` where the framework tells nothing.

    Examples
    --------
    >>> route_template({"path_template": "/notes/{id}"}, None), route_template({"path": "/notes/7"}, None)
    ('/notes/{id}', '(unmatched)')
    """
    template = scope.get("path_template")  # Litestar
    if isinstance(template, str):
        return template[:512]
    wanted = scope.get("route"), scope.get("endpoint")
    if wanted == (None, None):
        return UNMATCHED
    found = _search(getattr(root, "routes", None) or (), *wanted)
    if found is None:
        path = getattr(wanted[0], "path", None)
        found = path if isinstance(path, str) else UNMATCHED
    return found[:512]


def _search(routes: Iterable[Any], route: Any, endpoint: Any) -> str | None:
    """Depth first; a route object is one place, while an endpoint may serve several, so the route wins where it is known."""
    for candidate in routes:
        path = getattr(candidate, "path", "")
        if candidate is route or (route is None and endpoint is not None and getattr(candidate, "endpoint", None) is endpoint):
            return str(path)
        inner = getattr(candidate, "routes", None)
        if inner:
            below = _search(inner, route, endpoint)
            if below is not None:
                return f"{path}{below}"
    return None
