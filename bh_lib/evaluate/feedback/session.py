"""A review under way: it analyzes a note when it is looked at, saves each judgement at once, and leaves an audit event of it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from typing import Any, Final, Protocol

from bh_lib.emitters import AuditLogger
from bh_lib.errors import BhError, ConfigError, InputError
from bh_lib.evaluate.feedback.judgement import Claim, NoteReview, Reason
from bh_lib.evaluate.feedback.label import labelled
from bh_lib.evaluate.feedback.store import Stored, judgements_path, read_judgements, write_judgements
from bh_lib.evaluate.outcome import as_analysis
from bh_lib.schema.note import LabelledNote, read_notes, write_notes

__all__ = ["REVIEW_METADATA", "FlagReview"]

REVIEW_METADATA: Final = ("open", "accepted", "dismissed", "corrected", "added")
"""The metadata keys of a judgement's event: counts of the note's flags. Which flags, and why, is in no event."""


class Reader(Protocol):
    """What proposes flags: anything with the sentinel's ``analyze``."""

    def analyze(self, text: str) -> Any:
        """One analysis."""
        ...


def _digest(text: str) -> str:
    return "sha256:" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_mtime_ns, found.st_ino


class FlagReview:
    """Go through notes flag by flag; close it when you like, and open it again with the same notes and file to go on.

    Parameters
    ----------
    notes : iterable of LabelledNote
        What is reviewed. Register and group are kept; labels are given anew.
    sentinel : Sentinel
        Proposes the flags.
    path : path
        Labelled notes, of those that are done. The judgements, with reasons and comments, go into a file beside it
        (`judgements_path`). Both are replaced whole at each judgement.
    audit : AuditLogger, optional
        Gets a READ event for each note that is shown, and an UPDATE event for each judgement. An event names the note and counts;
        the counts pass where the logger's allowlist has `REVIEW_METADATA`.
    reviewer : mapping, optional
        The ``actor`` block of who judges; needed with ``audit``.

    Raises
    ------
    InputError
        If there is no note, an id stands twice, ``path`` holds notes that no review wrote, or a text is not the one that was
        judged.

    Examples
    --------
    >>> import tempfile
    >>> from bh_lib.sentinel import Sentinel
    >>> notes = [LabelledNote("n1", "Endorses suicidal ideation.")]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     review = FlagReview(notes, Sentinel.load(), f"{folder}/reviewed.jsonl")
    ...     review.accept(0)
    ...     review.finish()
    ...     [note.flags for note in read_notes(f"{folder}/reviewed.jsonl")]
    [('SH-002',)]
    """

    def __init__(
        self,
        notes: Iterable[LabelledNote],
        sentinel: Reader,
        path: str | os.PathLike[str],
        *,
        audit: AuditLogger | None = None,
        reviewer: Mapping[str, Any] | None = None,
    ) -> None:
        self.notes = tuple(notes)
        self.path = Path(path)
        if not self.notes:
            raise InputError("there is no note to review")
        if len({note.note_id for note in self.notes}) < len(self.notes):
            raise InputError("each note needs an id of its own")
        if audit is not None and reviewer is None:
            raise ConfigError("is needed with audit: the actor block of who judges", place="reviewer")
        self._sentinel, self._audit, self._reviewer = sentinel, audit, dict(reviewer or {})
        self._history: list[tuple[int, NoteReview]] = []
        self._shown: set[int] = set()
        self._beside = judgements_path(self.path)
        self._stored, self._others = self._opened()
        # A sitting that ended between the two files left the labels behind the judgements.
        if self.done and (not self.path.exists() or list(read_notes(self.path)) != self._labels()):
            write_notes(self.path, self._labels())
        waiting = (place for place, note in enumerate(self.notes) if not self.is_done(note))
        self.place = next(waiting, 0)
        """Which note is looked at."""

    def _opened(self) -> tuple[dict[str, Stored], tuple[LabelledNote, ...]]:
        self._seen = _stamp(self._beside)
        if self._seen is None:
            if self.path.exists():
                raise InputError("holds what no review wrote, and would be replaced: choose another file", path=str(self.path))
            return {}, ()
        stored = read_judgements(self._beside)
        for note in self.notes:
            if note.note_id in stored and stored[note.note_id][1] != _digest(note.text):
                raise InputError("a note's text is not the one that was judged: review into another file", path=str(self._beside))
        mine = {note.note_id for note in self.notes}
        others = tuple(note for note in read_notes(self.path) if note.note_id not in mine) if self.path.exists() else ()
        return stored, others

    def is_done(self, note: LabelledNote) -> bool:
        """Whether a note's review is done."""
        return note.note_id in self._stored and self._stored[note.note_id][0].done

    @property
    def note(self) -> LabelledNote:
        """The note that is looked at."""
        return self.notes[self.place]

    @property
    def done(self) -> int:
        """How many of the notes are done."""
        return sum(map(self.is_done, self.notes))

    @property
    def state(self) -> NoteReview:
        """The judgements of the note that is looked at; the first look analyzes it, and is a READ event."""
        note = self.note
        if self.place not in self._shown:
            with self._event("READ", "note_shown", None):
                pass
            # Only once the event is written: a note is not looked at without one.
            self._shown.add(self.place)
        if note.note_id not in self._stored:
            analysis = as_analysis(self._sentinel.analyze(note.text))
            self._stored[note.note_id] = (NoteReview.propose(note.note_id, len(note.text), analysis), _digest(note.text))
        return self._stored[note.note_id][0]

    def go(self, place: int) -> None:
        """Look at another note, by its place from 0."""
        if type(place) is not int or not 0 <= place < len(self.notes):
            raise InputError("there is no such note")
        self.place = place

    def accept(self, number: int) -> None:
        """Say that the sentinel is right about a flag of this note; flags are numbered from 0 as `state` lists them."""
        self._judge("flag_accepted", lambda state: state.accept(number))

    def dismiss(self, number: int, reason: Reason | str, comment: str = "") -> None:
        """Say that a flag should not have been raised. The comment is kept in the judgements file alone, in no event."""
        self._judge("flag_dismissed", lambda state: state.dismiss(number, reason, comment))

    def correct(self, number: int, claim: Claim) -> None:
        """Say what is so instead."""
        self._judge("flag_corrected", lambda state: state.correct(number, claim))

    def add(self, claim: Claim, start: int, end: int) -> None:
        """Add a flag that was overlooked, on the words where it stands."""
        self._judge("flag_added", lambda state: state.add(claim, start, end))

    def remove(self, number: int) -> None:
        """Take away a flag that was added."""
        self._judge("flag_removed", lambda state: state.remove(number))

    def finish(self) -> None:
        """Say that the note was read whole; its labels are written."""
        self._judge("note_done", NoteReview.finish)

    def undo(self) -> bool:
        """Take back the last judgement of this sitting, and look at its note; False where there is none."""
        if not self._history:
            return False
        place, before = self._history[-1]
        self.place = place
        self._keep("judgement_undone", before)
        self._history.pop()
        return True

    def _judge(self, name: str, step: Callable[[NoteReview], NoteReview]) -> None:
        before = self.state
        self._keep(name, step(before))
        self._history.append((self.place, before))

    def _keep(self, name: str, after: NoteReview) -> None:
        """Save and record, both or neither."""
        note = self.note
        before = self._stored[note.note_id]
        try:
            with self._event("UPDATE", name, after):
                self._stored[note.note_id] = (after, before[1])
                self._save(before[0].done or after.done)
        except BaseException:
            self._stored[note.note_id] = before
            with suppress(BhError, OSError):
                self._save(before[0].done or after.done)
            raise

    def _save(self, labels: bool) -> None:
        if _stamp(self._beside) != self._seen:
            raise InputError("was changed by another review: open this one again", path=str(self._beside))
        # What was looked at and not judged is proposed again at the next opening, by the sentinel of that day.
        judged = [each for each in self._stored.values() if each[0].done or any(mark.verdict != "open" for mark in each[0].marks)]
        write_judgements(self._beside, judged)
        self._seen = _stamp(self._beside)
        if labels:
            write_notes(self.path, self._labels())

    def _labels(self) -> list[LabelledNote]:
        return [*self._others, *(labelled(note, self._stored[note.note_id][0]) for note in self.notes if self.is_done(note))]

    def _event(self, action: str, name: str, state: NoteReview | None) -> AbstractContextManager[Any]:
        if self._audit is None:
            return nullcontext()
        counts = {} if state is None else {"metadata": {key: state.counts[key] for key in REVIEW_METADATA}}
        return self._audit.access(
            action,
            name=name,
            actor=self._reviewer,
            resource={"type": "Note", "id": self.note.note_id},
            phi_touched=True,
            data_classification="PHI",
            purpose_of_use="HQUALIMP",
            **counts,
        )
