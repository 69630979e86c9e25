"""Walks a ledger in parts, on several processor cores: the outcome is that of one walk from end to end.

Each part is checked on trust of what comes before it, and is taken only if that turns out to be so. A part in which anything
is wrong, or that doesn't fit, is walked again in its place, so that faults are named as one walk would name them.

The workers are processes of their own, not forks: an application's threads and locks stay where they are, and its main
module isn't run again.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from typing import Any

from bh_lib.emitters._part import Part, accept
from bh_lib.emitters._source import Source
from bh_lib.emitters._walk import Walk
from bh_lib.emitters.chain import parse_line
from bh_lib.emitters.faults import LONGEST
from bh_lib.emitters.published import is_published
from bh_lib.errors import IntegrityError

__all__ = ["cores_for", "walk_files", "walk_parts"]

#: Small enough that memory stays flat and the last part doesn't keep one core waiting long.
_PART = 1 << 24
# Below, starting the workers takes longer than they save.
_WORTH_IT = 1 << 27
_MOST = 16


def cores_for(files: Sequence[Source]) -> int:
    """How many workers a ledger is worth on this machine."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, _MOST) if sum(file.size for file in files) >= _WORTH_IT else 1


def walk_files(walk: Walk, files: Sequence[Source]) -> None:
    """Walk from end to end, in this process."""
    for source in files:
        walk.begin(source.path.name if len(files) > 1 else "")
        with source.open() as file:
            walk.read(file, source.size)


def walk_parts(
    walk: Walk, files: Sequence[Source], workers: int, *, many_chains: bool, roots_at: set[int] | None, restarts: bool = False
) -> None:
    """Walk with so many workers."""
    asked = {"many_chains": many_chains, "roots_at": None if roots_at is None else sorted(roots_at), "restarts": restarts}
    idle: SimpleQueue[_Worker] = SimpleQueue()
    team = [_Worker() for _ in range(workers)]
    for worker in team:
        idle.put(worker)

    def ask(part: Part) -> dict[str, Any] | None:
        worker = idle.get()
        try:
            return worker.ask({**asked, **_request(part)})
        finally:
            idle.put(worker)

    waiting: deque[tuple[Part, Future[dict[str, Any] | None]]] = deque()
    last: Source | None = None
    try:
        with ThreadPoolExecutor(workers) as threads:
            try:
                for part in _parts(files, walk.events if walk.tree.wanted and (many_chains or _is_published(files)) else None):
                    waiting.append((part, threads.submit(ask, part)))
                    if len(waiting) > 2 * workers:
                        last = _take(walk, *waiting.popleft(), last, len(files) > 1, many_chains)
                while waiting:
                    last = _take(walk, *waiting.popleft(), last, len(files) > 1, many_chains)
            finally:
                for _, future in waiting:
                    future.cancel()
                for worker in team:
                    worker.kill()
    finally:
        for worker in team:
            worker.close()


def _take(
    walk: Walk, part: Part, told: Future[dict[str, Any] | None], last: Source | None, many_files: bool, many_chains: bool
) -> Source:
    if part.source is not last:
        walk.begin(part.source.path.name if many_files else "")
    found = told.result()
    if found is None or not accept(walk, found, many_chains=many_chains):
        with part.source.open() as file:
            file.seek(part.start)
            walk.read(file, part.end - part.start)
    return part.source


def _is_published(files: Sequence[Source]) -> bool:
    line = next((line for source in files if (line := source.first_line(LONGEST))), b"")
    try:
        block = parse_line(line).get("integrity")
    except IntegrityError:
        return False
    return isinstance(block, dict) and is_published(block)


def _request(part: Part) -> dict[str, Any]:
    source = part.source
    return {
        "path": os.fspath(source.path.absolute()),
        "size": source.size,
        "inode": source.inode,
        "start": part.start,
        "end": part.end,
        "base": part.base,
    }


def _parts(files: Sequence[Source], base: int | None) -> Iterator[Part]:
    """Cut files at line breaks; with a base, lines are counted on the way, which each part begins with."""
    for source in files:
        with source.open() as file:
            # An empty file is a part too: the lines after it are counted from its end.
            start, size = 0, source.size
            while True:
                end = min(start + _PART, size)
                while end < size:
                    file.seek(end - 1)
                    at = file.read(min(1 << 16, size - end + 1)).find(b"\n")
                    if at >= 0:
                        end += at
                        break
                    end = min(end + (1 << 16), size)
                yield Part(source, start, end, base)
                if base is not None:
                    file.seek(start)
                    left = end - start
                    while left > 0 and (block := file.read(min(1 << 20, left))):
                        base += block.count(b"\n")
                        left -= len(block)
                start = end
                if start >= size:
                    break


class _Worker:
    """A process that checks parts. One that can't be had, or dies, answers None, and its part is walked here."""

    def __init__(self) -> None:
        path = os.pathsep.join(place for place in sys.path if place)
        self._process: subprocess.Popen[str] | None = None
        if not sys.executable:
            return
        try:
            self._process = subprocess.Popen(
                (sys.executable, "-c", "from bh_lib.emitters._part import serve; serve()"),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": path},
                text=True,
                encoding="ascii",
            )
        except OSError:
            return

    def ask(self, request: dict[str, Any]) -> dict[str, Any] | None:
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            return None
        try:
            process.stdin.write(json.dumps(request) + "\n")
            process.stdin.flush()
            told = process.stdout.readline()
            answer: dict[str, Any] | None = json.loads(told) if told else None
        except (OSError, ValueError):
            return None
        return answer

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()

    def close(self) -> None:
        if self._process is not None:
            self._process.communicate()
