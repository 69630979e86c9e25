"""The route template of a request, and never its path: a path holds identifiers."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

__all__ = ["UNMATCHED", "Templates"]

#: Stands where no template is known: an unknown path may hold anything.
UNMATCHED = "(unmatched)"

_LONGEST = 512
_DEEPEST = 32
_MOST_REBUILDS = 64
_GROUP = re.compile(r"\(\?P<\w+>")


class _Place(NamedTuple):
    """One route of an application, with what stands before it."""

    keys: tuple[Any, ...]
    template: str
    pattern: re.Pattern[str] | None
    host: re.Pattern[str] | None


class Templates:
    """The templates of one application: Starlette, FastAPI, Litestar, Django, or any other, which has none.

    Parameters
    ----------
    root : ASGI application
        The outermost one; other middleware around it is looked through by its ``app`` attribute.

    Examples
    --------
    >>> Templates(None).of({"path_template": "/notes/{id}", "path": "/notes/7"}), Templates(None).of({"path": "/notes/7"})
    ('/notes/{id}', '(unmatched)')
    """

    __slots__ = ("_by_key", "_django", "_places", "_rebuilds", "_root")

    def __init__(self, root: Any) -> None:
        for _ in range(_DEEPEST):
            if hasattr(root, "routes") or not hasattr(root, "app"):
                break
            root = root.app
        self._root = root
        self._django = type(root).__module__.startswith("django.")
        self._rebuilds = 0
        self._build()

    def _build(self) -> None:
        self._places = list(_places(getattr(self._root, "routes", None) or (), "", "", None, 0))
        self._by_key: dict[int, list[tuple[Any, _Place]]] = {}
        for place in self._places:
            for key in place.keys:
                self._by_key.setdefault(id(key), []).append((key, place))

    def of(self, scope: Any, root_path: str = "") -> str:
        """Find the template of the route that served a request, or that would have.

        Parameters
        ----------
        scope : ASGI scope
            After the application ran: routers leave there what they matched. Where they were not reached (a middleware
            answered) or left it in a copy, the path is matched once more.
        root_path : str
            The scope's ``root_path`` before the application ran: mounts change it.

        Returns
        -------
        str
            Such as ``/patients/{patient_id}``, the prefixes of mounts and routers included; `UNMATCHED` where there is none.
        """
        template = scope.get("path_template")  # Litestar
        if isinstance(template, str):
            return (template or _litestar_mount(scope))[:_LONGEST]
        route = scope.get("route")
        wanted = scope.get("endpoint") if route is None else route
        if wanted is not None:
            found = self._by_key.get(id(wanted))
            if found is not None and len(found) == 1 and found[0][0] is wanted:
                return found[0][1].template
            return self._searched(wanted, scope, root_path)
        if self._django:
            return _django(scope, root_path)
        return self._matched(iter(self._places), scope, root_path) or UNMATCHED

    def _searched(self, wanted: Any, scope: Any, root_path: str) -> str:
        found = self._candidates(wanted)
        if not found and self._rebuilds < _MOST_REBUILDS:
            # A route that was added since; a limit, because some routes are never found.
            self._rebuilds += 1
            self._build()
            found = self._candidates(wanted)
        if len(found) > 1:
            # One router under several prefixes: the path says which it was.
            return self._matched(iter(found), scope, root_path) or found[0].template
        if found:
            return found[0].template
        path = getattr(wanted, "path", None)
        return path[:_LONGEST] if isinstance(path, str) and path else UNMATCHED

    def _candidates(self, wanted: Any) -> list[_Place]:
        return [place for key, place in self._by_key.get(id(wanted), ()) if key is wanted]

    def _matched(self, places: Iterator[_Place], scope: Any, root_path: str) -> str | None:
        path = _relative(scope, root_path)
        for place in places:
            if place.pattern is not None and place.pattern.fullmatch(path) and (place.host is None or _host(scope, place.host)):
                return place.template
        return None


def _places(routes: Iterable[Any], prefix: str, before: str, host: re.Pattern[str] | None, depth: int) -> Iterator[_Place]:
    """Every route, outermost first and a mount after what is in it, as a router would try them."""
    if depth > _DEEPEST:
        return
    for route in routes:
        contexts = getattr(route, "effective_route_contexts", None)  # FastAPI: a router that was included
        if callable(contexts):
            for context in contexts():
                inside = getattr(context, "starlette_route", None) or context
                yield from _place(inside, (context.original_route,), prefix, before, host, depth)
        else:
            yield from _place(route, (route,), prefix, before, host, depth)


def _place(
    route: Any, keys: tuple[Any, ...], prefix: str, before: str, host: re.Pattern[str] | None, depth: int
) -> Iterator[_Place]:
    path = getattr(route, "path", "")
    template = f"{prefix}{path if isinstance(path, str) else ''}"
    pattern = getattr(getattr(route, "path_regex", None), "pattern", None)
    regex = _GROUP.sub("(?:", pattern).removeprefix("^").removesuffix("$") if isinstance(pattern, str) else ""
    inner = getattr(route, "routes", None)
    served = getattr(route, "endpoint", None) or getattr(route, "app", None)
    if inner or (inner is not None and served is not None):
        regex = regex.removesuffix("/(?:.*)")
        deeper = getattr(route, "host_regex", None) or host
        yield from _places(inner, template, before + regex, deeper, depth + 1)
        yield _Place((*keys, served), template[:_LONGEST] or UNMATCHED, re.compile(f"{before}{regex}(?:/.*)?"), deeper)
    else:
        whole = re.compile(before + regex, re.DOTALL) if regex else None
        yield _Place((*keys, served) if served is not None else keys, template[:_LONGEST] or UNMATCHED, whole, host)


def _relative(scope: Any, root_path: str) -> str:
    path: str = scope.get("path", "")
    if root_path and (path == root_path or path.startswith(f"{root_path}/")):
        return path[len(root_path) :]
    return path


def _host(scope: Any, pattern: re.Pattern[str]) -> bool:
    for name, value in scope.get("headers") or ():
        if name == b"host":
            return pattern.match(value.decode("latin-1").split(":", 1)[0].lower()) is not None
    return False


def _litestar_mount(scope: Any) -> str:
    """Litestar leaves an empty template where it passes a request on to an application that is mounted."""
    paths = getattr(scope.get("route_handler"), "paths", None) or ()
    return str(next(iter(paths))) if len(paths) == 1 else UNMATCHED


def _django(scope: Any, root_path: str) -> str:
    """Django keeps its match on the request, out of reach from here; its resolver finds it again."""
    urls = sys.modules.get("django.urls")
    if urls is None:
        return UNMATCHED
    try:
        route = urls.resolve(_relative(scope, root_path) or "/").route
    except Exception:  # noqa: BLE001  Resolver404, or a URL configuration that can't be loaded
        return UNMATCHED
    return f"/{_simple(route).removeprefix('/')}"[:_LONGEST]


def _simple(route: str) -> str:
    """A regular expression's groups become ``<name>``, as Django writes its other routes, and its signs go."""
    if "(" not in route and not route.startswith("^"):
        return route
    kept, depth = [], 0
    for at, sign in enumerate(route):
        if sign == "(" and (at == 0 or route[at - 1] != "\\"):
            if depth == 0:
                name = re.match(r"\(\?P(<\w+>)", route[at:])
                kept.append(name[1] if name else "<group>")
            depth += 1
        elif sign == ")" and route[at - 1] != "\\":
            depth -= 1
        elif depth == 0 and sign not in "^$\\?":
            kept.append(sign)
    return "".join(kept)
