"""The 31 source attributes, and what a run can say to each: measured, stated, or missing."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, Final

from bh_lib.errors import KnowledgeError
from bh_lib.lab.artifacts import is_ours
from bh_lib.lab.names import metric_names

__all__ = ["Answer", "Attribute", "Status", "answers", "categories", "load_attributes"]

_FILE: Final = Path(__file__).with_name("source_attributes.toml")


class Status(StrEnum):
    """How far an attribute is answered."""

    MEASURED = "measured"
    STATED = "stated"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute, as the TOML has it; ``attribute_id`` is its paragraph under 45 CFR 170.315(b)(11)(iv)(B)."""

    attribute_id: str
    name: str
    chai: str
    value: str | None = None
    untrained: str | None = None
    metrics: tuple[str, ...] = ()
    of: str = "own"
    why: str = ""

    @property
    def category(self) -> str:
        """1 to 9."""
        return self.attribute_id.partition(".")[0]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a run says to an attribute, and where it has it from.

    Attributes
    ----------
    attribute : Attribute
    status : Status
    value : str
        The reason, where it is missing.
    source : str
    figures : Mapping of str to float
        The metrics behind a measured answer, by their names in MLflow; empty for any other.
    """

    attribute: Attribute
    status: Status
    value: str
    source: str
    figures: Mapping[str, float]


@cache
def _knowledge() -> Mapping[str, Any]:
    try:
        return tomllib.loads(_FILE.read_text("utf-8"))
    except tomllib.TOMLDecodeError:
        raise KnowledgeError("is not valid TOML", path=_FILE.name) from None


def categories() -> Mapping[str, str]:
    """The nine categories, in our own words."""
    return dict(_knowledge()["categories"])


@cache
def load_attributes() -> tuple[Attribute, ...]:
    """All 31, in the order of the rule.

    Examples
    --------
    >>> len(load_attributes()), load_attributes()[0].attribute_id, load_attributes()[-1].attribute_id
    (31, '1.i', '9.ii')
    """
    rows = []
    for row in _knowledge()["attribute"]:
        if "value" not in row and not row.get("why"):
            raise KnowledgeError("an attribute has a value, or says why it is missing", path=_FILE.name, place=row.get("id"))
        rest = {key: value for key, value in row.items() if key not in ("id", "metrics")}
        rows.append(Attribute(row["id"], metrics=tuple(row.get("metrics", ())), **rest))
    return tuple(rows)


def _figures(attribute: Attribute, metrics: Mapping[str, Any]) -> dict[str, float]:
    found: dict[str, float] = {}
    for corpus, scores in metrics.items():
        if corpus.endswith("-alone") or is_ours(corpus) != (attribute.of == "own"):
            continue
        names = metric_names(scores.to_dict())
        prefix = "" if corpus == "test" else f"{corpus}/"
        found |= {f"{prefix}{name}": names[name] for name in attribute.metrics if name in names}
    return found


def _told(name: str, value: float) -> str:
    return f"{name} {value:.0f}" if name.endswith("/n") or name == "n" else f"{name} {value:.3f}"


def answers(metrics: Mapping[str, Any], facts: Mapping[str, Any], trained: bool) -> Sequence[Answer]:
    """What a run says to each attribute.

    Parameters
    ----------
    metrics : mapping of corpus to Metrics
    facts : mapping
        Of the run; a stated value may name some of them.
    trained : bool
        Whether the run has a trained layer.

    Examples
    --------
    >>> found = answers({}, {"train_examples": 12}, True)
    >>> len(found), sorted({answer.status.value for answer in found})
    (31, ['missing', 'stated'])
    """
    found = []
    for attribute in load_attributes():
        figures = _figures(attribute, metrics) if attribute.metrics else {}
        value = attribute.value if trained or attribute.untrained is None else attribute.untrained
        if figures:
            told = ", ".join(_told(name, figure) for name, figure in figures.items())
            found.append(Answer(attribute, Status.MEASURED, told, "metrics of this run", figures))
        elif value is not None:
            known = {key: f"{number:,}" for key, number in facts.items() if isinstance(number, int)}
            text = value.format_map({"train_examples": "an unknown number of", **known})
            found.append(Answer(attribute, Status.STATED, text, f"the developers, in {_FILE.name}", {}))
        else:
            found.append(Answer(attribute, Status.MISSING, attribute.why, f"{_FILE.name} says why", {}))
    return found
