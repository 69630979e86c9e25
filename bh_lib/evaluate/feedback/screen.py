"""What the reviewer sees and can ask for, as plain data: the widget only carries it to the browser and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from bh_lib.errors import BhError, InputError
from bh_lib.evaluate.feedback.judgement import REASONS, Claim, Mark
from bh_lib.evaluate.feedback.session import FlagReview
from bh_lib.schema.mention import Assertion, Experiencer, Temporality
from bh_lib.schema.taxonomy import load_taxonomy

__all__ = ["answer", "choices", "view"]


def choices() -> dict[str, list[list[str]]]:
    """What can be chosen, each with its words."""
    return {
        "flag_id": [[flag.flag_id, f"{flag.flag_id} {flag.name}"] for flag in load_taxonomy()],
        "assertion": [[each.value, each.value] for each in Assertion],
        "temporality": [[each.value, each.value] for each in Temporality],
        "experiencer": [[each.value, each.value] for each in Experiencer],
        "reason": [[reason.value, words] for reason, words in REASONS.items()],
    }


def _mark(mark: Mark) -> dict[str, Any]:
    flag = load_taxonomy()[mark.claim.flag_id]
    return {
        "flag_id": flag.flag_id,
        "name": flag.name,
        "severity": flag.severity.name.lower(),
        "assertion": mark.claim.assertion.value,
        "temporality": mark.claim.temporality.value,
        "experiencer": mark.claim.experiencer.value,
        "places": [list(place) for place in mark.places],
        "proposed": None if mark.proposed is None else mark.proposed.flag_id,
        "raised": mark.raised,
        "held_back": (mark.held_back or "").replace("_", " "),
        "basis": mark.basis,
        "verdict": mark.verdict.value,
        "reason": mark.reason.value if mark.reason else "",
        "reason_words": REASONS[mark.reason] if mark.reason else "",
        "comment": mark.comment,
    }


def view(review: FlagReview) -> dict[str, Any]:
    """The note that is looked at, with its marks. It holds the note's text: it is for the reviewer's screen alone."""
    state = review.state
    return {
        "place": review.place,
        "notes": len(review.notes),
        "notes_done": review.done,
        "note_id": review.note.note_id,
        "text": review.note.text,
        "marks": [_mark(mark) for mark in state.marks],
        "open": list(state.open),
        "done": state.done,
    }


def _claim(asked: Mapping[str, Any]) -> Claim:
    try:
        return Claim(
            str(asked["flag_id"]),
            Assertion(asked["assertion"]),
            Temporality(asked["temporality"]),
            Experiencer(asked["experiencer"]),
        )
    except (KeyError, ValueError):
        raise InputError("choose a flag, an assertion, a time and a person") from None


def _accept(review: FlagReview, asked: Mapping[str, Any]) -> str:
    review.accept(asked.get("mark", -1))
    return f"{review.state.marks[asked['mark']].claim.flag_id} accepted."


def _dismiss(review: FlagReview, asked: Mapping[str, Any]) -> str:
    review.dismiss(asked.get("mark", -1), asked.get("reason", ""), asked.get("comment", ""))
    return f"{review.state.marks[asked['mark']].claim.flag_id} dismissed."


def _correct(review: FlagReview, asked: Mapping[str, Any]) -> str:
    review.correct(asked.get("mark", -1), _claim(asked))
    return f"Corrected to {review.state.marks[asked['mark']].claim.flag_id}."


def _add(review: FlagReview, asked: Mapping[str, Any]) -> str:
    review.add(_claim(asked), asked.get("start", -1), asked.get("end", -1))
    return f"{review.state.marks[-1].claim.flag_id} added."


def _remove(review: FlagReview, asked: Mapping[str, Any]) -> str:
    review.remove(asked.get("mark", -1))
    return "Removed."


def _finish(review: FlagReview, _: Mapping[str, Any]) -> str:
    review.finish()
    if review.done == len(review.notes):
        return "Note done. All notes are done."
    after = [*range(review.place + 1, len(review.notes)), *range(review.place)]
    left = [review.notes[place] for place in after]
    review.go(next(place for place, note in zip(after, left, strict=True) if not review.is_done(note)))
    return f"Note done. Now note {review.place + 1} of {len(review.notes)}."


def _undo(review: FlagReview, _: Mapping[str, Any]) -> str:
    return "The last judgement is taken back." if review.undo() else "There is nothing to take back."


def _go(review: FlagReview, asked: Mapping[str, Any]) -> str:
    review.go(asked.get("place", -1))
    return f"Note {review.place + 1} of {len(review.notes)}."


def _look(_: FlagReview, __: Mapping[str, Any]) -> str:
    return ""


_ASKS: Final[dict[str, Callable[[FlagReview, Mapping[str, Any]], str]]] = {
    "look": _look,
    "accept": _accept,
    "dismiss": _dismiss,
    "correct": _correct,
    "add": _add,
    "remove": _remove,
    "finish": _finish,
    "undo": _undo,
    "go": _go,
}


_JUDGING: Final = ("accept", "dismiss", "correct")


def answer(review: FlagReview, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Do what the screen asked for, and say what came of it; what can't be done is said, and changes nothing.

    Returns
    -------
    dict
        ``view`` (None where the note may not be shown), ``said`` in words for everybody to hear, ``ok``, and ``advance``: whether
        to go on to the next flag.
    """
    ok, said, shown = True, "", None
    try:
        step = _ASKS.get(str(asked.get("ask")))
        if step is None:
            raise InputError("there is no such step")
        said = step(review, asked)
        if asked["ask"] in _JUDGING:
            left = len(review.state.open)
            said += f" Still open: {left}." if left else " No flag is open: press s when the note is done."
    except InputError as error:
        ok, said = False, f"Not done: {error.rule}."
    except (BhError, OSError) as error:
        # A full disk, or a trail that can't be written: the judgement is not kept, and the reviewer must know.
        ok, said = False, f"Not saved: {error if isinstance(error, BhError) else type(error).__name__}."
    try:
        shown = view(review)
    except BhError as error:
        # A note whose reading can't be recorded is not shown.
        ok, said = False, f"{said} Not shown: {error}.".strip()
    return {"view": shown, "said": said, "ok": ok, "advance": ok and asked.get("ask") in _JUDGING}
