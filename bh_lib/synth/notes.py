"""Composes whole notes from seeds: sections and forms as clinicians have them, paragraphs as everybody else writes.

A note is made of the seeds of one split only, so its group of families stands on one side of the line.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from types import MappingProxyType
from typing import Final

from bh_lib.errors import InputError
from bh_lib.schema.mention import Assertion, Experiencer, Temporality
from bh_lib.schema.note import LabelledNote, Span
from bh_lib.schema.taxonomy import load_taxonomy
from bh_lib.synth.labels import BEHAVIOR_LEVEL, c_ssrs_level, present_flags
from bh_lib.synth.perturb import PERTURBATIONS, perturb
from bh_lib.synth.seeds import CLINICAL, PERSONAL, Seed, SeedKind, Seeds
from bh_lib.synth.split import Split, join_families

__all__ = ["Composer", "Draft"]

# (least, usual most, most) sentences, and how many of them a register takes.
_LENGTH: Final[Mapping[str, tuple[int, int, int]]] = MappingProxyType(
    {
        "intake_note": (8, 30, 60),
        "progress_note": (4, 16, 40),
        "group_note": (3, 10, 20),
        "crisis_call": (4, 16, 40),
        "discharge_note": (6, 24, 60),
        "journal": (2, 14, 40),
        "portal_message": (1, 8, 20),
        "text_message": (1, 3, 8),
        "post": (2, 14, 40),
    }
)
_SHARE: Final[Mapping[str, int]] = MappingProxyType(
    {
        "intake_note": 10,
        "progress_note": 16,
        "group_note": 7,
        "crisis_call": 10,
        "discharge_note": 8,
        "journal": 11,
        "portal_message": 10,
        "text_message": 12,
        "post": 16,
    }
)
_HEADERS: Final[Mapping[str, tuple[tuple[str, ...], ...]]] = MappingProxyType(
    {
        "intake_note": (
            ("Presenting problem:", "History:", "Current symptoms:", "Social:", "Impression:"),
            ("CC:", "HPI:", "Past hx:", "Substance hx:", "MSE:", "Assessment:"),
            ("REASON FOR VISIT", "BACKGROUND", "CURRENT FUNCTIONING", "RISK", "PLAN"),
        ),
        "progress_note": (
            ("S:", "O:", "A:", "P:"),
            ("Data:", "Assessment:", "Plan:"),
            ("Behavior:", "Intervention:", "Response:", "Plan:"),
            ("SUBJECTIVE", "OBJECTIVE", "ASSESSMENT", "PLAN"),
        ),
        "group_note": (("Group topic:", "Participation:", "Response:"), ("Session focus:", "Client contribution:")),
        "crisis_call": (("Call summary:", "Risk:", "Disposition:"), ("Caller:", "Concern:", "Action taken:")),
        "discharge_note": (
            ("Reason for admission:", "Course of stay:", "Condition at discharge:", "Follow-up:"),
            ("ADMISSION", "TREATMENT", "DISCHARGE STATUS", "AFTERCARE"),
        ),
    }
)
_OPENINGS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "journal": ("Tuesday night.", "Day 12.", "late again", "Dear diary,", "Morning pages."),
        "portal_message": ("Hello,", "Good morning Dr,", "Hi, it's me again.", "To my care team:", "hi"),
        "post": (
            "throwaway account",
            "Long post, sorry.",
            "First time posting here.",
            "idk where else to put this",
            "Not sure if this is the right sub",
        ),
    }
)
_CLOSINGS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "portal_message": ("Thank you.", "Thanks for reading", "Please call me when you can.", "Sent from my phone"),
        "post": ("Thanks for reading if you made it this far.", "Anyone else?", "Sorry for the wall of text.", "tl;dr see title"),
    }
)  # fmt: skip
_PERSONAL_NOISE: Final[tuple[str, ...]] = (
    *("typos", "casing", "sentence_casing", "shorthand", "apostrophes", "spacing", "punctuation", "dictation"),
    *("keyboard", "stretched", "run_on", "typography", "wraps", "fillers"),
)
_CLINICAL_NOISE: Final[tuple[str, ...]] = (
    *("typos", "casing", "sentence_casing", "shorthand", "spacing", "dictation", "pronouns"),
    *("keyboard", "spoken_marks", "fillers", "scan", "typography", "wraps"),
)


@dataclass(slots=True)
class Draft:
    """A text that grows, and keeps the spans of what was put into it."""

    text: str = ""
    spans: tuple[Span, ...] = ()

    def add(self, text: str, spans: Sequence[Span] = (), *, between: str = " ") -> None:
        """Put a text at the end, its spans moved with it."""
        offset = len(self.text) + len(between) if self.text else 0
        self.text = f"{self.text}{between}{text}" if self.text else text
        self.spans += tuple(replace(span, start=span.start + offset, end=span.end + offset) for span in spans)


_LONGEST: Final = 60
_END: Final = re.compile(r"[.!?]+(?=\s|$)|\n+")


def sentences(text: str) -> int:
    """About how many sentences or lines a text has: at least one.

    Examples
    --------
    >>> sentences("Slept 3.5 hours... Ate well.\\nNo complaints")
    3
    """
    ends = _END.split(text)
    return max(1, sum(1 for part in ends if part.strip()))


def _denied(spans: Iterable[Span]) -> set[str]:
    said = (span for span in spans if span.assertion is Assertion.NEGATED and span.experiencer is Experiencer.PATIENT)
    return {span.flag_id for span in said if span.temporality is not Temporality.HISTORICAL}


def _contradict(block: Seed, draft: Draft) -> bool:
    """Whether a form says no where the note says yes, or the other way round.

    A form says no to more than its words: who has a plan or an intent has thoughts of suicide, and who has acted has acted.
    """
    taxonomy, level = load_taxonomy(), c_ssrs_level(draft.spans)
    present, denied = set(present_flags(draft.spans)), _denied(block.spans)
    if denied & present or _denied(draft.spans) & set(block.flags):
        return True
    implied = (1 < (taxonomy[flag].ideation or 0) <= level for flag in denied)
    acted = level == BEHAVIOR_LEVEL and any(taxonomy[flag].behavior == "behavior" for flag in denied)
    return acted or (level < BEHAVIOR_LEVEL and any(implied))


class Composer:
    """Makes notes from the seeds of one split.

    Parameters
    ----------
    seeds : Seeds
    split : Split
        Only families of this split are used.

    Raises
    ------
    InputError
        If the split has no benign text or no statement for one of the two voices, clinical and personal.

    Examples
    --------
    >>> from bh_lib.synth.seeds import load_seeds
    >>> note = Composer(load_seeds(), Split.TRAIN).compose("n-1", Random(7))
    >>> all(note.text[span.start : span.end].strip() for span in note.spans)
    True
    """

    def __init__(self, seeds: Seeds, split: Split) -> None:
        self._pools: dict[tuple[SeedKind, str], list[Seed]] = defaultdict(list)
        self._by_flag: dict[tuple[SeedKind, str], dict[str, list[Seed]]] = defaultdict(lambda: defaultdict(list))
        for seed in seeds.of(split=split):
            voice = "clinical" if seed.register in CLINICAL else "personal"
            for key in ((seed.kind, seed.register), (seed.kind, voice)):
                self._pools[key].append(seed)
                self._by_flag[key][seed.about].append(seed)
        self._blocks = defaultdict[str, list[Seed]](list)
        for block in self._pools[SeedKind.BLOCK, "clinical"]:
            self._blocks[block.about].append(block)
        for voice in ("clinical", "personal"):
            for kind in (SeedKind.BENIGN, SeedKind.STATEMENT):
                if not self._pools[kind, voice]:
                    raise InputError(f"the {split.value} split has no {voice} {kind.value}: write more seeds")

    def _pick(self, kind: SeedKind, register: str, rng: Random) -> Seed | None:
        """A seed of the register, or at times, and where there is none, of its voice; flags are equally likely, not seeds."""
        key = (kind, register)
        if not self._pools[key] or rng.random() < 0.25:
            key = (kind, "clinical" if register in CLINICAL else "personal")
        if not self._pools[key]:
            return None
        if kind in (SeedKind.BENIGN, SeedKind.PASSAGE):
            return rng.choice(self._pools[key])
        return rng.choice(self._by_flag[key][rng.choice(list(self._by_flag[key]))])

    def _signals(self, register: str, most: int, rng: Random) -> list[Seed]:
        """What the note is about. A fifth of notes have no seed but benign ones; hard negatives are as common as statements."""
        if rng.random() < 0.2:
            return []
        wanted = min(most, rng.choice((1, 1, 1, 2, 2, 3, 4, 6)))
        kinds = rng.choices((SeedKind.STATEMENT, SeedKind.NEGATIVE, SeedKind.PASSAGE), (48, 40, 12), k=wanted)
        found = (self._pick(kind, register, rng) for kind in kinds)
        return [seed for seed in found if seed is not None]

    def _block(self, kind: str, draft: Draft, rng: Random) -> Seed | None:
        level = c_ssrs_level(draft.spans)
        # A form that says otherwise than the note does would be a label nobody can trust.
        pool = [s for s in self._blocks[kind] if (kind != "screen" or s.level == level) and not _contradict(s, draft)]
        return rng.choice(pool) if pool else None

    def _body(self, register: str, rng: Random) -> list[Seed]:
        least, usual, most = _LENGTH[register]
        target = rng.randint(least, most if rng.random() < 0.1 else usual)
        chosen = self._signals(register, max(1, target), rng)
        room = target - sum(sentences(seed.text) for seed in chosen)
        told = {seed.text for seed in chosen}
        # A small pool runs dry, so the number of draws is bounded.
        for _ in range(4 * target):
            filler = self._pick(SeedKind.BENIGN, register, rng)
            if filler is None or (room <= 0 and chosen):
                break
            if filler.text not in told and (not chosen or sentences(filler.text) <= room + 2):
                told.add(filler.text)
                chosen.append(filler)
                room -= sentences(filler.text)
        unique = list({seed.text: seed for seed in chosen}.values())
        rng.shuffle(unique)
        return unique

    def _clinical(self, register: str, body: list[Seed], rng: Random) -> tuple[Draft, list[Seed]]:
        draft, used = Draft(), list(body)
        headers = rng.choice(_HEADERS[register]) if rng.random() < 0.75 else ("",)
        size = -(-len(body) // len(headers))
        for number, header in enumerate(headers):
            part = body[number * size : (number + 1) * size]
            if header and part:
                draft.add(header, between=rng.choice(("\n", "\n\n")))
            for place, seed in enumerate(part):
                draft.add(seed.text, seed.spans, between="\n" if header.isupper() and place == 0 else " ")
        level = c_ssrs_level(draft.spans)
        kinds = ["ros", "plan"] if level == BEHAVIOR_LEVEL else ["ros", "screen", "plan"]
        kinds += ["safety_plan"] if level else []
        for kind in rng.sample(kinds, rng.choice((0, 0, 1, 1, 2))):
            block = self._block(kind, draft, rng)
            if block is not None and sentences(draft.text) + sentences(block.text) <= _LONGEST:
                draft.add(block.text, block.spans, between="\n\n")
                used.append(block)
        return draft, used

    def _personal(self, register: str, body: list[Seed], rng: Random) -> Draft:
        draft = Draft()
        breaks = rng.choice((" ", " ", "\n", "\n\n"))
        if register in _OPENINGS and rng.random() < 0.4:
            draft.add(rng.choice(_OPENINGS[register]))
        for seed in body:
            draft.add(seed.text, seed.spans, between=breaks if rng.random() < 0.3 else " ")
        if register in _CLOSINGS and rng.random() < 0.3:
            draft.add(rng.choice(_CLOSINGS[register]), between=breaks)
        return draft

    def compose(self, note_id: str, rng: Random) -> LabelledNote:
        """One note; the same ``rng`` state gives the same note."""
        register = rng.choices(list(_SHARE), list(_SHARE.values()))[0]
        body = self._body(register, rng)
        if register in PERSONAL:
            draft, used, noise = self._personal(register, body, rng), body, _PERSONAL_NOISE
        else:
            (draft, used), noise = self._clinical(register, body, rng), _CLINICAL_NOISE
        drawn = set(rng.sample(noise, rng.choice((0, 0, 1, 1, 2, 3))))
        kinds = [name for name in PERTURBATIONS if name in drawn]
        text, spans = perturb(draft.text, draft.spans, rng, kinds)
        return LabelledNote(
            note_id,
            text,
            flags=present_flags(spans),
            spans=tuple(sorted(spans, key=lambda span: (span.start, span.end, span.flag_id))),
            c_ssrs_level=c_ssrs_level(spans),
            register=register,
            group=join_families({seed.family for seed in used}),
        )
