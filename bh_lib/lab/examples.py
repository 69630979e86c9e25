"""Training examples: windows of sentences, cut as the sentinel cuts them, each with the flags that stand in it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from bh_lib._extras import require
from bh_lib.evaluate import true_flags
from bh_lib.schema.note import LabelledNote
from bh_lib.schema.taxonomy import load_taxonomy
from bh_lib.sentinel import Sentinel
from bh_lib.sentinel.document import read_document
from bh_lib.sentinel.knowledge import release_patterns

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Example", "examples_of", "labels_of", "pattern_examples"]


@dataclass(frozen=True, slots=True)
class Example:
    """One window: its text, the flags that stand in it, and the families it came from."""

    text: str
    flags: frozenset[str]
    group: str


def examples_of(notes: Iterable[LabelledNote], window: int = 1) -> list[Example]:
    """Cut notes into windows of one to ``window`` sentences; a window twice told is kept once.

    A mention labels a window that holds at least half of it. A note with flags and no spans can't say which of several
    sentences carries them, so it is used only where it is one window.

    Examples
    --------
    >>> from bh_lib.schema.note import Span
    >>> note = LabelledNote("n", "Slept well. Wants to die.", spans=(Span("SH-001", 12, 24),))
    >>> [(each.text, sorted(each.flags)) for each in examples_of([note])]
    [('Slept well.', []), ('Wants to die.', ['SH-001'])]
    """
    found: dict[tuple[str, frozenset[str]], Example] = {}
    for note in notes:
        sentences = read_document(note.text).sentences
        if note.spans is None and (note.flags is None or len(sentences) > 1):
            continue
        for size in range(1, window + 1):
            for first in range(len(sentences) - size + 1):
                start, end = sentences[first].start, sentences[first + size - 1].end
                inside = tuple(s for s in note.spans or () if 2 * (min(s.end, end) - max(s.start, start)) >= s.end - s.start)
                kept = note if note.spans is None else replace(note, flags=None, spans=inside)
                flags = true_flags(kept) or frozenset()
                text = note.text[start:end]
                found.setdefault((text, flags), Example(text, flags, note.group or note.note_id))
    return list(found.values())


def pattern_examples() -> list[Example]:
    """The sentences that the release's patterns must raise or spare, with every flag that layers 1, 3 and 4 raise in them.

    Their authors read the training and development seeds, so figures on the development split flatter what was trained on them.
    """
    told: dict[str, set[str]] = {}
    for pattern in release_patterns():
        for text in (*pattern.raises, *pattern.spares):
            told.setdefault(text, set()).update({pattern.flag_id} if text in pattern.raises else ())
    texts = [text for text in told if len(read_document(text).sentences) == 1]
    found = Sentinel.load().analyze_batch(texts)
    return [
        Example(text, frozenset(told[text] | {flag.flag_id for flag in analysis.flags}), f"pattern-{number}")
        for number, (text, analysis) in enumerate(zip(texts, found, strict=True))
    ]


def labels_of(examples: Sequence[Example]) -> NDArray[Any]:
    """Zeros and ones, shape (examples, flags), flags in taxonomy order."""
    np = require("numpy", extra="ml")
    index = {flag: column for column, flag in enumerate(load_taxonomy().ids)}
    labels = np.zeros((len(examples), len(index)))
    for row, example in enumerate(examples):
        for flag in example.flags:
            labels[row, index[flag]] = 1
    return labels  # type: ignore[no-any-return]
