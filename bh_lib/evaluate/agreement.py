"""How far two people who labelled the same notes agree: Cohen's kappa by domain, and the notes to talk about."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from bh_lib._extras import require
from bh_lib.errors import InputError
from bh_lib.schema.note import LabelledNote
from bh_lib.schema.taxonomy import load_taxonomy

__all__ = ["Agreement", "Share", "agreement"]


@dataclass(frozen=True, slots=True)
class Share:
    """Agreement over a set of yes-or-no decisions, one a note and flag.

    Attributes
    ----------
    n : int
        Decisions.
    both, first_only, second_only : int
        Of them, said to be present by both, or by one alone.
    kappa : float or None
        Cohen's kappa (Educ Psychol Meas 1960;20:37-46): 1 is full agreement, 0 that of chance. None where neither ever says yes.
    """

    n: int
    both: int
    first_only: int
    second_only: int
    kappa: float | None

    @property
    def f1(self) -> float | None:
        """Agreement on presence alone: what one scores if the other is right. None where neither ever says yes."""
        said = 2 * self.both + self.first_only + self.second_only
        return 2 * self.both / said if said else None


@dataclass(frozen=True, slots=True)
class Agreement:
    """Agreement of two labelled files.

    Attributes
    ----------
    notes : int
        Notes that both label.
    overall : Share
    domains, flags : dict of str to Share
    level_kappa : float or None
        Quadratically weighted kappa of the C-SSRS level, where both state it.
    disputed : tuple of (str, str)
        Note id and flag of each difference.
    """

    notes: int
    overall: Share
    domains: dict[str, Share]
    flags: dict[str, Share]
    level_kappa: float | None
    disputed: tuple[tuple[str, str], ...]


def _share(first: Sequence[bool], second: Sequence[bool]) -> Share:
    pairs = list(zip(first, second, strict=True))
    both, one, other = (pairs.count(pair) for pair in ((True, True), (True, False), (False, True)))
    kappa = _kappa(first, second) if both + one + other else None
    return Share(len(pairs), both, one, other, kappa)


def _kappa(first: Sequence[Any], second: Sequence[Any], weights: str | None = None) -> float | None:
    if len({*first, *second}) < 2:
        return None
    return float(require("sklearn.metrics", extra="lab").cohen_kappa_score(first, second, weights=weights))


def agreement(first: Iterable[LabelledNote], second: Iterable[LabelledNote]) -> Agreement:
    """Compare the flags that two annotators hold to be present, note by note.

    Parameters
    ----------
    first, second : iterable of LabelledNote
        Matched by id; a note that one of them did not label is left out.

    Raises
    ------
    InputError
        If no note is labelled by both, or a matched note has different texts.

    Examples
    --------
    >>> one = [LabelledNote("n1", "a", flags=("SH-001",)), LabelledNote("n2", "b", flags=())]
    >>> two = [LabelledNote("n1", "a", flags=("SH-001", "CD-001")), LabelledNote("n2", "b", flags=())]
    >>> found = agreement(one, two)
    >>> found.domains["self_harm"].kappa, found.disputed
    (1.0, (('n1', 'CD-001'),))
    """
    ours = {note.note_id: note for note in first if note.flags is not None}
    pairs = [(ours[note.note_id], note) for note in second if note.flags is not None and note.note_id in ours]
    if not pairs:
        raise InputError("no note is labelled by both: ids must match, and flags must be there")
    if any(one.text != other.text for one, other in pairs):
        raise InputError("notes of one id must have one text")
    taxonomy = load_taxonomy()
    said = {
        flag: ([flag in (one.flags or ()) for one, _ in pairs], [flag in (other.flags or ()) for _, other in pairs])
        for flag in taxonomy.ids
    }

    def over(flags: Iterable[str]) -> Share:
        chosen = [said[flag] for flag in flags]
        return _share([yes for one, _ in chosen for yes in one], [yes for _, other in chosen for yes in other])

    levels = [(a.c_ssrs_level, b.c_ssrs_level) for a, b in pairs if a.c_ssrs_level is not None and b.c_ssrs_level is not None]
    return Agreement(
        len(pairs),
        over(taxonomy.ids),
        {domain: over(flag.flag_id for flag in taxonomy if flag.domain == domain) for domain in taxonomy.domains},
        {flag: over([flag]) for flag in taxonomy.ids},
        _kappa([a for a, _ in levels], [b for _, b in levels], weights="quadratic") if levels else None,
        tuple(
            (one.note_id, flag)
            for one, other in pairs
            for flag in taxonomy.ids
            if (flag in (one.flags or ())) != (flag in (other.flags or ()))
        ),
    )
