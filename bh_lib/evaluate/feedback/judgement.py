"""One note under review: its flags, and what a clinician says of each. Every step gives a new state; none holds the note's text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from bh_lib.errors import InputError
from bh_lib.schema.mention import Assertion, Experiencer, Temporality
from bh_lib.schema.taxonomy import load_taxonomy

__all__ = ["LONGEST_COMMENT", "REASONS", "Claim", "Mark", "NoteReview", "Reason", "Verdict"]

LONGEST_COMMENT: Final = 2000


class Verdict(StrEnum):
    """What was said of a flag."""

    OPEN = "open"
    ACCEPTED = "accepted"
    DISMISSED = "dismissed"
    CORRECTED = "corrected"
    ADDED = "added"


class Reason(StrEnum):
    """Why a flag was dismissed."""

    DENIED = "denied"
    SOMEONE_ELSE = "someone_else"
    PAST = "past"
    HYPOTHETICAL = "hypothetical"
    FIGURATIVE = "figurative"
    QUOTED = "quoted"
    OTHER_MEANING = "other_meaning"
    NOT_NEEDED = "not_needed"
    OTHER = "other"


REASONS: Final[Mapping[Reason, str]] = MappingProxyType(
    {
        Reason.DENIED: "The text denies it",
        Reason.SOMEONE_ELSE: "It is about somebody else",
        Reason.PAST: "It is long past",
        Reason.HYPOTHETICAL: "It is hypothetical",
        Reason.FIGURATIVE: "A figure of speech",
        Reason.QUOTED: "Quoted, education or form text",
        Reason.OTHER_MEANING: "The words mean something else",
        Reason.NOT_NEEDED: "True, but no alert is needed here",
        Reason.OTHER: "Another reason",
    }
)
"""Each reason in the words that a reviewer reads."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What is said of the patient: which flag, whether it is so, when, and of whom."""

    flag_id: str
    assertion: Assertion = Assertion.PRESENT
    temporality: Temporality = Temporality.UNKNOWN
    experiencer: Experiencer = Experiencer.PATIENT


@dataclass(frozen=True, slots=True)
class Mark:
    """A flag in a note, with every place where it stands, and the judgement of it.

    Attributes
    ----------
    claim : Claim
        As it stands after the judgement.
    places : tuple of (start, end)
        Indices into the note's text.
    proposed : Claim or None
        What the sentinel said; None for a flag that the reviewer added.
    held_back : str or None
        Why the sentinel saw the flag and did not raise it; None where it raised it.
    basis : str
        Why it was raised, in a sentence without the note's words.
    """

    claim: Claim
    places: tuple[tuple[int, int], ...]
    proposed: Claim | None = None
    held_back: str | None = None
    basis: str = ""
    verdict: Verdict = Verdict.OPEN
    reason: Reason | None = None
    comment: str = ""

    @property
    def raised(self) -> bool:
        """Whether the sentinel raised it: these are the ones that wait for a judgement."""
        return self.proposed is not None and self.held_back is None


_HELD: Final[Mapping[str, Mapping[str, Any]]] = {
    "negated": {"assertion": Assertion.NEGATED},
    "hypothetical": {"assertion": Assertion.HYPOTHETICAL},
    "historical": {"temporality": Temporality.HISTORICAL},
    "other_person": {"experiencer": Experiencer.OTHER},
}


@dataclass(frozen=True, slots=True)
class NoteReview:
    """The marks of one note. ``done`` means that the reviewer read the note whole and nothing else stands in it.

    Examples
    --------
    >>> seen = {"flags": [{"flag_id": "SH-002", "spans": [{"start": 9, "end": 26}]}], "suppressed": []}
    >>> state = NoteReview.propose("n1", 27, seen)
    >>> state = state.dismiss(0, Reason.FIGURATIVE).finish()
    >>> state.marks[0].verdict.value, state.done
    ('dismissed', True)
    """

    note_id: str
    length: int
    marks: tuple[Mark, ...] = ()
    done: bool = False

    @classmethod
    def propose(cls, note_id: str, length: int, analysis: Mapping[str, Any]) -> NoteReview:
        """Put what the sentinel raised, and what it held back, before the reviewer."""
        marks = []
        for flag in analysis["flags"]:
            claim = Claim(
                flag["flag_id"],
                Assertion(flag.get("assertion", "present")),
                Temporality(flag.get("temporality", "unknown")),
                Experiencer(flag.get("experiencer", "patient")),
            )
            marks.append(Mark(claim, _places(flag), claim, basis=flag.get("basis", "")))
        for item in analysis["suppressed"]:
            claim = replace(Claim(item["flag_id"]), **_HELD.get(item["reason"], {}))
            marks.append(Mark(claim, _places(item), claim, held_back=item["reason"]))
        # In the order of the text, as it is read; what was raised comes before what was held back at the same place.
        marks.sort(key=lambda mark: (mark.places[:1], not mark.raised))
        return cls(note_id, length, tuple(marks))

    @property
    def open(self) -> tuple[int, ...]:
        """Which raised flags have no judgement yet."""
        return tuple(number for number, mark in enumerate(self.marks) if mark.raised and mark.verdict is Verdict.OPEN)

    @property
    def counts(self) -> dict[str, int]:
        """How many marks have each verdict; ``open`` counts raised flags alone."""
        found = Counter(mark.verdict.value for mark in self.marks)
        return {verdict.value: found[verdict.value] for verdict in Verdict} | {"open": len(self.open)}

    def _mark(self, number: int) -> Mark:
        if type(number) is not int or not 0 <= number < len(self.marks):
            raise InputError("there is no such flag in this note: choose one of the list")
        return self.marks[number]

    def _with(self, number: int, mark: Mark) -> NoteReview:
        return replace(self, marks=(*self.marks[:number], mark, *self.marks[number + 1 :]), done=False)

    def accept(self, number: int) -> NoteReview:
        """Say that the sentinel is right: in raising the flag, or in holding it back."""
        mark = self._mark(number)
        if mark.proposed is None:
            raise InputError("you added this flag yourself: correct it, or remove it")
        return self._with(number, replace(mark, claim=mark.proposed, verdict=Verdict.ACCEPTED, reason=None, comment=""))

    def dismiss(self, number: int, reason: Reason | str, comment: str = "") -> NoteReview:
        """Say that the flag should not have been raised, and why; the comment stays in the judgements file."""
        mark = self._mark(number)
        if not mark.raised:
            raise InputError("only a flag that was raised can be dismissed: accept, correct or remove this one")
        if not isinstance(reason, str) or reason not in set(Reason):
            raise InputError(f"the reason is one of {', '.join(Reason)}")
        if not isinstance(comment, str) or len(comment) > LONGEST_COMMENT:
            raise InputError(f"a comment has at most {LONGEST_COMMENT:,} characters")
        # A browser may send half of a surrogate pair, which no file can hold.
        kept = comment.encode("utf-8", "replace").decode("utf-8").strip()
        claim = mark.proposed or mark.claim
        return self._with(number, replace(mark, claim=claim, verdict=Verdict.DISMISSED, reason=Reason(reason), comment=kept))

    def correct(self, number: int, claim: Claim) -> NoteReview:
        """Say what is so instead: another flag, assertion, time or person."""
        mark = self._mark(number)
        _known(claim)
        if mark.proposed is None:
            return self._with(number, replace(mark, claim=claim))
        if claim == mark.proposed:
            raise InputError("nothing is changed: accept the flag instead")
        return self._with(number, replace(mark, claim=claim, verdict=Verdict.CORRECTED, reason=None, comment=""))

    def add(self, claim: Claim, start: int, end: int) -> NoteReview:
        """Add a flag that the sentinel overlooked, on the words where it stands."""
        _known(claim)
        if type(start) is not int or type(end) is not int or not 0 <= start < end <= self.length:
            raise InputError("select the words in the note on which the flag stands")
        mark = Mark(claim, ((start, end),), verdict=Verdict.ADDED)
        if mark in self.marks:
            raise InputError("this flag is on these words already")
        return replace(self, marks=(*self.marks, mark), done=False)

    def remove(self, number: int) -> NoteReview:
        """Take away a flag that the reviewer added."""
        if self._mark(number).proposed is not None:
            raise InputError("the sentinel proposed this flag: dismiss it, with a reason")
        return replace(self, marks=(*self.marks[:number], *self.marks[number + 1 :]), done=False)

    def finish(self) -> NoteReview:
        """Say that the note was read whole: what is not in the list doesn't stand in it."""
        if self.open:
            raise InputError(f"{len(self.open)} raised flags are still open: judge them first")
        return replace(self, done=True)


def _places(item: Mapping[str, Any]) -> tuple[tuple[int, int], ...]:
    return tuple((span["start"], span["end"]) for span in item["spans"])


def _known(claim: Claim) -> None:
    if claim.flag_id not in load_taxonomy():
        raise InputError("flag_id must be one of schema/flags.toml")
