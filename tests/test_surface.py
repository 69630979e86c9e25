"""What others may build on: pinned, importable without third parties, and quick to start."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import json
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import bh_lib

SURFACE = {
    "bh_lib": """
        __version__
    """,
    "bh_lib.schema": """
        Action Actor Agent Agents Attribution Auth CURRENT Consent Control ControlEvidence ControlStatus Conversion
        ConversionReport Correlation Delegation Disclosure Emergency Event EvidenceVerdict Http Identity Integrity
        Loss LossKind Outcome Problem QueryResult Recipient Resource Service TARGETS VERSIONS convert_event
        convert_file detect_version event_checker event_schema evidence_html gather_evidence is_valid_event
        load_controls negotiate read_fhir validate_event validate_file
    """,
    "bh_lib.emitters": """
        AuditConfig AuditLogger Checkpoint Drop Exported Fault JsonlSink MemorySink Pruning Receipt Sink Verdict
        Verification check_note ensure_key exit_on_sigterm export_ledger generate_keys ledger_files make_checkpoint
        parse_checkpoint prune read_checkpoint read_key read_ledger scrub verify write_checkpoint
    """,
    "bh_lib.sentinel": """
        Analysis CLINICAL_USE_NOTICE CSsrs Context Finding Mention Profile Sentinel Triage render render_text
    """,
    "bh_lib.synth": """
        Diversity EventManifest PERTURBATIONS Pair Seed SeedKind Seeds Split TAMPERINGS c_ssrs_level check_seeds
        corpus_report diversity families_of generate_events generate_notes load_seeds load_sentences near_duplicates perturb
        present_flags seed_examples seeds_digest split_of tamper_log write_corpus write_events
    """,
    "bh_lib.checks": """
        CheckReport Outcome check_events check_notes check_predictions require_critical
    """,
    "bh_lib.evaluate": """
        Agreement Calibration Counts Difference FlagScore Flips Intervals Metrics Mistake Ordinal Outcome Share
        VARIANTS agreement calibration compare compare_calibration corpus_digest critical_cells decision_figure evaluate
        evaluate_file evaluate_notes evaluate_outcomes flag_cells flag_figure flag_frame level_figure mistakes ordinal
        ordinal_level pair read_labelled recall_figure reliability_figure render_report robustness systems_frame
        true_flags write_mistakes write_report
    """,
    "bh_lib.evaluate.feedback": """
        Claim FlagReview Mark NoteReview REASONS REVIEW_METADATA Reason Verdict dismiss_rates judgements_path labelled
        read_judgements show_review
    """,
    "bh_lib.review": """
        Review ReviewScore SIGNALS Section accesses activity break_glass consent_gaps denials disclosures encounters
        explain_by_context explain_by_log log_ins rank_unexplained read_cases record_review review_log scan_context
        scan_log score_alerts
    """,
    "bh_lib.lab": """
        Corpus ExperimentConfig ExperimentRun build_corpus compare_runs download_model leaderboard
        leaderboard_markdown list_runs load_sentinel parse_config promote read_config run_experiment
    """,
}
STANDARD_LIBRARY_ALONE = ("bh_lib.schema", "bh_lib.emitters", "bh_lib.sentinel")
HEAVY = {"great_expectations", "matplotlib", "mlflow", "numpy", "onnxruntime", "pandas", "polars", "pyarrow", "scipy", "sklearn"}
HEAVY |= {"torch", "transformers"}
FASTER = {"orjson", "re2", "_re2", "jsonschema_rs"}


def _modules() -> list[str]:
    return sorted(module.name for module in pkgutil.walk_packages(bh_lib.__path__, "bh_lib."))


def _loaded_after(code: str) -> set[str]:
    """Top-level names of what a fresh interpreter has loaded after some code."""
    told = f"import sys, json\n{code}\nprint(json.dumps(sorted({{name.partition('.')[0] for name in sys.modules}})))"
    done = subprocess.run((sys.executable, "-c", told), capture_output=True, text=True, check=True, timeout=60)
    return set(json.loads(done.stdout.splitlines()[-1]))


def _foreign(names: set[str]) -> set[str]:
    # What the interpreter itself loads from site-packages at its start (an editable install's finder) is not ours.
    return names - _loaded_after("") - set(sys.stdlib_module_names) - {"bh_lib"}


def _both_flows(folder: Path) -> str:
    log = str(folder / "audit.jsonl")
    return f"""
import bh_lib.schema
from bh_lib.emitters import AuditConfig, AuditLogger, JsonlSink, verify
from bh_lib.sentinel import Sentinel
assert [flag.flag_id for flag in Sentinel.load().analyze("Endorses suicidal ideation.").flags] == ["SH-002"]
with AuditLogger(AuditConfig(service="s"), sink=JsonlSink({log!r})) as audit:
    audit.record("READ", actor={{"subject_id": "u", "subject_type": "human"}}, resource={{"type": "Note", "id": "n"}})
assert verify({log!r}).verdict.value == "CONSISTENT"
"""


@pytest.mark.parametrize("package", SURFACE)
def test_the_names_of_a_package_are_the_ones_pinned_here(package):
    assert sorted(importlib.import_module(package).__all__) == SURFACE[package].split()


@pytest.mark.parametrize("package", SURFACE)
def test_every_name_of_a_package_is_there_and_said_once(package):
    module = importlib.import_module(package)
    assert len(module.__all__) == len(set(module.__all__))
    assert [name for name in module.__all__ if not hasattr(module, name)] == []


def _defines(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        return [target.id for target in targets if isinstance(target, ast.Name)]
    return []


def test_every_module_that_holds_anything_says_what_it_offers():
    silent = []
    for name in _modules():
        body = ast.parse(Path(importlib.util.find_spec(name).origin).read_text("utf-8")).body
        # A package's page that holds its docstring alone has nothing to offer.
        if len(body) > 1 and "__all__" not in [defined for node in body for defined in _defines(node)]:
            silent.append(name)
    assert len(_modules()) > 50
    assert silent == []


@pytest.mark.parametrize("package", STANDARD_LIBRARY_ALONE)
def test_a_base_room_loads_no_third_party_but_what_makes_it_faster(package):
    assert _foreign(_loaded_after(f"import {package}")) <= FASTER


def test_the_standard_library_is_enough_for_an_analysis_and_a_proved_event(root, tmp_path):
    code = f"import sys\nsys.path.insert(0, {str(root)!r})\n{_both_flows(tmp_path)}"
    # -S leaves site-packages out: no package is installed as far as this interpreter can tell.
    subprocess.run((sys.executable, "-S", "-I", "-c", code), check=True, timeout=60)


def test_an_analysis_and_a_proved_event_load_nothing_more(tmp_path):
    assert _foreign(_loaded_after(_both_flows(tmp_path))) <= FASTER


def test_importing_the_library_imports_no_room():
    loaded = subprocess.run(
        (sys.executable, "-c", "import sys, bh_lib; print(*(name for name in sys.modules if name.startswith('bh_lib.')))"),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert loaded.stdout.split() == []


@pytest.mark.parametrize("words", [["--version"], ["--help"], ["sentinel", "analyze", "--help"], ["experiment", "--help"]])
def test_the_command_line_starts_without_anything_heavy(words):
    assert _loaded_after(f"from bh_lib.cli import main\nassert main({words!r}) == 0") & HEAVY == set()


def test_help_is_there_within_a_second_of_processor_time():
    code = "import time\nfrom bh_lib.cli import main\nmain(['--help'])\nprint(time.process_time())"
    done = subprocess.run((sys.executable, "-c", code), capture_output=True, text=True, check=True, timeout=60)
    assert float(done.stdout.splitlines()[-1]) < 1.0
