"""Events as log messages: said where nobody listens, and not printed where a handler fails."""

from __future__ import annotations

import io
import logging

import pytest

from bh_lib.emitters import Verdict, verify
from bh_lib.emitters.sinks.stdlog import StdlogSink
from bh_lib.errors import SinkError


@pytest.fixture
def log():
    return logging.Logger("alone", logging.INFO)


def test_what_was_collected_verifies_as_a_ledger(log, tmp_path):
    out = io.StringIO()
    log.addHandler(logging.StreamHandler(out))
    sink = StdlogSink(log)
    for number in range(4):
        assert sink.append({"event_id": f"e{number}", "text": "100 %s"}).seq == number
    (tmp_path / "a.jsonl").write_text(out.getvalue())
    assert verify(tmp_path / "a.jsonl", many_chains=True).verdict is Verdict.CONSISTENT


def test_a_logger_to_whom_nobody_listens_raises_and_keeps_the_place(log):
    sink = StdlogSink(log)
    with pytest.raises(SinkError, match="nobody listens"):
        sink.append({"event_id": "e0"})
    log.addHandler(logging.NullHandler())
    assert sink.append({"event_id": "e0"}).seq == 0
    deaf = logging.Logger("deaf", logging.ERROR)
    deaf.addHandler(logging.NullHandler())
    with pytest.raises(SinkError, match="nobody listens"):
        StdlogSink(deaf).append({"event_id": "e0"})


def test_a_handler_that_fails_doesn_t_print_the_event(log, capfd):
    class Full(io.StringIO):
        def write(self, text):
            raise OSError(28, "No space left on device")

    log.addHandler(logging.StreamHandler(Full()))
    StdlogSink(log).append({"event_id": "e0", "text": "Zanzi" + "bar"})
    shown = capfd.readouterr().err
    assert "No space left" in shown
    assert "Zanzibar" not in shown
