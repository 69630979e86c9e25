"""A day's rows as Arrow columns, without an event object a row."""

from __future__ import annotations

import os
from operator import itemgetter
from pathlib import Path
from types import TracebackType
from typing import Any

from bh_lib._extras import require
from bh_lib.synth.acts import ACTS
from bh_lib.synth.render import ACTION_BLOCKS, SERVICE_BLOCKS, SUCCESS, resource_id
from bh_lib.synth.workday import Extra, Row, Workday

__all__ = ["ParquetEvents"]

_FIELDS = tuple(itemgetter(place) for place in range(6))
_BLOCKS = ("service", "outcome", "purpose_of_use", "consent", "disclosure", "emergency", "attribution", "delegation")
"""Top-level fields that a row's extra may bring."""


def _schema(pa: Any) -> Any:
    text, when = pa.string(), pa.string()

    def struct(**fields: Any) -> Any:
        return pa.struct([pa.field(name, kind) for name, kind in fields.items()])

    agent = struct(interface=text, harness=text, harness_version=text)
    acting = struct(subject_id=text, subject_type=text, agent=agent)
    authorizing = struct(subject_id=text, subject_type=text, org_id=text)
    return pa.schema(
        {
            "schema_version": text,
            "event_id": text,
            "timestamp": when,
            "service": struct(name=text, environment=text, version=text),
            "correlation": struct(session_id=text),
            "actor": struct(
                subject_id=text,
                subject_type=text,
                org_id=text,
                owner_org_id=text,
                roles=pa.list_(text),
                auth=struct(method=text, mfa=pa.bool_()),
            ),
            "attribution": struct(level=text, method=text),
            "delegation": struct(
                acting=acting, authorizing=authorizing, delegation_type=text, agent_session_id=text, chain_depth=pa.int64()
            ),
            "action": struct(type=text, name=text, phi_touched=pa.bool_(), data_classification=text),
            "resource": struct(type=text, id=text, patient_id=text, sensitivity=pa.list_(text)),
            "purpose_of_use": text,
            "consent": struct(id=text, basis=text, signed_at=when, expires_at=when, revoked_at=when, scope=text),
            "disclosure": struct(
                recipient=struct(id=text, type=text),
                description_code=text,
                notice_sent=pa.bool_(),
                consent_copy_sent=pa.bool_(),
                via_ehr=pa.bool_(),
            ),
            "emergency": struct(nature_code=text, approved_by=text, review_due_at=when),
            "http": struct(method=text, route_template=text, status_code=pa.int64(), client_ip=text, user_agent=text),
            "outcome": struct(status=text, error_type=text, error_message=text),
        }
    )


def _leaves(schema: Any) -> list[str]:
    """The columns that repeat themselves; a dictionary of event ids or of times would only cost."""

    def walk(path: str, kind: Any) -> list[str]:
        if hasattr(kind, "fields") and kind.num_fields and not hasattr(kind, "value_type"):
            return [leaf for field in kind.fields for leaf in walk(f"{path}.{field.name}", field.type)]
        return [f"{path}.list.element" if hasattr(kind, "value_type") else path]

    return [
        leaf for field in schema for leaf in walk(field.name, field.type) if leaf not in ("event_id", "timestamp", "resource.id")
    ]


class ParquetEvents:
    """Writes events to a Parquet file that has the event's own shape, nested blocks as structs; whole or not at all.

    Each block is built once for each of its values and gathered by number, so that a row costs no Python object.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._pa, self._np = require("pyarrow", extra="lab"), require("numpy", extra="lab")
        parquet, self._pc = require("pyarrow.parquet", extra="lab"), require("pyarrow.compute", extra="lab")
        self._schema = _schema(self._pa)
        self._target = Path(path)
        self._target.parent.mkdir(parents=True, exist_ok=True)
        self._part = self._target.with_name(f".{self._target.name}.part")
        self._writer = parquet.ParquetWriter(
            self._part, self._schema, compression="zstd", compression_level=1, use_dictionary=_leaves(self._schema)
        )

    def __enter__(self) -> ParquetEvents:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._writer.close()
        if kind is None:
            self._part.replace(self._target)
        else:
            self._part.unlink(missing_ok=True)

    def _gather(self, name: str, values: list[Any], places: Any) -> Any:
        """The column of ``values[place]`` for each place; -1 is null."""
        pa, np = self._pa, self._np
        pool = pa.array([*values, None], type=self._schema.field(name).type)
        return pool.take(pa.array(np.where(places < 0, len(values), places)))

    def _texts(self, matrix: Any) -> Any:
        """A column of strings of one length, from a matrix of their bytes."""
        pa, np = self._pa, self._np
        rows, width = matrix.shape
        offsets = np.arange(0, (rows + 1) * width, width, dtype=np.int32)
        return pa.StringArray.from_buffers(rows, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(matrix)))

    def _ids(self, ids: bytes, rows: int) -> Any:
        np = self._np
        digits = np.frombuffer(ids.hex().encode(), dtype=np.uint8).reshape(rows, 32)
        out = np.full((rows, 36), ord("-"), dtype=np.uint8)
        for start, end, at in ((0, 8, 0), (8, 12, 9), (12, 16, 14), (16, 20, 19), (20, 32, 24)):
            out[:, at : at + end - start] = digits[:, start:end]
        return self._texts(out)

    def _times(self, date: str, when: Any) -> Any:
        np = self._np
        out = np.empty((len(when), 24), dtype=np.uint8)
        out[:] = np.frombuffer(f"{date}T00:00:00.000Z".encode(), dtype=np.uint8)
        for at, unit, base in (
            *((11, 36_000_000, 10), (12, 3_600_000, 10), (14, 600_000, 6), (15, 60_000, 10), (17, 10_000, 6)),
            *((18, 1_000, 10), (20, 100, 10), (21, 10, 10), (22, 1, 10)),
        ):
            out[:, at] += (when // unit % base).astype(np.uint8)
        return self._texts(out)

    def add(self, work: Workday, rows: list[Row], ids: bytes) -> None:
        """Write a day's rows; ``ids`` holds 16 bytes for each."""
        if not rows:
            return
        pa, np, count = self._pa, self._np, len(rows)
        when, act, actor, patient, number, session = (np.fromiter(map(field, rows), np.int64, count) for field in _FIELDS)
        extras: dict[Extra, int] = {}
        extra = np.full(count, -1, dtype=np.int64)
        for place, row in enumerate(rows):
            if row[6] is not None:
                extra[place] = extras.setdefault(row[6], len(extras))
        usual: dict[str, tuple[list[Any], Any]] = {
            "service": (SERVICE_BLOCKS, act),
            "outcome": ([SUCCESS], np.zeros(count, dtype=np.int64)),
            "purpose_of_use": ([spec.purpose or None for spec in ACTS], act),
        }
        columns: dict[str, Any] = {
            "schema_version": pa.array(["3.0"]).take(pa.array(np.zeros(count, dtype=np.int64))),
            "event_id": self._ids(ids, count),
            "timestamp": self._times(work.date, when),
            "correlation": self._gather("correlation", [{"session_id": one.session_id} for one in work.sessions], session),
            "actor": self._gather("actor", work.actors, actor),
            "action": self._gather("action", ACTION_BLOCKS, act),
            "resource": self._resource(work, rows, act, patient, number, extra),
            "http": self._http(work, act, session, extra, list(extras)),
        }
        for name in _BLOCKS:
            values, places = usual.get(name, ([], np.full(count, -1, dtype=np.int64)))
            own = [one.blocks.get(name) for one in extras]
            if not values and not any(own):
                columns[name] = pa.nulls(count, type=self._schema.field(name).type)
                continue
            if any(own):
                has = np.array([value is not None for value in own] + [False])[extra]
                places = np.where(has, len(values) + extra, places)
            columns[name] = self._gather(name, [*values, *own], places)
        self._writer.write_table(pa.table([columns[name] for name in self._schema.names], schema=self._schema))

    def _resource(self, work: Workday, rows: list[Row], act: Any, patient: Any, number: Any, extra: Any) -> Any:
        pa, np = self._pa, self._np
        kinds = pa.array([spec.resource for spec in ACTS]).take(pa.array(act))
        program = np.where(patient < 0, len(work.clinic.programs), np.frombuffer(work.clinic.program_of, np.uint8)[patient])
        labels = pa.array([one.sensitivity for one in work.clinic.programs] + [None], type=pa.list_(pa.string()))
        out = np.empty((len(rows), 10), dtype=np.uint8)
        out[:] = np.frombuffer(b"pat-000000", dtype=np.uint8)
        for at in range(6):
            out[:, 4 + at] += (np.maximum(patient, 0) // 10 ** (5 - at) % 10).astype(np.uint8)
        known = self._texts(out)
        own = known.take(pa.array(np.arange(len(rows)), mask=patient < 0))
        # Most ids are the patient's, or prefix-patient-number, which Arrow joins; the few others are made one by one.
        count, prefixed = len(rows), np.array([bool(spec.prefix) for spec in ACTS])[act]
        usual = (patient >= 0) & (extra < 0)
        others = np.flatnonzero(~usual)
        prefixes = pa.array([spec.prefix for spec in ACTS]).take(pa.array(act))
        joined = self._pc.binary_join_element_wise(
            prefixes, self._pc.utf8_slice_codeunits(known, 4, 10), pa.array(number).cast(pa.string()), "-"
        )
        pool = pa.concat_arrays([known, joined, pa.array([resource_id(rows[at]) for at in others], type=pa.string())])
        places = np.arange(count) + np.where(prefixed, count, 0)
        places[others] = 2 * count + np.arange(len(others))
        named = pool.take(pa.array(places))
        fields = list(self._schema.field("resource").type)
        return pa.StructArray.from_arrays([kinds, named, own, labels.take(pa.array(program))], fields=fields)

    def _http(self, work: Workday, act: Any, session: Any, extra: Any, extras: list[Extra]) -> Any:
        pa, np = self._pa, self._np
        absent = (session < 0) | np.array([not spec.method for spec in ACTS])[act]
        place = np.where(session < 0, len(work.sessions), session)
        addresses = pa.array([*(one.client_ip for one in work.sessions), None], type=pa.string()).take(pa.array(place))
        devices = pa.array([*(one.user_agent for one in work.sessions), None], type=pa.string()).take(pa.array(place))
        methods = pa.array([spec.method for spec in ACTS]).take(pa.array(act))
        routes = pa.array([spec.route for spec in ACTS]).take(pa.array(act))
        status = pa.array(np.array([one.status for one in extras] + [200], dtype=np.int64)[extra])
        fields = list(self._schema.field("http").type)
        return pa.StructArray.from_arrays([methods, routes, status, addresses, devices], fields=fields, mask=pa.array(absent))
