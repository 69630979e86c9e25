"""Proves the knowledge: all of it loads, and each pattern raises what it must, spares what it must, and adds something.

Run ``python -m bh_lib.sentinel.check [pack.toml ...]``: every fault with file, line, pattern and sentence.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

from bh_lib.errors import KnowledgeError
from bh_lib.schema.mention import Assertion, Experiencer
from bh_lib.schema.taxonomy import load_taxonomy
from bh_lib.sentinel.context import ContextEngine
from bh_lib.sentinel.covering import covers
from bh_lib.sentinel.cues import CueTree, load_cues
from bh_lib.sentinel.document import read_document
from bh_lib.sentinel.emotion import read_lexicon
from bh_lib.sentinel.expression import compiled
from bh_lib.sentinel.knowledge import KNOWLEDGE, Fault, Pattern, default_packs, load_macros, read_pack, read_toml, twice
from bh_lib.sentinel.layers.patterns import PatternLayer
from bh_lib.sentinel.mention import Mention
from bh_lib.sentinel.rules import read_rules
from bh_lib.sentinel.shorthand import read_shorthand
from bh_lib.sentinel.spelling import read_spelling

__all__ = ["check_knowledge", "main"]

_SO: Final = (Assertion.PRESENT, Assertion.POSSIBLE)


def _fault(error: KnowledgeError) -> Fault:
    return Fault(Path(error.path or "knowledge").name, error.place or "file", error.rule)


def _tried(read: Callable[[], object]) -> list[Fault]:
    try:
        read()
    except KnowledgeError as error:
        return [_fault(error)]
    return []


def _raises_flag(mention: Mention) -> bool:
    return mention.raised and mention.assertion in _SO and mention.experiencer is Experiencer.PATIENT


def _why(found: Sequence[Mention]) -> str:
    if not found:
        return "the pattern doesn't match it"
    read = sorted({f"{m.reason or m.experiencer.value} by {', '.join(m.cues[1:]) or 'the pattern itself'}" for m in found})
    return f"it isn't raised: read as {'; '.join(read)}"


def _examples(layer: PatternLayer, pattern: Pattern) -> list[Fault]:
    faults: list[Fault] = []
    for kind, sentences in (("raises", pattern.raises), ("spares", pattern.spares)):
        for number, sentence in enumerate(sentences, 1):
            # The engine is proven with the packs: one sentence that breaks it hides no other fault.
            try:
                mentions = layer.mentions(read_document(sentence))
            except Exception as error:  # noqa: BLE001
                broken = f"the layer fails on it with {type(error).__name__}"
                faults.append(Fault(pattern.path, f"{pattern.place}, {kind} {number}", broken))
                continue
            found = [mention for mention in mentions if mention.cues[0] == pattern.pattern_id]
            raised = any(map(_raises_flag, found))
            if raised != (kind == "raises"):
                rule = "it is raised" if raised else _why(found)
                faults.append(Fault(pattern.path, f"{pattern.place}, {kind} {number}", rule))
    return faults


def _seems_covered(wide: Pattern, sentences: Sequence[str], narrow: Pattern) -> bool:
    """Whether in these sentences each match of the one lies within a match of the other: a quick no spares the proof."""
    ours = compiled(wide.regex)
    for sentence in sentences:
        held = [found.span() for found in ours.finditer(sentence)]
        for found in compiled(narrow.regex).finditer(sentence):
            if not any(start <= found.start() and found.end() <= end for start, end in held):
                return False
    return True


def _covered(patterns: Iterable[Pattern]) -> list[Fault]:
    """Patterns that add nothing: another of their flag matches all that they match.

    The other must say the same of assertion, time, person, negation and behaviour, and be no less sure; the voice is left aside,
    for a text has none. It must hold each match in the examples of both, as the engine finds them, and the proof must hold for
    every string: the language of the one lies in the other's (`covers`). So nothing is lost without it: no mention, no width, no
    confidence. One that only holds a shorter match of another is no fault: the words around it may decide how it stands.
    """
    alike: dict[tuple[object, ...], list[Pattern]] = {}
    for pattern in patterns:
        says = (pattern.assertion, pattern.temporality, pattern.experiencer, pattern.negatable, pattern.behavior)
        alike.setdefault((pattern.flag_id, *says), []).append(pattern)
    faults: list[Fault] = []
    for group in alike.values():
        norms = [[s.norm for text in (*p.raises, *p.spares) for s in read_document(text).sentences] for p in group]
        gone: set[int] = set()
        for last, narrow in reversed(list(enumerate(group))):
            for first, wide in enumerate(group):
                if first == last or first in gone or wide.precision < narrow.precision:
                    continue
                if _seems_covered(wide, [*norms[last], *norms[first]], narrow) and covers(wide.regex, narrow.regex):
                    rule = f"adds nothing: {wide.pattern_id} ({wide.path}, line {wide.line}) matches all that it matches"
                    faults.append(Fault(narrow.path, narrow.place, rule))
                    gone.add(last)
                    break
    return faults[::-1]


def _uncovered(patterns: Iterable[Pattern]) -> list[Fault]:
    there = {(pattern.flag_id, pattern.voice) for pattern in patterns}
    taxonomy = load_taxonomy()
    return [
        Fault(f"{taxonomy[flag_id].domain}.toml", flag_id, f"a critical flag without a pattern in the {voice}'s voice")
        for flag_id in taxonomy.critical
        for voice in ("clinician", "patient")
        if (flag_id, voice) not in there
    ]


def _coupled(path: Path) -> list[Fault]:
    version = load_taxonomy().version
    found = read_toml(path)[1].get("taxonomy_version", version if path.name == "macros.toml" else None)
    return [] if found == version else [Fault(path.name, "taxonomy_version", f"is the taxonomy's, {version}")]


def _shared() -> list[Fault]:
    """Faults of what no pack holds: rules, lexicon, and the versions of all."""
    faults = _tried(lambda: read_rules(KNOWLEDGE / "rules.toml"))
    faults += _tried(lambda: read_lexicon(KNOWLEDGE / "emotion.toml", KNOWLEDGE / "emotion_modifiers.toml"))
    faults += _tried(lambda: read_spelling(KNOWLEDGE / "spelling.toml"))
    faults += _tried(lambda: read_shorthand(KNOWLEDGE / "shorthand.toml"))
    for path in sorted(KNOWLEDGE.glob("*.toml")):
        try:
            faults += _coupled(path)
        except KnowledgeError as error:
            faults.append(_fault(error))
    return faults


def _packs(paths: Iterable[Path]) -> tuple[list[Pattern], list[Fault]]:
    patterns, faults = list[Pattern](), list[Fault]()
    try:
        macros = load_macros()
    except KnowledgeError as error:
        return [], [_fault(error)]
    for path in paths:
        try:
            found, wrong = read_pack(path, macros)
        except KnowledgeError as error:
            faults.append(_fault(error))
            continue
        patterns += found
        faults += wrong
    return patterns, faults + twice(patterns)


def check_knowledge(paths: Sequence[Path] | None = None) -> list[Fault]:
    """Every fault; an empty list where all is proven.

    Parameters
    ----------
    paths : sequence of Path, optional
        Packs to prove with this release's cues, each pattern among them adding something to the others. Without it, all of this
        release's knowledge: packs, cues, lexicon, rules, that each is of the taxonomy's version, and that each critical flag has
        patterns in both voices.

    Returns
    -------
    list of Fault
        In the order of the files and their lines, each fault once.
    """
    patterns, faults = _packs(default_packs() if paths is None else paths)
    cues = list[CueTree]()
    faults += _tried(lambda: cues.append(load_cues()))
    if cues:
        layer = PatternLayer(patterns, ContextEngine(cues[0]))
        for pattern in patterns:
            faults += _examples(layer, pattern)
    faults += _covered(patterns)
    if paths is None:
        faults += _uncovered(patterns) + _shared()
    return list(dict.fromkeys(faults))


def main(arguments: Sequence[str] | None = None) -> int:
    """Print every fault; 0 where there is none, 1 otherwise."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    faults = check_knowledge([Path(name) for name in given] or None)
    for fault in faults:
        print(fault)  # noqa: T201 - the report is this command's purpose
    print(f"{len(faults)} faults")  # noqa: T201
    return 1 if faults else 0


if __name__ == "__main__":
    raise SystemExit(main())
