"""A registered model served over HTTP by MLflow, and by its name on the command line: the same flags, and no text in a log."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from bh_lib.cli import main
from bh_lib.lab import ExperimentConfig, ExperimentRun, load_sentinel
from bh_lib.schema.taxonomy import load_taxonomy
from bh_lib.sentinel import Sentinel
from bh_lib.sentinel.layers.transformer import Head

pytest.importorskip("torch")
pytest.importorskip("mlflow")

TEXTS = ["Wants to die. Relapsed on Friday.", "Made soup and called a friend."]
NAME = "models:/bh-sentinel@champion"
_PATIENCE_S = 180


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    """A store whose champion is a tiny model: one layer of the encoder, and a head that raises CD-003 for any sentence."""
    np = pytest.importorskip("numpy")
    from bh_lib.lab.encoder import Encoder
    from bh_lib.lab.export import export_classifier
    from bh_lib.lab.track import REGISTERED, connect, record_run
    from bh_lib.lab.train import LinearHeads

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BH_LIB_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        folder = tmp_path_factory.mktemp("store") / "out"
        ids = load_taxonomy().ids
        encoder = Encoder.prepare(layers=1, max_tokens=48)
        bias = np.where(np.array(ids) == "CD-003", 2.0, -9.0)
        heads = LinearHeads(np.zeros((384, len(ids))), bias, np.ones(len(ids), dtype=bool), np.ones(len(ids)))
        curves = [Head(flag, threshold=0.5 if flag == "CD-003" else None) for flag in ids]
        model = export_classifier(folder / "tiny" / "model", encoder, heads, curves, name="tiny")
        (folder / "tiny" / "facts.json").write_text("{}")
        facts = {"corpus_digest": "sha256:" + "0" * 64, "seconds": {}}
        record_run(ExperimentRun(ExperimentConfig("tiny", "a test"), folder / "tiny", {}, model, facts), folder)
        connect(folder).MlflowClient().set_registered_model_alias(REGISTERED, "champion", "1")
        yield folder


@pytest.fixture(scope="module")
def expected(out):
    return [json.loads(json.dumps(each.to_dict())) for each in load_sentinel(NAME, out_dir=out).analyze_batch(TEXTS)]


def _ask(url, body=None):
    request = urllib.request.Request(url, body and json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return answer.read()


@pytest.fixture(scope="module")
def server(out, tmp_path_factory):
    """``mlflow models serve``, as a user starts it, in this environment."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    bin_folder = str(Path(sys.executable).parent)
    env = {
        **os.environ,
        "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}",
        "MLFLOW_TRACKING_URI": f"sqlite:///{out / 'mlflow.db'}",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    words = [
        sys.executable,
        "-m",
        "mlflow",
        "models",
        "serve",
        "-m",
        NAME,
        "--env-manager",
        "local",
        "-h",
        "127.0.0.1",
        "-p",
        str(port),
    ]
    log = tmp_path_factory.mktemp("served") / "log"
    with log.open("wb") as told:
        process = subprocess.Popen(words, cwd=log.parent, env=env, stdout=told, stderr=told, start_new_session=True)
    try:
        until = time.monotonic() + _PATIENCE_S
        while True:
            try:
                _ask(f"http://127.0.0.1:{port}/ping")
                break
            except (urllib.error.URLError, OSError):
                assert process.poll() is None and time.monotonic() < until, log.read_text("utf-8", "replace")[-2000:]
                time.sleep(0.2)
        yield f"http://127.0.0.1:{port}", log
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


@pytest.mark.parametrize(
    "body",
    [
        {"dataframe_records": [{"text": text} for text in TEXTS]},
        {"dataframe_split": {"columns": ["text"], "data": [[text] for text in TEXTS]}},
    ],
)
def test_a_served_model_gives_flags_over_http(server, expected, body):
    home, log = server
    rows = json.loads(_ask(f"{home}/invocations", body))["predictions"]
    assert [json.loads(row["analysis"]) for row in rows] == expected
    assert [row["immediate_review"] for row in rows] == [each["summary"]["immediate_review"] for each in expected]
    assert "CD-003" in {flag["flag_id"] for flag in json.loads(rows[1]["analysis"])["flags"]}, "the trained layer was not asked"
    assert not any(text in log.read_text("utf-8", "replace") for text in TEXTS)


def test_a_request_of_another_shape_is_refused(server):
    home, log = server
    with pytest.raises(urllib.error.HTTPError) as caught:
        _ask(f"{home}/invocations", {"dataframe_records": [{"note": TEXTS[0]}]})
    # MLflow repeats the request to whoever sent it; its log must not.
    assert caught.value.code == 400 and "text" in caught.value.read().decode()
    assert TEXTS[0] not in log.read_text("utf-8", "replace")


def test_the_command_line_takes_a_model_by_its_name(out, expected, tmp_path, monkeypatch):
    monkeypatch.chdir(out.parent)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    source, target = tmp_path / "given.jsonl", tmp_path / "out.jsonl"
    source.write_text("".join(json.dumps({"id": str(k), "text": text}) + "\n" for k, text in enumerate(TEXTS)))
    assert main(["sentinel", "analyze", str(source), str(target), "--classifier", NAME]) == 0
    rows = [json.loads(line) for line in target.read_text().splitlines()]
    assert [row["flags"] for row in rows] == [each["flags"] for each in expected]
    assert [row["status"]["transformer"] for row in rows] == ["ok", "ok"]
    plain = [flag.flag_id for flag in Sentinel.load().analyze(TEXTS[1]).flags]
    assert "CD-003" not in plain and "CD-003" in {flag["flag_id"] for flag in rows[1]["flags"]}


def test_an_evaluation_by_name_ranks_what_the_classifier_held_back(out, tmp_path, monkeypatch):
    monkeypatch.chdir(out.parent)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    source = tmp_path / "given.csv"
    source.write_text("text,flags\n" + "".join(f"{text},SH-001\n" for text in TEXTS))
    assert main(["sentinel", "evaluate", str(source), "--out", str(tmp_path / "e"), "--classifier", NAME]) == 0
    metrics = json.loads((tmp_path / "e" / "metrics.json").read_text())
    assert metrics["ranked_by"] == "confidence and classifier" and "transformer" in metrics["layers"]
