"""A new sink is a short file with one method, and the chain, the policies and the proof come with it."""

from __future__ import annotations

import inspect
import threading

from bh_lib.emitters import AuditConfig, AuditLogger, Sink, Verdict, verify

SINK = '''
"""A sink that keeps each event in a file of its own: for a bucket that is mounted as a folder."""

from __future__ import annotations

from pathlib import Path

from bh_lib.emitters import Sink

__all__ = ["FolderSink"]


class FolderSink(Sink):
    """Keeps one file an event.

    Parameters
    ----------
    folder : Path
        Where to; it has to be there.
    """

    name = "folder"

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder, self._count = folder, 0

    def write(self, line: bytes) -> None:
        """Keep one line."""
        with open(self._folder / f"{self._count:012}.json", "xb") as out:
            out.write(line)
        self._count += 1
'''


def test_a_new_sink_is_thirty_lines_with_one_method(tmp_path):
    assert len(SINK.strip().splitlines()) <= 36
    words: dict = {}
    exec(compile(SINK, "folder_sink.py", "exec"), words)
    kind = words["FolderSink"]
    assert [name for name, _ in inspect.getmembers(kind, inspect.isfunction) if name in vars(kind)] == ["__init__", "write"]
    assert Sink.__abstractmethods__ == {"write"}

    folder = tmp_path / "events"
    folder.mkdir()
    who, what = {"subject_id": "u", "subject_type": "human"}, {"type": "Note"}
    with AuditLogger(AuditConfig(service="s", spool=tmp_path / "spool"), sink=kind(folder)) as audit:
        threads = [
            threading.Thread(target=lambda: [audit.record("READ", actor=who, resource=what) for _ in range(20)]) for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        folder.rename(tmp_path / "away")
        assert audit.record("READ", actor=who, resource=what).seq is None
        (tmp_path / "away").rename(folder)
        assert audit.drain()
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"".join(file.read_bytes() for file in sorted(folder.iterdir())))
    found = verify(path)
    assert (found.verdict, found.events, found.chains) == (Verdict.CONSISTENT, 81, 1)
