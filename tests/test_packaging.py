"""The house stands: the lock, the extras, the wheel, and what a bare Python can do with it."""

from __future__ import annotations

import filecmp
import re
import subprocess
import sys
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest
import yaml

CLIENT_PACKAGES = {
    "jupyterlab",
    "pandas",
    "polars",
    "scikit-learn",
    "transformers",
    "torch",
    "datasets",
    "mlflow",
    "great-expectations",
    "pytest",
    "nbval",
}
CONDA_NAMES = {"pytorch": "torch"}


def _name(text: str) -> str:
    return re.sub(r"[-_.]+", "-", text).lower()


def _lock(root: Path) -> dict[str, str]:
    lines = (root / "constraints.txt").read_text().splitlines()
    return {_name(line.split("==")[0]): line.split("==")[1] for line in lines if line and not line.startswith("#")}


def _project(root: Path) -> dict:
    return tomllib.loads((root / "pyproject.toml").read_text())


def test_environment_yml_pins_every_package_of_the_frame_to_the_lock(root: Path) -> None:
    listed = yaml.safe_load((root / "environment.yml").read_text())["dependencies"]
    pins = dict(item.split("=") for item in listed if isinstance(item, str) and item not in ("pip", "python=3.11"))
    pins = {CONDA_NAMES.get(name, name): version for name, version in pins.items()}
    assert set(pins) == CLIENT_PACKAGES
    lock = _lock(root)
    assert pins == {name: lock[name] for name in pins}


def test_nothing_is_required_and_every_extra_is_locked(root: Path) -> None:
    project = _project(root)["project"]
    assert project["dependencies"] == []
    extras = project["optional-dependencies"]
    assert {"fast", "asgi", "sql", "dynamodb", "ml", "train", "lab", "spark", "cli", "workbench"} <= set(extras)
    lock = _lock(root)
    wanted = {_name(re.split(r"[\[<>=]", item)[0]) for items in extras.values() for item in items} - {"bh-lib"}
    assert wanted <= set(lock), wanted - set(lock)


def test_the_top_level_is_the_one_that_the_client_fixed(root: Path) -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=root, capture_output=True, text=True, check=True).stdout.split()
    folders = {path.split("/")[0] for path in tracked if "/" in path}
    assert folders == {".ci", "bh_lib", "data_synthetic", "docs", "experiments", "notebooks", "schema", "tests"}


@pytest.fixture(scope="session")
def wheel(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    # Without isolation: hatchling is in the lock, and a test needs no network.
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(root)]
    built = subprocess.run(command, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr[-2000:]
    return next(out.glob("*.whl"))


def test_a_wheel_carries_the_standard_and_the_seeds_byte_for_byte(root: Path, wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    for outside, inside in (("schema", "bh_lib/_data/schema"), ("data_synthetic/seeds", "bh_lib/_data/seeds")):
        tracked = subprocess.run(["git", "ls-files", outside], cwd=root, capture_output=True, text=True, check=True).stdout.split()
        names = [str(Path(path).relative_to(outside)) for path in tracked]
        assert names
        same, different, missing = filecmp.cmpfiles(root / outside, tmp_path / inside, names, shallow=False)
        assert (different, missing) == ([], []) and len(same) == len(names)
    assert any(path.suffix == ".toml" for path in (tmp_path / "bh_lib/sentinel/knowledge").rglob("*"))


def test_a_bare_python_with_the_wheel_alone_logs_verifies_and_analyzes(wheel: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "bare", with_pip=False)
    python = tmp_path / "bare/bin/python"
    site = next((tmp_path / "bare/lib").glob("python3*/site-packages"))
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    code = """
import sys
import bh_lib.schema, bh_lib.emitters, bh_lib.sentinel
from bh_lib.emitters import AuditConfig, AuditLogger, JsonlSink, verify
from bh_lib.sentinel import Sentinel
with AuditLogger(AuditConfig(service="s"), sink=JsonlSink("a.jsonl")) as audit:
    audit.record("READ", actor={"subject_id": "u", "subject_type": "human"}, resource={"type": "Note", "id": "n"})
analysis = Sentinel.load().analyze("Denies homicidal ideation. Endorses active suicidal ideation.")
outside = {name.split(".")[0] for name in sys.modules} - set(sys.stdlib_module_names) - {"bh_lib", "__main__"}
print(verify("a.jsonl").verdict, [flag.flag_id for flag in analysis.flags], sorted(n for n in outside if n[0] != "_"))
"""
    ran = subprocess.run([python, "-I", "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert ran.stdout.strip() == "CONSISTENT ['SH-002'] []", ran.stdout + ran.stderr
    # The command isn't there without its extra, and says what brings it.
    ran = subprocess.run(
        [python, "-I", "-c", "import sys; from bh_lib.cli import main; sys.exit(main([]))"], capture_output=True, text=True
    )
    assert (ran.returncode, ran.stderr.strip()) == (2, "bh: typer is not installed: pip install 'bh-lib[cli]'")
