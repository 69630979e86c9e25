"""A file of texts through the sentinel, each analysis audited: where sentinel and emitters meet."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any

from bh_lib._jsonl import atomic_write, read_jsonl
from bh_lib.emitters import AuditLogger
from bh_lib.errors import InputError
from bh_lib.schema.note import LONGEST_TEXT
from bh_lib.sentinel import Sentinel

__all__ = ["INFERENCE_METADATA", "analyze_file", "record_inference"]

INFERENCE_METADATA = ("taxonomy_version", "layers_down")
_BATCH = 64
_ACTOR = {"subject_id": "bh-sentinel", "subject_type": "service"}


def _down(status: Mapping[str, str]) -> str:
    return " ".join(name for name, state in status.items() if state not in ("ok", "off"))


def record_inference(audit: AuditLogger, analysis: Mapping[str, Any]) -> None:
    """Record that a note was read by the sentinel: which note, and by what; never what it says, nor what was found in it.

    Parameters
    ----------
    audit : AuditLogger
        Its allowlist must let ``INFERENCE_METADATA`` pass for the metadata to be kept.
    analysis : mapping
        An analysis with an id.
    """
    audit.record(
        "READ",
        name="sentinel_analyze",
        actor=_ACTOR,
        resource={"type": "Note", "id": str(analysis["id"])},
        phi_touched=True,
        data_classification="PHI",
        purpose_of_use="TREAT",
        metadata={"taxonomy_version": analysis["taxonomy_version"], "layers_down": _down(analysis["status"])},
    )


def _texts(path: str | os.PathLike[str], fields: Mapping[str, str] | None) -> Iterator[tuple[str, str]]:
    names = {"id": "id", "text": "text", **(fields or {})}
    for number, row in read_jsonl(path):
        text, note_id = row.get(names["text"]), row.get(names["id"], f"line {number}")
        if not isinstance(text, str):
            raise InputError("/text is needed, a string (another name: --field text=NAME)", path=str(path), place=f"line {number}")
        if len(text) > LONGEST_TEXT:
            raise InputError(f"/text: at most {LONGEST_TEXT:,} characters: split it", path=str(path), place=f"line {number}")
        if not isinstance(note_id, str | int) or note_id == "":
            raise InputError("/id is a string that isn't empty", path=str(path), place=f"line {number}")
        yield str(note_id), text


def analyze_file(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    sentinel: Sentinel,
    *,
    fields: Mapping[str, str] | None = None,
    audit: AuditLogger | None = None,
    done: Callable[[int], None] = lambda _: None,
) -> int:
    """Analyze each text of a JSONL file, an analysis a line, in order; the target appears whole or not at all.

    Parameters
    ----------
    source : path
        ``{"id", "text"}`` a line; a row without an id is called by its line.
    target : path
        Analyses as in ``schema/analysis``; no text is in them.
    sentinel : Sentinel
    fields : mapping, optional
        Other names for ``id`` and ``text``.
    audit : AuditLogger, optional
        Gets one event a text.
    done : callable
        Told how many more are done, for a progress bar.

    Returns
    -------
    int
        How many texts.

    Raises
    ------
    InputError
        If a line can't be used; it names the line, never what stands there.
    """
    count = 0
    texts = _texts(source, fields)
    with atomic_write(target) as out:
        while batch := list(islice(texts, _BATCH)):
            for (note_id, _), analysis in zip(batch, sentinel.analyze_batch([text for _, text in batch]), strict=True):
                row = {**analysis.to_dict(), "id": note_id}
                out.write(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n")
                if audit is not None:
                    record_inference(audit, row)
            count += len(batch)
            done(len(batch))
    return count
