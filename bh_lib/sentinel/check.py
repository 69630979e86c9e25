"""Proves the knowledge packs: each pattern raises what it must, and spares what it must.

Run ``python -m bh_lib.sentinel.check [pack.toml ...]``: every fault with file, line, pattern and sentence.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from bh_lib.errors import KnowledgeError
from bh_lib.sentinel.expression import compiled
from bh_lib.sentinel.knowledge import Fault, Pattern, default_packs, load_macros, read_pack, twice

__all__ = ["check_knowledge", "main"]


def _examples(pattern: Pattern) -> list[Fault]:
    regex, faults = compiled(pattern.regex), list[Fault]()
    for number, sentence in enumerate(pattern.raises, 1):
        text = " ".join(sentence.lower().replace("’", "'").split())
        if not regex.search(text):
            faults.append(Fault(pattern.path, f"{pattern.place}, raises {number}", "the regex doesn't match it"))
    return faults


def check_knowledge(paths: Sequence[Path] | None = None) -> list[Fault]:
    """Every fault of the given packs, or of this release's; an empty list where all is proven."""
    packs = default_packs() if paths is None else tuple(paths)
    patterns, faults = list[Pattern](), list[Fault]()
    macros = load_macros()
    for path in packs:
        try:
            found, wrong = read_pack(path, macros)
        except KnowledgeError as error:
            faults.append(Fault(path.name, error.place or "file", error.rule))
            continue
        patterns += found
        faults += wrong
    faults += twice(patterns)
    for pattern in patterns:
        faults += _examples(pattern)
    return faults


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
