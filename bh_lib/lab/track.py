"""Records of runs, and the registry: the one file that imports MLflow.

Everything lies under one folder, ``mlflow.db`` and ``mlartifacts/``, unless ``MLFLOW_TRACKING_URI`` names a server. No note's text
is recorded; the one text in a record is the made-up example that shows a model's input.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bh_lib import __version__
from bh_lib._extras import require
from bh_lib.errors import GateError, InputError
from bh_lib.evaluate import Metrics
from bh_lib.lab.artifacts import environment, error_rows, is_ours, peak_memory, plots
from bh_lib.lab.card import CARD_FILES, build_card, write_card
from bh_lib.lab.config import ExperimentConfig
from bh_lib.lab.gate import GateCheck, gate, judge, require_gate
from bh_lib.lab.names import metric_names
from bh_lib.lab.run import Corpus, ExperimentRun, build_corpus
from bh_lib.schema.note import write_notes

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["REGISTERED", "connect", "download_model", "list_runs", "promote", "python_model", "record_run"]

_OWN_STORES: Final[set[str]] = set()
REGISTERED: Final = "bh-sentinel"
EXPERIMENT: Final = "bh-sentinel"
_EXAMPLE: Final = "Pt denies SI today. Sleep poor, two hours a night."
_SERVED: Final = "from mlflow.models import set_model\n\nfrom bh_lib.lab.served import served_model\n\nset_model(served_model())\n"


def connect(out_dir: str | os.PathLike[str]) -> Any:
    """MLflow, pointed at ``MLFLOW_TRACKING_URI``, or else at the store under a folder; its telemetry is off."""
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    os.environ["DO_NOT_TRACK"] = "true"
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
    mlflow = require("mlflow", extra="lab")
    import logging

    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.ERROR)
    folder = Path(out_dir).resolve()
    server = os.environ.get("MLFLOW_TRACKING_URI")
    if server in _OWN_STORES:
        # MLflow writes what it was last pointed at into the environment; only somebody else's word names a server.
        server = None
    if not server:
        folder.mkdir(parents=True, exist_ok=True)
    uri = server or f"sqlite:///{folder / 'mlflow.db'}"
    if not server:
        _OWN_STORES.add(uri)
    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)
    if mlflow.get_experiment_by_name(EXPERIMENT) is None:
        mlflow.create_experiment(EXPERIMENT, artifact_location=None if server else (folder / "mlartifacts").as_uri())
    mlflow.set_experiment(EXPERIMENT)
    return mlflow


def python_model() -> Any:
    """The class that a served model extends."""
    return require("mlflow.pyfunc", extra="lab").PythonModel


def _git() -> dict[str, str]:
    """Commit and dirty flag of the checkout that this library stands in; nothing for an installed wheel."""

    def ask(*words: str) -> str | None:
        folder = Path(__file__).resolve().parent
        try:
            done = subprocess.run(("git", *words), cwd=folder, capture_output=True, text=True, timeout=10, check=True)
        except (OSError, subprocess.SubprocessError):
            return None
        return done.stdout.strip()

    commit, status = ask("rev-parse", "HEAD"), ask("status", "--porcelain", "--untracked-files=no")
    return {} if commit is None else {"git.commit": commit, "git.dirty": str(bool(status)).lower()}


def _log_model(mlflow: Any, run: ExperimentRun) -> None:
    pandas = require("pandas", extra="lab")
    example = pandas.DataFrame({"text": [_EXAMPLE]})
    types = require("mlflow.types", extra="lab")
    signature = require("mlflow.models", extra="lab").ModelSignature(
        types.Schema([types.ColSpec("string", "text")]),
        types.Schema(
            [
                types.ColSpec("string", "analysis"),
                types.ColSpec("string", "max_severity"),
                types.ColSpec("long", "c_ssrs_level"),
                types.ColSpec("boolean", "immediate_review"),
            ]
        ),
    )
    with tempfile.TemporaryDirectory() as folder:
        code = Path(folder) / "served_sentinel.py"
        code.write_text(_SERVED, "utf-8")
        mlflow.pyfunc.log_model(
            name="model",
            python_model=str(code),
            artifacts={"classifier": str(run.model)},
            signature=signature,
            input_example=example,
            # Named, since guessing them would load the model in a new process and look for a network.
            pip_requirements=[f"bh-lib[ml,lab]=={__version__}"],
            registered_model_name=REGISTERED,
        )


def _log_inputs(mlflow: Any, run: ExperimentRun) -> None:
    """The corpora by name and digest, and none of their notes: what was trained on, and what was judged on."""
    meta = require("mlflow.data.meta_dataset", extra="lab").MetaDataset
    source = require("mlflow.data.code_dataset_source", extra="lab").CodeDatasetSource({"mlflow.source.name": "bh_lib.synth"})
    brought = require("mlflow.data.code_dataset_source", extra="lab").CodeDatasetSource({"mlflow.source.name": "brought along"})
    digest = run.facts["corpus_digest"].removeprefix("sha256:")[:32]
    mlflow.log_input(meta(source, name="labelled-notes", digest=digest), context="training")
    for corpus, metrics in run.metrics.items():
        if not corpus.endswith("-alone"):
            place = source if is_ours(corpus) else brought
            digest = metrics.corpus_digest.removeprefix("sha256:")[:32]
            mlflow.log_input(meta(place, name=corpus, digest=digest), context="evaluation")


def _log_corpus(mlflow: Any, run: ExperimentRun, corpus: str, metrics: Metrics) -> None:
    prefix = "" if corpus == "test" else f"{corpus}/"
    mlflow.log_metrics({f"{prefix}{name}": value for name, value in metric_names(metrics.to_dict()).items()})
    if not is_ours(corpus):
        mlflow.log_artifact(str(run.folder / corpus / "metrics.json"), f"evaluation/{corpus}")
        return
    mlflow.log_artifacts(str(run.folder / corpus), f"evaluation/{corpus}")
    rows = error_rows(run.folder, corpus)
    if rows:
        mlflow.log_table({key: [row[key] for row in rows] for key in rows[0]}, f"errors/{corpus}.json")


def record_run(run: ExperimentRun, out_dir: str | os.PathLike[str]) -> ExperimentRun:
    """Record a finished run: settings, facts, environment, metrics under stable names (`bh_lib.lab.names`), reports, plots, errors,
    model card, the corpora by their digests, and the model in the registry.

    MLflow's sampling of the machine stays as the environment has it (``MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING``, off by default): a
    run is over when it is recorded, and its seconds and its peak of memory are recorded with it.
    """
    mlflow = connect(out_dir)
    write_card(run.folder, build_card(run))
    with mlflow.start_run(run_name=run.config.name) as active:
        told = environment()
        mlflow.set_tags(
            {**_git(), "reason": run.config.reason, "bh_lib": __version__, "knowledge_digest": told["knowledge_digest"]}
        )
        mlflow.log_params({key: str(value) for key, value in run.config.to_dict().items() if key != "reason"})
        facts = {key: value for key, value in run.facts.items() if key not in ("seconds", "corpus_digest")}
        mlflow.log_params({**facts, "corpus_digest": run.facts["corpus_digest"]})
        mlflow.log_metrics({f"seconds/{step}": value for step, value in run.facts["seconds"].items()})
        memory = peak_memory()
        if memory is not None:
            mlflow.log_metric("system/peak_rss_mib", memory)
        mlflow.log_dict(told, "environment.json")
        for corpus, metrics in run.metrics.items():
            _log_corpus(mlflow, run, corpus, metrics)
        for place, figure in plots(run.metrics):
            mlflow.log_figure(figure, place)
        mlflow.log_artifact(str(run.folder / "facts.json"))
        for name in CARD_FILES:
            mlflow.log_artifact(str(run.folder / name), "card")
        _log_inputs(mlflow, run)
        if run.model is not None:
            _log_model(mlflow, run)
        run_id = active.info.run_id
    return replace(run, run_id=run_id)


def list_runs(out_dir: str | os.PathLike[str]) -> pd.DataFrame:
    """All runs, newest first: ``run_id``, ``name``, ``status``, ``commit``, ``dirty``, parameters, metrics by stable names."""
    mlflow = connect(out_dir)
    found = mlflow.search_runs(experiment_names=[EXPERIMENT], order_by=["attributes.start_time DESC"])
    names = {"tags.mlflow.runName": "name", "tags.git.commit": "commit", "tags.git.dirty": "dirty", "tags.reason": "reason"}
    kept = [
        c for c in found.columns if c in names or c in ("run_id", "status", "start_time") or c.startswith(("metrics.", "params."))
    ]
    return found[kept].rename(columns=lambda column: names.get(column, column.removeprefix("metrics.")))


def _model_folder(mlflow: Any, uri: str) -> Path:
    folder = Path(mlflow.artifacts.download_artifacts(artifact_uri=uri))
    return folder / "artifacts" / "model" if (folder / "artifacts" / "model").is_dir() else folder / "artifacts" / "classifier"


def download_model(name: str, out_dir: str | os.PathLike[str]) -> Path:
    """The exported folder behind a registry name, such as ``models:/bh-sentinel@champion``.

    Raises
    ------
    InputError
        If there is no such model.
    """
    mlflow = connect(out_dir)
    try:
        folder = _model_folder(mlflow, name)
    except mlflow.exceptions.MlflowException:
        raise InputError("no such model in the registry: promote a run first, or look at bh experiment list") from None
    if not (folder / "manifest.json").is_file():
        raise InputError("the registered model holds no exported classifier")
    return folder


def _version_of(client: Any, run_id: str) -> Any:
    found = [each for each in client.search_model_versions(f"name='{REGISTERED}'") if each.run_id == run_id]
    if not found:
        raise InputError("the run registered no model: only a run with an exported layer 2 can be promoted")
    return max(found, key=lambda each: int(each.version))


def _checked(metrics: Mapping[str, float], corpus: Corpus) -> GateCheck:
    """Whether the notes hold all critical expectations: told by the run's record, or else checked now, on the same notes."""
    name = "expectations of the notes"
    if "seconds/check" in metrics:
        return GateCheck(name, True, "held before the run was trained")
    from bh_lib.checks import check_notes

    parts = {"train": corpus.train, "dev": corpus.dev, "test": (*corpus.test, *corpus.test_seeds)}
    splits = {note.note_id: split for split, notes in parts.items() for note in notes}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "notes.jsonl"
        write_notes(path, [note for notes in parts.values() for note in notes])
        failed = check_notes(path, None, splits).failed("critical")
    told = "; ".join(f"{outcome.expectation} on {outcome.column}" for outcome in failed)
    return GateCheck(name, not failed, told or "all critical ones hold")


def promote(
    run_id: str, out_dir: str | os.PathLike[str], *, seeds_dir: str | os.PathLike[str] | None = None
) -> Sequence[GateCheck]:
    """Make a run's model the champion, if the gate holds.

    The candidate, the champion and the rules alone answer the same test notes, made again from the run's own config.

    Returns
    -------
    sequence of GateCheck
        What was checked, all of it held.

    Raises
    ------
    InputError
        If there is no such run, or it registered no model.
    GateError
        If a check fails, or the corpus is no longer the one that the run was judged on; the alias stays where it was.
    """
    from bh_lib.sentinel import Sentinel

    mlflow = connect(out_dir)
    client = mlflow.MlflowClient()
    try:
        run = client.get_run(run_id)
    except mlflow.exceptions.MlflowException:
        raise InputError("there is no such run: see bh experiment list") from None
    version = _version_of(client, run_id)
    config = _config_of(run.data.params, run.data.tags)
    corpus = build_corpus(config, seeds_dir)
    if corpus.digest != run.data.params.get("corpus_digest"):
        raise GateError("not promoted: the seeds have changed since the run, so its scores no longer stand: run it again")
    notes = [*corpus.test, *corpus.test_seeds]
    candidate = judge(notes, Sentinel.load(classifier=_model_folder(mlflow, f"models:/{REGISTERED}/{version.version}")))
    try:
        now = client.get_model_version_by_alias(REGISTERED, "champion")
    except mlflow.exceptions.MlflowException:
        now = None
    champion = None
    if now is not None and now.version != version.version:
        champion = judge(notes, Sentinel.load(classifier=_model_folder(mlflow, f"models:/{REGISTERED}/{now.version}")))
    checks = gate(candidate, champion, judge(notes, Sentinel.load()), checked=_checked(run.data.metrics, corpus))
    for check in checks:
        client.set_tag(run_id, f"gate.{check.name}", f"{'held' if check.held else 'failed'}: {check.figures}")
    require_gate(checks)
    client.set_registered_model_alias(REGISTERED, "champion", version.version)
    return checks


def _config_of(params: Mapping[str, str], tags: Mapping[str, str]) -> ExperimentConfig:
    """The part of a run's config that its corpus depends on, and its name."""
    counts: dict[str, Any] = {key: int(params[key]) for key in ("train_notes", "dev_notes", "test_notes", "seed")}
    counts |= {key: float(params[key]) for key in ("train_share", "judge_share") if key in params}
    return ExperimentConfig(params["name"], tags.get("reason", ""), **counts)
