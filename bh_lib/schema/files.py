"""Whole logs, validated and converted one line at a time: memory does not grow with the file."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from bh_lib._extras import optional
from bh_lib._jsonl import atomic_write, opened
from bh_lib.errors import InputError, SchemaError
from bh_lib.schema.convert import TARGETS, convert_event
from bh_lib.schema.validate import VERSIONS, Problem, event_checker, validate_event
from bh_lib.schema.versions import Agents, Loss

__all__ = ["ConversionReport", "convert_file", "validate_file"]

_DEPTH: Final = 200
_TOO_DEEP: Final = f"is nested more than {_DEPTH} levels deep"


def _refuse_constant(name: str) -> Any:
    raise ValueError(name)


def _strict(line: bytes) -> Any:
    # The other parser refuses NaN too, and a document must not be valid with one and not with the other.
    return json.loads(line.decode("utf-8"), parse_constant=_refuse_constant)


def _deeper(value: Any, levels: int) -> bool:
    here = [value]
    for _ in range(levels):
        if not here:
            return False
        here = [inner for each in here for inner in (each.values() if isinstance(each, dict) else each)]
        here = [inner for inner in here if isinstance(inner, (dict, list))]
    return bool(here)


def _parser() -> Callable[[bytes], Any]:
    quick = getattr(optional("orjson"), "loads", _strict)

    def parse(line: bytes) -> Any:
        try:
            return quick(line)
        except ValueError:
            # orjson refuses some valid JSON (a number beyond 64 bits, a lone surrogate escape); the standard decides.
            return _strict(line)

    def loads(line: bytes) -> Any:
        try:
            value = parse(line)
        except RecursionError:
            raise SchemaError(_TOO_DEEP) from None
        # Parsers give up at depths of their own, and the verdict must not depend on which one is installed.
        if line.count(b"[") + line.count(b"{") > _DEPTH and isinstance(value, (dict, list)) and _deeper(value, _DEPTH):
            raise SchemaError(_TOO_DEEP)
        return value

    return loads


def _lines(path: str | os.PathLike[str]) -> Iterator[tuple[int, bytes]]:
    with opened(path) as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                yield number, line


def validate_file(
    path: str | os.PathLike[str], version: str | None = None, *, on_event: Callable[[], object] | None = None
) -> Iterator[tuple[int, Problem]]:
    """Yield every problem of a log in JSON Lines, with the line that it stands on, counted from 1.

    Parameters
    ----------
    path : path
    version : str, optional
        One of `VERSIONS`; where none is given, each event is held to the version that it claims.
    on_event : callable, optional
        Called once for each line that isn't blank, valid or not, before its problems: to count, or to show progress.

    Raises
    ------
    InputError
        If the file can't be read.
    SchemaError
        If there is no such version.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     log = pathlib.Path(folder) / "log.jsonl"
    ...     _ = log.write_text('{"schema_version": "3.0"\\n')
    ...     [(line, str(problem)) for line, problem in validate_file(log)]
    [(1, '(event): is not valid JSON')]
    """
    checkers = {known: event_checker(known) for known in ([version] if version else VERSIONS)}
    loads = _parser()
    for number, line in _lines(path):
        if on_event is not None:
            on_event()
        try:
            event = loads(line)
        except SchemaError as error:
            yield number, Problem("", error.rule)
            continue
        except ValueError:
            yield number, Problem("", "is not valid JSON")
            continue
        claimed = version or (event.get("schema_version") if isinstance(event, dict) else None)
        checker = checkers.get(claimed) if isinstance(claimed, str) else None
        if checker is None or claimed is None:
            place, rule = (
                ("/schema_version", f"must be one of {', '.join(VERSIONS)}")
                if isinstance(event, dict)
                else ("", "must be of type object")
            )
            yield number, Problem(place, rule)
        elif not checker(event):
            for problem in validate_event(event, claimed):
                yield number, problem


def _line(event: dict[str, Any]) -> str:
    try:
        text = json.dumps(event, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except ValueError:
        # 1e999 is JSON, and is infinite once it is read.
        raise SchemaError("holds a number that is beyond what can be written again") from None
    try:
        text.encode()
    except UnicodeEncodeError:
        # JSON can hold half a surrogate pair as an escape, UTF-8 can't hold it at all.
        text = json.dumps(event, separators=(",", ":"))
    return text + "\n"


@dataclass(slots=True)
class ConversionReport:
    """What became of a log.

    Attributes
    ----------
    read, written : int
        Events. Those that could not be converted are in `refused`.
    losses : Counter of Loss
        How many events each loss touched.
    refused : Counter of Problem
        Why events were left out, and how many.
    first_refused : int or None
        Line of the first event that was left out.
    """

    read: int = 0
    written: int = 0
    losses: Counter[Loss] = field(default_factory=Counter)
    refused: Counter[Problem] = field(default_factory=Counter)
    first_refused: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "read": self.read,
            "written": self.written,
            "losses": [loss.to_dict() | {"events": count} for loss, count in sorted(self.losses.items())],
            "refused": [{"path": p.path, "rule": p.rule, "events": count} for p, count in sorted(self.refused.items())],
            "first_refused": self.first_refused,
        }


def convert_file(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    to: str,
    *,
    agents: Agents | str = Agents.REFUSE,
) -> ConversionReport:
    """Convert a log in JSON Lines; the target appears whole or not at all.

    An event that can't be converted is left out and counted, with the reason: what BALP has no profile for, what would lie
    in an older version. Nothing is left out in silence.

    Parameters
    ----------
    source, target : path
        Two different files.
    to : str
        One of `TARGETS`.
    agents : Agents or str
        As for `convert_event`.

    Raises
    ------
    InputError
        If the source can't be read, a line is not JSON, or the target can't be written; then nothing is written.
    SchemaError
        If the target format or `agents` is unknown.
    """
    if to not in TARGETS:
        raise SchemaError(f"unknown target: it is one of {', '.join(TARGETS)}")
    if str(agents) not in set(Agents):
        raise SchemaError(f"agents: one of {', '.join(Agents)}")
    report, loads = ConversionReport(), _parser()
    with atomic_write(target) as out:
        for number, line in _lines(source):
            report.read += 1
            try:
                conversion = convert_event(loads(line), to, agents=agents)
                text = _line(conversion.event)
            except SchemaError as error:
                problem = Problem(error.place or "", error.rule)
            except ValueError:
                raise InputError("is not valid JSON", path=str(source), place=f"line {number}") from None
            else:
                out.write(text)
                report.written += 1
                report.losses.update(set(conversion.losses))
                continue
            report.refused[problem] += 1
            report.first_refused = report.first_refused or number
    return report
