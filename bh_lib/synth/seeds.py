"""The seed corpus: what people wrote by hand, read and checked line by line before anything is made of it."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from bh_lib._jsonl import read_jsonl
from bh_lib._resources import resource
from bh_lib.errors import InputError, KnowledgeError
from bh_lib.schema.marked import parse_marked
from bh_lib.schema.note import Span
from bh_lib.schema.taxonomy import load_taxonomy
from bh_lib.synth.labels import c_ssrs_level, present_flags
from bh_lib.synth.split import Split, split_of

__all__ = ["CLINICAL", "PERSONAL", "Seed", "SeedKind", "Seeds", "check_seeds", "load_seeds", "seeds_digest"]

CLINICAL: Final = ("intake_note", "progress_note", "group_note", "crisis_call", "discharge_note")
PERSONAL: Final = ("journal", "portal_message", "text_message", "post")
_NEGATIVE_KINDS: Final = frozenset(
    {"negated", "resolved", "other_person", "hypothetical", "figurative", "quoted", "education", "near_topic"}
)
_BLOCK_KINDS: Final = frozenset({"ros", "screen", "safety_plan", "plan"})


class SeedKind(StrEnum):
    """Which folder of the corpus a seed stands in."""

    STATEMENT = "statements"
    NEGATIVE = "negatives"
    BENIGN = "benign"
    PASSAGE = "passages"
    BLOCK = "blocks"


@dataclass(frozen=True, slots=True)
class Seed:
    """One hand-written text with its labels.

    Attributes
    ----------
    text : str
        Without marks.
    spans : tuple of Span
        Every mention; offsets into ``text``.
    kind : SeedKind
    register, family, author : str
    about : str
        The flag of a statement or negative, the kind of a block, else the file's name.
    negative : str or None
        Why a hard negative is none: ``negated``, ``figurative``, …
    place : str
        File and line, for whoever has to mend it.
    """

    text: str
    spans: tuple[Span, ...]
    kind: SeedKind
    register: str
    family: str
    author: str
    about: str
    negative: str | None = None
    place: str = ""

    @property
    def flags(self) -> tuple[str, ...]:
        """The flags that are present, see `present_flags`."""
        return present_flags(self.spans)

    @property
    def level(self) -> int:
        """The C-SSRS level, see `c_ssrs_level`."""
        return c_ssrs_level(self.spans)

    @property
    def split(self) -> Split:
        """Train, dev or test; see `split_of`."""
        return split_of(self.family)


@dataclass(frozen=True, slots=True)
class Seeds:
    """A whole corpus, in the order of its files."""

    all: tuple[Seed, ...] = field(repr=False)

    def of(self, *kinds: SeedKind, split: Split | str | None = None) -> tuple[Seed, ...]:
        """Seeds of the kinds given (all, where none is), of one split or of all."""
        wanted = set(kinds) or set(SeedKind)
        return tuple(s for s in self.all if s.kind in wanted and (split is None or s.split == split))


_KEYS: Final = {
    SeedKind.STATEMENT: set(),
    SeedKind.NEGATIVE: {"kind"},
    SeedKind.BENIGN: set(),
    SeedKind.PASSAGE: {"c_ssrs_level"},
    SeedKind.BLOCK: {"block"},
}
_SAME: Final = re.compile(r"[^a-z0-9]+")


def _refuse(rule: str, wrong: bool) -> None:
    if wrong:
        raise InputError(rule)


def _seed(row: dict[str, Any], kind: SeedKind, path: Path, place: str) -> Seed:
    needed = {"text", "register", "family", "author"} | _KEYS[kind]
    _refuse(f"has exactly the keys {', '.join(sorted(needed))}", set(row) != needed)
    strings = needed - {"c_ssrs_level"}
    _refuse("every key holds a string that isn't empty", not all(isinstance(row[k], str) and row[k].strip() for k in strings))
    _refuse("register is one of the nine that the seed loader lists", row["register"] not in CLINICAL + PERSONAL)
    _refuse("family holds letters, digits and hyphens only", not re.fullmatch(r"[A-Za-z0-9-]+", row["family"]))
    text, spans = parse_marked(row["text"])
    flag = path.name.split(".")[0]
    present = present_flags(spans)
    if kind in (SeedKind.STATEMENT, SeedKind.NEGATIVE):
        _refuse("the file's name starts with a flag of schema/flags.toml", flag not in load_taxonomy())
    if kind is SeedKind.STATEMENT:
        _refuse(f"a statement marks at least one present mention of {flag} in the patient", flag not in present)
    if kind is SeedKind.NEGATIVE:
        _refuse("kind is one of " + ", ".join(sorted(_NEGATIVE_KINDS)), row["kind"] not in _NEGATIVE_KINDS)
        _refuse(f"a hard negative of {flag} must not carry it as present in the patient", flag in present)
    if kind is SeedKind.BENIGN:
        _refuse("a benign text carries no mark", bool(spans))
    if kind is SeedKind.PASSAGE:
        _refuse(f"c_ssrs_level must be what its marks say, {c_ssrs_level(spans)}", row["c_ssrs_level"] != c_ssrs_level(spans))
    if kind is SeedKind.BLOCK:
        _refuse("block is one of " + ", ".join(sorted(_BLOCK_KINDS)), row["block"] not in _BLOCK_KINDS)
    about = row.get("block", flag)
    return Seed(text, spans, kind, row["register"], row["family"], row["author"], about, row.get("kind"), place)


def _read(folder: Path) -> Iterator[Seed | InputError]:
    texts: dict[str, str] = {}
    for kind in SeedKind:
        for path in sorted((folder / kind.value).glob("*.jsonl")):
            name = path.relative_to(folder).as_posix()
            try:
                for number, row in read_jsonl(path):
                    place = f"{name}, line {number}"
                    try:
                        seed = _seed(row, kind, path, place)
                        same = _SAME.sub(" ", seed.text.casefold()).strip()
                        first = texts.setdefault(same, place)
                        _refuse(f"says the same as {first}: a text stands once in the corpus", first != place)
                    except InputError as error:
                        # A seed is nobody's record, but its text is still not repeated: the place is enough to find it.
                        yield KnowledgeError(str(error), path=name, place=f"line {number}")
                    else:
                        yield seed
            except InputError as error:
                yield KnowledgeError(error.rule, path=name, place=error.place)


def check_seeds(folder: str | os.PathLike[str] | None = None) -> list[str]:
    """Every fault of a seed folder, each naming its file and line; empty if it is sound.

    Parameters
    ----------
    folder : path, optional
        Holds ``statements/``, ``negatives/``, ``benign/``, ``passages/`` and ``blocks/``; the installed corpus, where not given.
        Every ``*.jsonl`` in them is read, so that an author adds a file of their own: ``SH-001.<author>.jsonl``.

    Examples
    --------
    >>> check_seeds()
    []
    """
    return [str(item) for item in _read(_folder(folder)) if isinstance(item, InputError)]


def _folder(folder: str | os.PathLike[str] | None) -> Path:
    found = resource("seeds") if folder is None else Path(folder)
    if not found.is_dir():
        raise InputError("no such folder of seeds", path=str(found))
    return found


@lru_cache(maxsize=4)
def _loaded(folder: Path) -> Seeds:
    items = tuple(_read(folder))
    faults = [item for item in items if isinstance(item, InputError)]
    if faults:
        more = f" (and {len(faults) - 1} more faults: see check_seeds)" if len(faults) > 1 else ""
        raise KnowledgeError(f"{faults[0].rule}{more}", path=faults[0].path, place=faults[0].place)
    seeds = tuple(item for item in items if isinstance(item, Seed))
    if not seeds:
        raise InputError("holds no seeds", path=str(folder))
    return Seeds(seeds)


def load_seeds(folder: str | os.PathLike[str] | None = None) -> Seeds:
    """Read and check a seed corpus; it is refused whole where anything is wrong.

    Raises
    ------
    KnowledgeError
        Naming file, line and rule of the first fault, and how many more there are.
    InputError
        If the folder is missing or holds no seed.

    Examples
    --------
    >>> seed = load_seeds().of(SeedKind.STATEMENT)[0]
    >>> seed.about in seed.flags
    True
    """
    return _loaded(_folder(folder))


def seeds_digest(folder: str | os.PathLike[str] | None = None) -> str:
    """SHA-256 over the names and bytes of all seed files: which corpus a run was made from."""
    root = _folder(folder)
    digest = hashlib.sha256()
    for path in sorted(root.glob("*/*.jsonl")):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()
