"""Labelled notes in a table: CSV as a spreadsheet saves it, and Parquet. JSONL holds more (spans), and is read elsewhere.

A column is a field of a labelled note, ``flags`` as ``SH-001;SH-002``. An empty cell of ``flags`` is a note labelled with none; an
empty cell of any other column, and a null of Parquet, is not labelled. Without a column ``flags``, flags aren't labelled at all.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from bh_lib._extras import require
from bh_lib._jsonl import opened, read_jsonl
from bh_lib.errors import InputError
from bh_lib.schema.note import LONGEST_TEXT
from bh_lib.schema.taxonomy import load_taxonomy

__all__ = ["TABLE_FIELDS", "is_table", "read_rows", "table_note"]

_TABLES: Final = frozenset({".csv", ".tsv", ".parquet", ".pq"})
_DELIMITERS: Final = ",;\t"
_TRUE, _FALSE = frozenset({"1", "true", "yes"}), frozenset({"0", "false", "no"})

Rows = Iterator[tuple[int, dict[str, Any]]]


def is_table(path: str | os.PathLike[str]) -> bool:
    """Whether a file is a table by its name.

    Examples
    --------
    >>> is_table("notes.csv"), is_table("notes.parquet"), is_table("notes.jsonl")
    (True, True, False)
    """
    return Path(path).suffix.lower() in _TABLES


def _csv_rows(path: str | os.PathLike[str]) -> Rows:
    file = io.TextIOWrapper(opened(path), encoding="utf-8-sig", newline="")
    number = 0
    with file:
        try:
            head = file.readline()
            # The spreadsheet's country decides what parts its cells.
            delimiter = max(_DELIMITERS, key=head.count)
            file.seek(0)
            csv.field_size_limit(max(csv.field_size_limit(), 8 * LONGEST_TEXT))
            cells = csv.reader(file, delimiter=delimiter, strict=True)
            names = [name.strip() for name in next(cells, [])]
            if not names or len(set(names)) < len(names):
                raise InputError("needs a first row that names each column, no two alike", path=str(path))
            for number, row in enumerate(cells, 1):
                if not row:
                    continue
                if len(row) != len(names):
                    rule = f"has {len(row)} cells, and the first row names {len(names)}: put quotes around a text"
                    raise InputError(rule, path=str(path), place=f"row {number}")
                yield number, dict(zip(names, row, strict=True))
        except UnicodeDecodeError:
            raise InputError("is not UTF-8: save it as CSV UTF-8", path=str(path)) from None
        except csv.Error:
            rule = "is not valid CSV: put quotes around a text that holds a line break or a quote"
            raise InputError(rule, path=str(path), place=f"row {number + 1}") from None


def _parquet_rows(path: str | os.PathLike[str]) -> Rows:
    if not Path(path).is_file():
        raise InputError("is a folder, not a file" if Path(path).is_dir() else "no such file", path=str(path))
    parquet = require("pyarrow.parquet", extra="lab")
    number = 0
    try:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=1024):
                for row in batch.to_pylist():
                    number += 1
                    yield number, row
    except (OSError, ValueError):  # pyarrow's own errors are ValueErrors, and quote what they choke on
        raise InputError("is not valid Parquet", path=str(path)) from None


def read_rows(path: str | os.PathLike[str]) -> Rows:
    """Rows of a CSV or Parquet file, numbered from 1 after the names, or the lines of a JSONL file.

    Raises
    ------
    InputError
        If the file can't be read; it names the row, never what stands there.
    """
    suffix = Path(path).suffix.lower()
    if suffix in (".parquet", ".pq"):
        return _parquet_rows(path)
    return _csv_rows(path) if suffix in (".csv", ".tsv") else read_jsonl(path)


def _flags(value: Any) -> list[str]:
    flags = [part.strip() for part in value.split(";")] if isinstance(value, str) else list(value)
    flags = [flag for flag in flags if flag != ""]
    if not all(isinstance(flag, str) and flag in load_taxonomy() for flag in flags):
        raise InputError("flag ids of schema/flags.toml with ; between, such as SH-001;SH-002")
    return flags


def _level(value: Any) -> int:
    try:
        number = float(value)  # a column with gaps is read as one of fractions by most tools
    except (TypeError, ValueError):
        number = -1.0
    if number not in range(7):
        raise InputError("an integer from 0 to 6")
    return int(number)


def _signal(value: Any) -> bool:
    said = str(value).strip().lower().removesuffix(".0")
    if said not in _TRUE | _FALSE:
        raise InputError("true or false, or 1 or 0")
    return said in _TRUE


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise InputError("a text")
    return value


def _name(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value)


_READERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "id": _name, "text": _text, "flags": _flags, "c_ssrs_level": _level, "any_signal": _signal, "register": _name, "group": _name,
}  # fmt: skip
TABLE_FIELDS: Final = frozenset(_READERS)
"""What a table can label; spans need JSONL."""


def table_note(row: Mapping[str, Any], fields: Mapping[str, str]) -> dict[str, Any]:
    """A row of a table as the fields of a labelled note.

    Parameters
    ----------
    row : mapping of column to cell
    fields : mapping of our field to the table's column

    Raises
    ------
    InputError
        Naming the column and what it may hold, never what it holds.

    Examples
    --------
    >>> table_note({"note": "Slept well.", "flags": ""}, {"text": "note", "flags": "flags"})
    {'text': 'Slept well.', 'flags': []}
    >>> table_note({"text": "x", "flags": "SH-999"}, {"text": "text", "flags": "flags"})
    Traceback (most recent call last):
    ...
    bh_lib.errors.InputError: column flags: flag ids of schema/flags.toml with ; between, such as SH-001;SH-002
    """
    note: dict[str, Any] = {}
    for ours, theirs in fields.items():
        value = row.get(theirs)
        unlabelled = value is None or value != value or (value == "" and ours not in ("text", "flags"))  # NaN is no label either
        if unlabelled:
            continue
        try:
            note[ours] = _READERS[ours](value)
        except InputError as error:
            raise InputError(f"column {theirs}: {error.rule}") from None
    return note
