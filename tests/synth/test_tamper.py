from __future__ import annotations

from pathlib import Path

import pytest

from bh_lib.emitters import verify
from bh_lib.errors import ConfigError
from bh_lib.synth import write_events
from bh_lib.synth.tamper import TAMPERINGS, tamper_log


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clinic")
    write_events(folder, 60, seed=1)
    return folder / "events.jsonl"


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("kind", [kind for kind in TAMPERINGS if kind != "truncate"])
def test_every_tampering_breaks_the_chain_where_the_key_says(log: Path, tmp_path: Path, kind: str, seed: int) -> None:
    case = tamper_log(log, tmp_path / "tampered.jsonl", kind, seed)
    found = verify(tmp_path / "tampered.jsonl")
    assert str(found.verdict) == "BROKEN" and found.faults[0].line in (case["line"], case["line"] + 1)


def test_a_cut_tail_stays_consistent_and_is_never_called_complete(log: Path, tmp_path: Path) -> None:
    case = tamper_log(log, tmp_path / "tampered.jsonl", "truncate", seed=1)
    found = verify(tmp_path / "tampered.jsonl")
    assert str(found.verdict) == "CONSISTENT" and found.events == case["line"] - 1


def test_the_log_itself_is_never_overwritten(log: Path) -> None:
    with pytest.raises(ConfigError):
        tamper_log(log, log, "edit", seed=1)
