"""One block of code, one event: SUCCESS, FAILURE on an exception, DENIED on a PermissionError."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self, TypeVar, cast

from bh_lib.emitters.sinks.base import Receipt

__all__ = ["Access"]

_Function = TypeVar("_Function", bound=Callable[..., Any])


class Access:
    """What `AuditLogger.access` returns; made there.

    Attributes
    ----------
    receipt : Receipt or None
        The receipt, once the block has ended.
    """

    __slots__ = ("_action", "_actor", "_fields", "_record", "_resource", "receipt")

    def __init__(
        self,
        record: Callable[..., Receipt],
        action: str,
        actor: Mapping[str, Any],
        resource: Mapping[str, Any],
        fields: Mapping[str, Any],
    ) -> None:
        self._record, self._action, self._actor, self._resource = record, action, actor, resource
        self._fields = dict(fields)
        self.receipt: Receipt | None = None

    def add(self, **fields: Any) -> None:
        """Add what is known only inside the block, such as ``consent`` or ``metadata``."""
        self._fields.update(fields)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        fields = self._fields
        if kind is not None:
            fields = {**fields, **_outcome(kind)}
        self.receipt = self._record(self._action, actor=self._actor, resource=self._resource, **fields)

    def __call__(self, function: _Function) -> _Function:
        """Decorate a function: an event for each call."""
        if asyncio.iscoroutinefunction(function):

            @functools.wraps(function)
            async def awaited(*args: Any, **kwargs: Any) -> Any:
                with self._again():
                    return await function(*args, **kwargs)

            return cast(_Function, awaited)

        @functools.wraps(function)
        def called(*args: Any, **kwargs: Any) -> Any:
            with self._again():
                return function(*args, **kwargs)

        return cast(_Function, called)

    def _again(self) -> Access:
        return Access(self._record, self._action, self._actor, self._resource, self._fields)


def _outcome(kind: type[BaseException]) -> dict[str, str]:
    # The exception's own words may quote a patient; its class is written by a programmer.
    if issubclass(kind, PermissionError):
        return {"status": "DENIED", "error_type": kind.__name__[:128]}
    return {"status": "FAILURE", "error_type": kind.__name__[:128], "error_message": "the operation raised this exception"}
