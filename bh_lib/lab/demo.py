"""The main job end to end, on synthetic data: one true path through every room."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from bh_lib._jsonl import read_json, read_jsonl, write_jsonl
from bh_lib.checks import CheckReport, check_events, check_notes, check_predictions, require_critical
from bh_lib.emitters import AuditConfig, AuditLogger, JsonlSink, Verification, ensure_key, read_key, verify, write_checkpoint
from bh_lib.errors import GateError, InputError
from bh_lib.lab.config import ExperimentConfig
from bh_lib.lab.inference import INFERENCE_METADATA, analyze_file
from bh_lib.lab.run import ExperimentRun, run_experiment
from bh_lib.schema.note import read_notes
from bh_lib.sentinel import Sentinel
from bh_lib.synth import tamper_log, write_corpus, write_events

__all__ = ["DemoSummary", "run_demo"]

Tell = Callable[[str], None]
_SEED = 7
_EMITTED = 1_000
_QUICK: Mapping[str, Any] = {"train_share": 0.25, "judge_share": 0.3, "dev_notes": 100, "test_notes": 150}
"""What the demo learns from and is judged on: the whole corpus would take minutes to embed."""


@dataclass(frozen=True, slots=True)
class DemoSummary:
    """What the demo found, and where to look."""

    out: Path
    events: CheckReport
    notes: CheckReport
    predictions: CheckReport
    intact: Verification
    edited: Verification
    cut: Verification
    rules: ExperimentRun
    trained: ExperimentRun
    promotion: str
    analyses: int
    inferences: Verification

    def lines(self) -> Iterator[str]:
        """The summary, a line at a time."""
        yield "What happened"
        yield f"  log      {self._checked(self.events)}; the answer key holds the misuse that hides in it"
        yield f"  notes    {self._checked(self.notes)}"
        yield f"  ledger   {self.intact.verdict} under its checkpoint, {self.intact.events:,} events"
        yield f"  tampered edited: {self.edited}"
        yield f"           tail cut off: {self.cut}"
        for name, run in (("rules alone", self.rules), ("with layer 2", self.trained)):
            scores = run.metrics["test"].to_dict()
            yield (
                f"  sentinel {name}: macro-F1 {scores['macro']['f1']:.2f}, "
                f"critical sensitivity {scores['critical']['sensitivity']:.2f} at PPV {scores['critical']['ppv']:.2f}, "
                f"C-SSRS QWK {scores['c_ssrs']['qwk']:.2f} ({scores['n']} synthetic test notes)"
            )
        yield f"  champion {self.promotion}"
        yield f"  analyses {self.analyses} notes, {self._checked(self.predictions)}; each audited: {self.inferences.verdict}"
        yield "Where to look"
        yield f"  Data Docs          {self.events.docs}"
        yield f"  evaluation report  {self.trained.folder / 'test' / 'report.html'}"
        yield f"  analyses           {self.out / 'analyses.jsonl'}"
        yield f"  MLflow             mlflow server --backend-store-uri sqlite:///{self.out / 'mlflow.db'} --port 5000"
        yield "Synthetic data throughout. Decision support, never a diagnosis."

    @staticmethod
    def _checked(report: CheckReport) -> str:
        failed = report.failed()
        told = f"{report.rows:,} rows, {len(report.outcomes) - len(failed)} of {len(report.outcomes)} expectations hold"
        return told + (f" ({', '.join(sorted({outcome.column for outcome in failed}))} to look at)" if failed else "")


def _is_made(folder: Path, wanted: Mapping[str, Any]) -> bool:
    """Whether an earlier demo left just this data; a manifest is written last, so it stands for the whole."""
    try:
        manifest = read_json(folder / "manifest.json")
    except InputError:
        return False
    return isinstance(manifest, dict) and all(manifest.get(key) == value for key, value in wanted.items())


def _emit(events: Path, ledger: Path) -> int:
    """Tell part of the clinic's day through the logger, as an application would."""
    with AuditLogger(AuditConfig(service="demo-ehr", environment="demo"), sink=JsonlSink(ledger)) as audit:
        for _, event in islice(read_jsonl(events), _EMITTED):
            outcome, action = event["outcome"], event["action"]
            blocks = {
                key: event[key]
                for key in ("consent", "disclosure", "emergency", "delegation", "attribution", "purpose_of_use")
                if key in event
            }
            audit.record(
                action["type"],
                actor=event["actor"],
                resource=event["resource"],
                phi_touched=action.get("phi_touched", False),
                data_classification=action.get("data_classification", "UNKNOWN"),
                **outcome,
                **blocks,
            )
    return _EMITTED


def _prove(out: Path) -> tuple[Verification, Verification, Verification]:
    """Sign the ledger, then do to copies of it what an intruder would."""
    ledger, key, anchor = out / "ledger.jsonl", out / "keys" / "auditor.key", out / "keys" / "ledger.checkpoint"
    ensure_key(key)
    write_checkpoint(ledger, anchor, key)
    public = read_key(Path(f"{key}.pub"))
    tamper_log(ledger, out / "tampered" / "edited.jsonl", "edit", _SEED)
    tamper_log(ledger, out / "tampered" / "cut.jsonl", "truncate", _SEED)
    return (
        verify(ledger, anchor, key=public),
        verify(out / "tampered" / "edited.jsonl", anchor, key=public),
        verify(out / "tampered" / "cut.jsonl", anchor, key=public),
    )


def _promotion(run: ExperimentRun, out: Path) -> str:
    from bh_lib.lab.track import promote

    if run.run_id is None:
        return "not tracked, so not promoted"
    try:
        promote(run.run_id, out)
    except GateError as error:
        return str(error)
    return "models:/bh-sentinel@champion, the gate holds"


def run_demo(out_dir: str | os.PathLike[str], *, full: bool = False, tell: Tell = lambda _: None) -> DemoSummary:
    """Run the main job; what an earlier run left is reused where it is the same.

    Parameters
    ----------
    out_dir : path
        Everything goes under it.
    full : bool
        More events and notes, the whole seed corpus, and a TF-IDF baseline in MLflow.
    tell : callable
        Told what is being done, a line at a time.

    Raises
    ------
    GateError
        If a critical expectation fails on the synthetic data.
    """
    out = Path(out_dir)
    events, notes, docs = out / "log" / "events.jsonl", out / "notes" / "notes.jsonl", out / "docs"
    count, size = (200_000, 5_000) if full else (10_000, 1_000)
    # Embeddings are kept beside the rest, so that all the demo leaves is under one folder.
    os.environ.setdefault("BH_LIB_CACHE", str(out.resolve() / "cache"))

    if not _is_made(out / "log", {"n": count, "seed": _SEED}):
        tell(f"simulating a clinic: {count:,} audit events and their answer key")
        write_events(out / "log", count, _SEED)
    if not _is_made(out / "notes", {"notes": size, "seed": _SEED}):
        tell(f"composing {size:,} labelled notes from hand-written seeds")
        write_corpus(out / "notes", size, _SEED)

    tell("checking both with Great Expectations")
    splits = {note.note_id: split for split in ("train", "dev", "test") for note in read_notes(out / "notes" / f"{split}.jsonl")}
    checked_events = require_critical(check_events(events, docs))
    checked_notes = require_critical(check_notes(notes, docs, splits))

    tell(f"emitting {_EMITTED:,} events into a chained ledger, signing it, tampering with copies")
    _emit(events, out / "ledger.jsonl")
    intact, edited, cut = _prove(out)

    size_of: Mapping[str, Any] = {} if full else _QUICK
    tell("judging the rules alone (layers 1, 3, 4)")
    rules = run_experiment(ExperimentConfig("demo-rules", "The demo's baseline: no trained model.", model="none", **size_of), out)
    if full:
        tell("training a TF-IDF baseline")
        run_experiment(ExperimentConfig("demo-tfidf", "Do n-grams suffice?", model="tfidf", **size_of), out)
    tell("training layer 2 on a frozen encoder, calibrating, judging, tracking in MLflow")
    trained = run_experiment(ExperimentConfig("demo", "The demo's layer 2: heads on a frozen encoder.", **size_of), out)
    tell("holding it against the promotion gate")
    promotion = _promotion(trained, out)

    tell("analyzing notes with all layers, an audit event for each")
    texts = [{"id": note.note_id, "text": note.text} for note in islice(read_notes(out / "notes" / "test.jsonl"), 200)]
    write_jsonl(out / "texts.jsonl", texts)
    with AuditLogger(
        AuditConfig(service="demo-sentinel", metadata=INFERENCE_METADATA), sink=JsonlSink(out / "inferences.jsonl")
    ) as audit:
        analyses = analyze_file(out / "texts.jsonl", out / "analyses.jsonl", Sentinel.load(classifier=trained.model), audit=audit)
    checked = require_critical(check_predictions(out / "analyses.jsonl", docs))
    return DemoSummary(
        out,
        checked_events,
        checked_notes,
        checked,
        intact,
        edited,
        cut,
        rules,
        trained,
        promotion,
        analyses,
        verify(out / "inferences.jsonl"),
    )
