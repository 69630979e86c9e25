"""Labelled notes from a spreadsheet: the same notes as from JSONL, and faults by row and column."""

from __future__ import annotations

import csv
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bh_lib.errors import InputError
from bh_lib.evaluate import read_labelled
from bh_lib.schema.note import LabelledNote

SECRET = "zebrafinch"
NOTES = [
    LabelledNote("n1", 'Said "no", then; left,\nearly.', flags=("SH-001", "SH-002"), c_ssrs_level=2, register="journal", group="g"),
    LabelledNote("n2", "Slept well.", flags=(), any_signal=False),
]


def write_csv(path, rows, encoding="utf-8", **options):
    with open(path, "w", encoding=encoding, newline="") as file:
        csv.writer(file, **options).writerows(rows)
    return path


def cells(note):
    level = "" if note.c_ssrs_level is None else note.c_ssrs_level
    return [
        note.note_id,
        note.text,
        ";".join(note.flags),
        level,
        "" if note.any_signal is None else note.any_signal,
        note.register or "",
        note.group or "",
    ]


HEAD = ["id", "text", "flags", "c_ssrs_level", "any_signal", "register", "group"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_spreadsheet_of_any_country_reads_as_its_jsonl(tmp_path, delimiter, encoding):
    file = write_csv(tmp_path / "n.csv", [HEAD, *map(cells, NOTES)], encoding, delimiter=delimiter)
    assert list(read_labelled(file)) == NOTES


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=40))
def test_any_text_comes_out_of_a_csv_as_it_went_in(tmp_path, text):
    (note,) = read_labelled(write_csv(tmp_path / "n.csv", [["text", "flags"], [text, "SH-001"]]))
    assert (note.text, note.flags) == (text, ("SH-001",))


def test_parquet_reads_lists_strings_and_nulls(tmp_path):
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    rows = [
        {"id": "a", "text": "x", "flags": ["SH-001"]},
        {"id": "b", "text": "y", "flags": []},
        {"id": "c", "text": "z", "flags": None},
    ]
    parquet.write_table(arrow.Table.from_pylist(rows), tmp_path / "lists.parquet")
    assert [note.flags for note in read_labelled(tmp_path / "lists.parquet")] == [("SH-001",), (), None]
    joined = [
        {"text": "x", "flags": "SH-001; SH-002", "c_ssrs_level": 2.0},
        {"text": "y", "flags": "", "c_ssrs_level": float("nan")},
    ]
    parquet.write_table(arrow.Table.from_pylist(joined), tmp_path / "strings.parquet")
    assert [(n.note_id, n.flags, n.c_ssrs_level) for n in read_labelled(tmp_path / "strings.parquet")] == [
        ("row 1", ("SH-001", "SH-002"), 2),
        ("row 2", (), None),
    ]


def test_other_names_of_columns_are_mapped_and_the_rest_is_not_read(tmp_path):
    file = write_csv(tmp_path / "n.csv", [["note", "mrn", "risk"], ["Slept well.", SECRET, "0"]])
    (note,) = read_labelled(file, {"text": "note", "any_signal": "risk"})
    assert (note.note_id, note.text, note.any_signal, note.flags) == ("row 1", "Slept well.", False, None)


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([["id", "text", "flags"], ["a", "x", ""], ["b", "x", SECRET]], "row 2: column flags: flag ids"),
        ([["id", "text", "c_ssrs_level"], ["a", "x", SECRET]], "row 1: column c_ssrs_level: an integer from 0 to 6"),
        ([["id", "text", "c_ssrs_level"], ["a", "x", "2.5"]], "row 1: column c_ssrs_level"),
        ([["id", "text", "any_signal"], ["a", "x", SECRET]], "row 1: column any_signal: true or false"),
        ([["id", "text", SECRET], ["a", "x", "y"]], "row 1: column 3 is none of"),
        ([["id", "text"], ["a", "x", SECRET]], "row 1: has 3 cells, and the first row names 2"),
        ([["id", "id"], ["a", "x"]], "no two alike"),
        ([["id", "flags"], ["a", ""]], "row 1: /id and /text are needed"),
    ],
)
def test_a_fault_is_told_by_row_and_column_and_never_by_what_stands_there(tmp_path, rows, told):
    with pytest.raises(InputError) as caught:
        list(read_labelled(write_csv(tmp_path / "n.csv", rows)))
    assert told in str(caught.value) and "n.csv" in str(caught.value) and SECRET not in str(caught.value)


@pytest.mark.parametrize("name", ["n.csv", "n.parquet"])
def test_bytes_that_are_no_table_are_refused_without_a_word_of_them(tmp_path, name):
    (tmp_path / name).write_bytes(b'text,flags\n"' + SECRET.encode() + b"\xff\xfe")
    with pytest.raises(InputError) as caught:
        list(read_labelled(tmp_path / name))
    assert SECRET not in str(caught.value) and caught.value.__cause__ is None
    with pytest.raises(InputError, match="no such file"):
        list(read_labelled(tmp_path / f"none{name}"))


def test_an_open_quote_is_told_by_its_row(tmp_path):
    (tmp_path / "n.csv").write_text(f'text,flags\nfine,\n"{SECRET},SH-001\n')
    with pytest.raises(InputError, match="row 2: is not valid CSV"):
        list(read_labelled(tmp_path / "n.csv"))


def test_a_table_holds_no_spans(tmp_path):
    with pytest.raises(InputError, match="fields can map"):
        list(read_labelled(write_csv(tmp_path / "n.csv", [["text"], ["x"]]), {"spans": "text"}))


def test_a_cell_may_hold_a_million_characters(tmp_path):
    (note,) = read_labelled(write_csv(tmp_path / "n.csv", [["text"], ["x" * 1_000_000]]))
    assert len(note.text) == 1_000_000
    with pytest.raises(InputError, match="1,000,000"):
        list(read_labelled(write_csv(tmp_path / "n.csv", [["text"], ["x" * 1_000_001]])))


def test_one_corpus_has_one_digest_whatever_file_it_lies_in(tmp_path):
    from bh_lib.evaluate import corpus_digest

    (tmp_path / "n.jsonl").write_text("".join(json.dumps(note.to_dict()) + "\n" for note in NOTES))
    table = write_csv(tmp_path / "n.csv", [HEAD, *map(cells, NOTES)])
    assert corpus_digest(read_labelled(tmp_path / "n.jsonl")) == corpus_digest(read_labelled(table))
