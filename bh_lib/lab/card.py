"""The model card of a run: for a reader in HTML, for a machine in the Coalition for Health AI's XML, and its 31 answers in JSON.

The XML has the elements of the Applied Model Card, schema v0.2, in their order. Each source attribute stands in the element that
asks for it, with its paragraph and whether it is measured, stated or missing, so that nothing reads as known that isn't.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any, Final
from xml.sax.saxutils import escape as escape_xml

from bh_lib import __version__
from bh_lib._jsonl import atomic_write, write_json
from bh_lib.lab.attributes import Answer, Status, answers, categories
from bh_lib.lab.run import ExperimentRun

__all__ = ["CARD_FILES", "ModelCard", "build_card", "card_html", "card_xml", "write_card"]

CARD_FILES: Final = ("model_card.html", "model_card.xml", "source_attributes.json")
_NAMESPACE: Final = "https://mc.chai.org/v0.2/schema.xsd"
_NOTICE: Final = "Decision support, for a clinician to judge: no diagnosis. This card claims no certification."
_STYLE: Final = (
    "body{font:16px/1.5 system-ui,sans-serif;color:#1a2530;background:#fff;max-width:64rem;margin:2rem auto;padding:0 1rem}"
    "h1{font-size:1.6rem}h2{font-size:1.2rem;margin-top:2rem}table{border-collapse:collapse;width:100%;table-layout:fixed}"
    "caption{text-align:left;color:#51606e;padding:.2rem 0}th,td{text-align:left;vertical-align:top;padding:.35rem .6rem;"
    "border-bottom:1px solid #e3e8ed;overflow-wrap:anywhere}"
    "th:nth-child(1){width:26%}th:nth-child(2){width:7rem}th:nth-child(4){width:18%}"
    ".measured{font-weight:600;color:#06643b}.missing{font-weight:600;color:#8a4b00}dt{font-weight:600}dd{margin:0 0 .4rem}"
    ".scroll{overflow-x:auto}.scroll:focus-visible{outline:3px solid #2f6f9f}@media(max-width:40rem){table{min-width:40rem}}"
)


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What the card says.

    Attributes
    ----------
    name, reason : str
        Of the experiment.
    about : Mapping of str to str
        Kind of model, digests, version.
    answers : tuple of Answer
        To the 31 attributes.
    """

    name: str
    reason: str
    about: Mapping[str, str]
    answers: tuple[Answer, ...]

    def count(self, status: Status) -> int:
        """How many attributes have a status."""
        return sum(answer.status is status for answer in self.answers)


def build_card(run: ExperimentRun) -> ModelCard:
    """The card of a finished run, from its figures and facts alone."""
    about = {
        "Kind of model": "patterns and rules"
        if run.config.model == "none"
        else f"patterns, rules and a trained layer ({run.config.model})",
        "Version": __version__,
        "Corpus": str(run.facts["corpus_digest"]),
        "Judged on": ", ".join(
            f"{name} ({metrics.n:,} notes)" for name, metrics in run.metrics.items() if not name.endswith("-alone")
        ),
    }
    return ModelCard(run.config.name, run.config.reason, about, tuple(answers(run.metrics, run.facts, run.config.model != "none")))


def _summary(card: ModelCard) -> str:
    counted = ", ".join(f"{card.count(status)} {status.value}" for status in Status)
    return f"Of {len(card.answers)} source attributes: {counted}."


def card_html(card: ModelCard) -> str:
    """One page that loads nothing, and is read without colour too."""
    parts = []
    for number, title in categories().items():
        rows = "".join(
            f'<tr><th scope="row">({number})({each.attribute.attribute_id.partition(".")[2]}) {escape(each.attribute.name)}</th>'
            f'<td class="{each.status.value}">{each.status.value}</td>'
            f"<td>{escape(each.value)}</td><td>{escape(each.source)}</td></tr>"
            for each in card.answers
            if each.attribute.category == number
        )
        heads = "".join(f'<th scope="col">{head}</th>' for head in ("Attribute", "Status", "Value", "From where"))
        table = f"<table><caption>Paragraph (B)({number})</caption><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"
        scroll = f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(title, quote=True)}">{table}</div>'
        parts.append(f"<section><h2>{escape(title)}</h2>{scroll}</section>")
    about = "".join(f"<dt>{escape(key)}</dt><dd>{escape(value)}</dd>" for key, value in card.about.items())
    meta = '<meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    title = f"Model card: {escape(card.name)}"
    return (
        f'<!doctype html>\n<html lang="en"><head>{meta}<title>{title}</title><style>{_STYLE}</style></head><body><main>'
        f"<h1>{title}</h1><p>{escape(card.reason)}</p><p>{_NOTICE} {_summary(card)}</p>"
        f"<p>They are those of 45 CFR 170.315(b)(11)(iv)(B), in our own words.</p>"
        f"<dl>{about}</dl>{''.join(parts)}</main></body></html>\n"
    )


def _said(card: ModelCard, place: str, otherwise: str = "Missing.") -> str:
    lines = [
        f"[{each.status.value}] (B)({each.attribute.category})({each.attribute.attribute_id.partition('.')[2]}) "
        f"{each.attribute.name}: {each.value}"
        for each in card.answers
        if each.attribute.chai == place
    ]
    return "\n".join(lines) or otherwise


def _element(name: str, inner: str) -> str:
    return f"<{name}>{inner}</{name}>"


def _texts(card: ModelCard, under: str, names: Sequence[str], **given: str) -> str:
    return "".join(_element(name, escape_xml(given.get(name) or _said(card, f"{under}/{name}"))) for name in names)


def _metric(card: ModelCard, name: str, goal: str) -> str:
    under = f"KeyMetrics/{name}"
    behind = [each for each in card.answers if each.attribute.chai == f"{under}/Results"]
    results = [(label, {"kind": "single", "value": value}) for each in behind for label, value in each.figures.items()]
    results = results or [("none measured", {"kind": "single", "value": None})]
    inner = "".join(
        _element("MetricResult", _element("Label", escape_xml(label)) + _element("ValueJson", escape_xml(json.dumps(value))))
        for label, value in results
    )
    told = _said(card, f"{under}/Results")
    parts = [_element("MetricGoal", escape_xml(goal)), _element("Results", inner), _element("Interpretation", escape_xml(told))]
    test = "Held-out seed families of synthetic text, and notes that were brought along where there are any."
    rest = _texts(card, under, ("TestType", "TestingDataDescription", "ValidationProcessAndJustification"), TestType=test)
    return _element(name, "".join(parts) + rest)


def card_xml(card: ModelCard) -> str:
    """An Applied Model Card; elements that ask for nothing among the 31 say what the run knows, or that it is missing."""
    facts, clear = "TrustIngredients/AISystemFacts", "TrustIngredients/TransparencyInformation"
    uses = (
        "IntendedUseAndWorkflow",
        "PrimaryIntendedUsers",
        "HowToUse",
        "TargetedPatientPopulation",
        "CautionedOutOfScopeSettings",
    )
    warned = ("KnownRisksAndLimitations", "KnownBiasesOrEthicalConsiderations", "ClinicalRiskLevel")
    system = (
        "OutcomesAndOutputs", "ModelType", "InputDataSource", "OutputAndInputDataTypes", "DevelopmentDataCharacterization",
        "BiasMitigationApproaches", "OngoingMaintenance",
    )  # fmt: skip
    high = "High: a signal that is missed may cost a life. It informs a clinician, who decides."
    keywords = "".join(_element("Keyword", word) for word in ("behavioral health", "safety signals", "C-SSRS", "decision support"))
    date = "Not released: a record of an experiment."
    parts = {
        "BasicInfo": _texts(
            card,
            "BasicInfo",
            ("ModelName", "ModelDeveloper", "DeveloperContact"),
            ModelName=card.name,
            ModelDeveloper="bh-lib founders",
        ),
        "ReleaseInfo": _texts(
            card,
            "ReleaseInfo",
            ("ReleaseStage", "ReleaseDate", "ReleaseVersion", "GlobalAvailability"),
            ReleaseStage="Research and evaluation",
            ReleaseDate=date,
            ReleaseVersion=card.about["Version"],
            GlobalAvailability="Wherever its licence (Apache-2.0) lets it be used; English text alone.",
        ),
        "ModelSummary": _element("Summary", escape_xml(f"{card.reason} {_NOTICE} {_summary(card)}"))
        + _element("Keywords", keywords),
        "UsesAndDirections": _texts(card, "UsesAndDirections", uses),
        "Warnings": _texts(card, "Warnings", warned, ClinicalRiskLevel=high),
        "TrustIngredients": _element("AISystemFacts", _texts(card, facts, system, ModelType=card.about["Kind of model"]))
        + _element("TransparencyInformation", _texts(card, clear, ("FundingSource", "StakeholdersConsulted"))),
        "KeyMetrics": _metric(card, "UsefulnessUsabilityEfficacy", "To find the flags that stand, and no others.")
        + _metric(card, "FairnessEquity", "To find them alike, whoever the text speaks of.")
        + _metric(card, "SafetyReliability", "To miss no critical signal in text of another source."),
        "Resources": _texts(card, "Resources", ("EvaluationReferences", "PeerReviewedPublications", "PatientConsentOrDisclosure")),
        "Bibliography": "",
    }
    body = "".join(_element(name, inner) for name, inner in parts.items())
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<AppliedModelCard xmlns="{_NAMESPACE}">{body}</AppliedModelCard>\n'


def _rows(card: ModelCard) -> list[dict[str, Any]]:
    return [
        {
            "paragraph": f"170.315(b)(11)(iv)(B)({each.attribute.category})({each.attribute.attribute_id.partition('.')[2]})",
            "name": each.attribute.name,
            "status": each.status.value,
            "value": each.value,
            "source": each.source,
            "metrics": dict(each.figures),
        }
        for each in card.answers
    ]


def write_card(folder: str | os.PathLike[str], card: ModelCard) -> None:
    """Write the three files of `CARD_FILES`, each whole or not at all."""
    html, xml, rows = (Path(folder) / name for name in CARD_FILES)
    for path, text in ((html, card_html(card)), (xml, card_xml(card))):
        with atomic_write(path) as out:
            out.write(text)
    write_json(rows, {"name": card.name, "attributes": _rows(card)})
