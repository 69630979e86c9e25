"""The corpus: as many notes as asked for, split by seed family, the same bytes for the same seed."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from random import Random
from typing import Any

from bh_lib._jsonl import atomic_write, write_json
from bh_lib.errors import InputError
from bh_lib.schema.note import LabelledNote
from bh_lib.schema.taxonomy import load_taxonomy
from bh_lib.synth.notes import Composer
from bh_lib.synth.seeds import Seed, SeedKind, load_seeds, seeds_digest
from bh_lib.synth.split import Split

__all__ = ["generate_notes", "load_sentences", "seed_examples", "write_corpus"]

_SHARES = (0.70, 0.15, 0.15)


def _split(name: Split | str | None) -> Split | None:
    try:
        return None if name is None else Split(name)
    except ValueError:
        raise InputError("a split is train, dev or test") from None


def generate_notes(
    n: int, seed: int, split: Split | str | None = None, seeds_dir: str | os.PathLike[str] | None = None
) -> Iterator[LabelledNote]:
    """Compose notes, one at a time.

    Parameters
    ----------
    n : int
        How many.
    seed : int
        Note ``i`` depends on this and on ``i`` alone, so a longer corpus begins with the shorter one.
    split : {"train", "dev", "test"}, optional
        Where not given, 70 %, 15 % and 15 % of the notes; the id says which, in front.
    seeds_dir : path, optional
        The installed seed corpus, where not given.

    Raises
    ------
    InputError
        If ``n`` is negative, the split unknown, or the seeds are unusable.

    Examples
    --------
    >>> notes = list(generate_notes(3, seed=1, split="dev"))
    >>> [note.note_id for note in notes]
    ['dev-1-0000000', 'dev-1-0000001', 'dev-1-0000002']
    """
    wanted = _split(split)
    if n < 0:
        raise InputError("the number of notes can't be negative")
    seeds = load_seeds(seeds_dir)
    composers: dict[Split, Composer] = {}

    def notes() -> Iterator[LabelledNote]:
        for number in range(n):
            rng = Random(f"{seed}:{number}")  # noqa: S311 - reproducible text, not a secret
            part = wanted or rng.choices(list(Split), _SHARES)[0]
            if part not in composers:
                composers[part] = Composer(seeds, part)
            yield composers[part].compose(f"{part.value}-{seed}-{number:07d}", rng)

    return notes()


def _usable(split: Split | None, seeds_dir: str | os.PathLike[str] | None) -> tuple[Seed, ...]:
    kinds = (SeedKind.STATEMENT, SeedKind.NEGATIVE, SeedKind.BENIGN, SeedKind.PASSAGE)
    return load_seeds(seeds_dir).of(*kinds, split=split)


def load_sentences(
    split: Split | str | None = None, seeds_dir: str | os.PathLike[str] | None = None
) -> list[tuple[str, set[str], str, str]]:
    """The seeds themselves, to train on: ``(text, flags present, family, register)``; blocks are left out.

    Examples
    --------
    >>> text, flags, family, register = load_sentences("train")[0]
    >>> flags <= set(load_taxonomy().ids)
    True
    """
    return [(seed.text, set(seed.flags), seed.family, seed.register) for seed in _usable(_split(split), seeds_dir)]


def seed_examples(split: Split | str | None = None, seeds_dir: str | os.PathLike[str] | None = None) -> Iterator[LabelledNote]:
    """The seeds themselves, each as a labelled note of its own; blocks are left out.

    Examples
    --------
    >>> next(seed_examples("test")).c_ssrs_level in range(7)
    True
    """
    for seed in _usable(_split(split), seeds_dir):
        # The id is the text's own digest: it stays the same when other seeds are written before it.
        name = hashlib.sha256(seed.text.encode()).hexdigest()[:12]
        yield LabelledNote(
            f"{seed.family}-{name}",
            seed.text,
            flags=seed.flags,
            spans=seed.spans,
            c_ssrs_level=seed.level,
            register=seed.register,
            group=seed.family,
        )


def write_corpus(
    out_dir: str | os.PathLike[str], notes: int, seed: int, seeds_dir: str | os.PathLike[str] | None = None
) -> dict[str, Any]:
    """Write a corpus: ``notes.jsonl``, the same notes by split in ``train``, ``dev`` and ``test.jsonl``, and ``manifest.json``.

    Every file appears whole or not at all, the manifest last.

    Returns
    -------
    dict
        The manifest: what it was made from, a SHA-256 of every file, and counts by split, flag, register and C-SSRS level.

    Raises
    ------
    InputError
        If fewer than one note is asked for, the seeds are unusable, or the folder can't be written to.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     manifest = write_corpus(folder, 20, seed=3)
    >>> sum(part["notes"] for part in manifest["splits"].values())
    20
    """
    if notes < 1:
        raise InputError("ask for at least one note")
    out = Path(out_dir)
    names = ["notes.jsonl", *(f"{part.value}.jsonl" for part in Split)]
    digests = {name: hashlib.sha256() for name in names}
    flags = {part: Counter[str]() for part in Split}
    registers = {part: Counter[str]() for part in Split}
    levels = {part: Counter[str]() for part in Split}
    made = generate_notes(notes, seed, None, seeds_dir)
    with ExitStack() as stack:
        files = {name: stack.enter_context(atomic_write(out / name)) for name in names}
        for note in made:
            part = Split(note.note_id.split("-", 1)[0])
            line = json.dumps(note.to_dict(), ensure_ascii=False, separators=(",", ":")) + "\n"
            for name in ("notes.jsonl", f"{part.value}.jsonl"):
                files[name].write(line)
                digests[name].update(line.encode())
            flags[part].update(note.flags or ())
            registers[part][note.register or ""] += 1
            levels[part][str(note.c_ssrs_level)] += 1
    manifest: dict[str, Any] = {
        "kind": "labelled_note",
        "schema_version": "1.0",
        "taxonomy_version": load_taxonomy().version,
        "notes": notes,
        "seed": seed,
        "seeds_digest": seeds_digest(seeds_dir),
        "files": {name: digest.hexdigest() for name, digest in digests.items()},
        "splits": {
            part.value: {
                "notes": sum(registers[part].values()),
                "flags": {flag_id: flags[part][flag_id] for flag_id in load_taxonomy().ids},
                "registers": dict(sorted(registers[part].items())),
                "c_ssrs_levels": dict(sorted(levels[part].items())),
            }
            for part in Split
        },
    }
    write_json(out / "manifest.json", manifest)
    return manifest
