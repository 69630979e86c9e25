"""The seed corpus is sound, and an unsound one is refused by file and line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bh_lib.errors import InputError, KnowledgeError
from bh_lib.schema.taxonomy import load_taxonomy
from bh_lib.synth.seeds import CLINICAL, PERSONAL, SeedKind, check_seeds, load_seeds, seeds_digest
from bh_lib.synth.split import Split, families_of, join_families, split_of

GOOD = {"text": "[[SH-001]]Wishes to be dead[[/]].", "register": "intake_note", "family": "x-1", "author": "t"}


def folder_with(root: Path, name: str, *rows: object) -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows), "utf-8")
    return root


def test_the_installed_corpus_has_no_fault() -> None:
    assert check_seeds() == []


@pytest.mark.parametrize("flag_id", load_taxonomy().ids)
def test_every_flag_is_told_in_both_voices_and_has_hard_negatives(flag_id: str) -> None:
    seeds = load_seeds()
    told = {s.register for s in seeds.of(SeedKind.STATEMENT) if s.about == flag_id}
    assert len(told) >= 6
    assert told & set(CLINICAL) and told & set(PERSONAL)
    assert len({s.negative for s in seeds.of(SeedKind.NEGATIVE) if s.about == flag_id}) >= 3


@pytest.mark.parametrize("split", Split)
def test_every_flag_is_present_somewhere_in_every_split(split: Split) -> None:
    present = {flag for seed in load_seeds().of(split=split) for flag in seed.flags}
    assert set(load_taxonomy().ids) - present == set()


def test_passages_hold_every_level() -> None:
    assert {s.level for s in load_seeds().of(SeedKind.PASSAGE)} == set(range(7))


@pytest.mark.parametrize(
    ("name", "row", "rule"),
    [
        ("statements/SH-001.jsonl", {**GOOD, "text": "Nothing is marked."}, "marks at least one present mention of SH-001"),
        ("statements/SH-001.jsonl", {**GOOD, "text": "[[SH-001 negated]]No death wish[[/]]."}, "at least one present mention"),
        ("statements/SH-001.jsonl", {**GOOD, "text": "[[SH-999]]x[[/]]"}, "unknown flag id"),
        ("statements/SH-999.jsonl", GOOD, "starts with a flag"),
        ("statements/SH-001.jsonl", {**GOOD, "register": "sonnet"}, "register is one of"),
        ("statements/SH-001.jsonl", {**GOOD, "family": "a+b"}, "family holds letters"),
        ("statements/SH-001.jsonl", {**GOOD, "extra": 1}, "exactly the keys"),
        ("statements/SH-001.jsonl", {**GOOD, "author": " "}, "string that isn't empty"),
        ("negatives/SH-001.jsonl", {**GOOD, "kind": "negated"}, "must not carry it as present"),
        ("negatives/SH-001.jsonl", {**GOOD, "text": "No wish.", "kind": "odd"}, "kind is one of"),
        ("benign/a.jsonl", GOOD, "carries no mark"),
        ("passages/a.jsonl", {**GOOD, "c_ssrs_level": 2}, "c_ssrs_level must be what its marks say, 1"),
        ("blocks/a.jsonl", {**GOOD, "block": "poem"}, "block is one of"),
        ("benign/a.jsonl", "{", "is not valid JSON"),
    ],
)
def test_a_fault_is_named_by_file_line_and_rule(tmp_path: Path, name: str, row: object, rule: str) -> None:
    faults = check_seeds(folder_with(tmp_path, name, row))
    assert len(faults) == 1
    assert faults[0].startswith(f"{name}, line 1: ")
    assert rule in faults[0]
    with pytest.raises(KnowledgeError, match="line 1"):
        load_seeds(tmp_path)


def test_a_text_that_stands_twice_is_refused_whatever_its_case(tmp_path: Path) -> None:
    again = {**GOOD, "text": "[[SH-001]]WISHES to be dead[[/]]!", "family": "x-2"}
    folder_with(tmp_path, "statements/SH-001.jsonl", GOOD)
    folder_with(tmp_path, "statements/SH-001.b.jsonl", again)
    (fault,) = check_seeds(tmp_path)
    assert "says the same as" in fault


def test_a_fault_never_repeats_the_text(tmp_path: Path) -> None:
    folder_with(tmp_path, "statements/SH-001.jsonl", {**GOOD, "text": "Ms Quokka [[SH-999]]x[[/]]"})
    assert "Quokka" not in "".join(check_seeds(tmp_path))


def test_other_authors_files_are_read_too(tmp_path: Path) -> None:
    folder_with(tmp_path, "statements/SH-001.zed.jsonl", GOOD)
    assert [seed.about for seed in load_seeds(tmp_path).all] == ["SH-001"]


def test_a_missing_or_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no seeds"):
        load_seeds(tmp_path)
    with pytest.raises(InputError, match="no such folder"):
        load_seeds(tmp_path / "none")


def test_the_digest_changes_with_any_byte(tmp_path: Path) -> None:
    folder_with(tmp_path, "benign/a.jsonl", {**GOOD, "text": "Rain."})
    before = seeds_digest(tmp_path)
    folder_with(tmp_path, "benign/a.jsonl", {**GOOD, "text": "Rain!"})
    assert seeds_digest(tmp_path) != before


def test_about_seventy_fifteen_fifteen_of_families_fall_into_the_splits() -> None:
    drawn = [split_of(f"{letters}-{n}") for letters in ("a", "b", "c-d") for n in range(2_000)]
    drawn += [split_of(f"name{n}") for n in range(4_000)]
    assert 0.68 < drawn.count(Split.TRAIN) / 10_000 < 0.72
    assert 0.13 < drawn.count(Split.DEV) / 10_000 < 0.17


def test_the_published_split_does_not_move() -> None:
    assert [split_of(f"SH-001-s-{n:04d}").value for n in range(1, 4)] == ["train", "dev", "train"]


def test_a_group_gives_its_families_back() -> None:
    assert families_of(join_families({"b-2", "a-1"})) == ("a-1", "b-2")
