"""One call over a file: what is read, what is written, and that no word of a note gets out."""

from __future__ import annotations

import json

import pytest

from bh_lib.errors import InputError
from bh_lib.evaluate import evaluate_file, read_labelled

SECRET = "zebrafinch"


class Keyword:
    """Raises one flag where a word stands."""

    def analyze_batch(self, texts):
        return [self.analyze(text) for text in texts]

    def analyze(self, text):
        at = text.find("die")
        flags = [{"flag_id": "SH-001", "confidence": 0.8, "spans": [{"start": at, "end": at + 3}]}] if at >= 0 else []
        return {"flags": flags, "suppressed": [], "c_ssrs": {"ideation_level": int(at >= 0), "behavior": []}}


def written(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_a_foreign_file_is_read_by_its_own_field_names(tmp_path):
    file = written(tmp_path / "f.jsonl", [{"post": "wants to die", "suicidal": 1, "source": "x"}, {"post": "fine", "suicidal": 0}])
    notes = list(read_labelled(file, {"text": "post", "any_signal": "suicidal"}))
    assert [(note.note_id, note.any_signal) for note in notes] == [("line 1", True), ("line 2", False)]
    metrics = evaluate_file(file, Keyword(), None, {"text": "post", "any_signal": "suicidal"})
    assert metrics.any_signal["f1"] == 1 and metrics.c_ssrs is None


def test_three_files_are_written_and_none_holds_a_word_of_a_note(tmp_path):
    rows = [
        {
            "id": "n1",
            "text": f"{SECRET} wants to die",
            "flags": ["SH-005"],
            "c_ssrs_level": 5,
            "spans": [{"flag_id": "SH-005", "start": 0, "end": 10}],
        },
        {"id": "n2", "text": f"{SECRET} slept", "flags": ["CD-003"]},
    ]
    evaluate_file(written(tmp_path / "f.jsonl", rows), Keyword(), tmp_path / "out")
    texts = {path.name: path.read_text() for path in (tmp_path / "out").iterdir()}
    assert set(texts) == {"metrics.json", "report.html", "errors.jsonl"}
    assert not any(SECRET in text for text in texts.values())
    errors = [json.loads(line) for line in texts["errors.jsonl"].splitlines()]
    assert errors[0] == {
        "id": "n1",
        "kind": "miss",
        "severity": "CRITICAL",
        "flag_id": "SH-005",
        "spans": [{"start": 0, "end": 10}],
    }
    assert {error["kind"] for error in errors} == {"miss", "level", "false_alarm"}


def test_the_report_stands_alone(tmp_path):
    evaluate_file(
        written(tmp_path / "f.jsonl", [{"id": "n", "text": "die", "flags": ["SH-001"], "c_ssrs_level": 1}]), Keyword(), tmp_path
    )
    html = (tmp_path / "report.html").read_text()
    assert html.count("<svg") == 4 and html.count("</svg>") == 4
    assert not any(word in html for word in ("http://", "https://", "<script", "src=", "@import", "nan"))


def test_robustness_is_told_where_it_is_asked_for(tmp_path):
    notes = written(tmp_path / "f.jsonl", [{"id": str(n), "text": "wants to die", "flags": ["SH-001"]} for n in range(6)])
    assert evaluate_file(notes, Keyword()).robustness is None
    found = evaluate_file(notes, Keyword(), tmp_path / "out", robust=4).robustness
    assert (found["upper case"].n, found["upper case"].flips, found["double spaces"].flips) == (4, 4, 0)
    told = json.loads((tmp_path / "out" / "metrics.json").read_text())["robustness"]["upper case"]
    assert told == {"n": 4, "flips": 4, "critical_lost": 0} and "Robustness" in (tmp_path / "out" / "report.html").read_text()


def test_an_id_is_escaped_in_the_report(tmp_path):
    evaluate_file(written(tmp_path / "f.jsonl", [{"id": "<img>", "text": "x", "flags": ["SH-001"]}]), Keyword(), tmp_path)
    html = (tmp_path / "report.html").read_text()
    assert "<img>" not in html and "&lt;img&gt;" in html


@pytest.mark.parametrize(
    "row", [{"text": SECRET, "c_ssrs_level": 9}, {"text": SECRET, "level": 9}, {"id": "a", "flags": [SECRET], "text": ""}]
)
def test_a_wrong_line_is_named_and_never_quoted(tmp_path, row):
    file = written(tmp_path / "f.jsonl", [{"id": "ok", "text": "x"}, row])
    with pytest.raises(InputError, match="line 2") as caught:
        list(read_labelled(file))
    assert SECRET not in str(caught.value)


def test_an_unknown_field_of_ours_is_refused(tmp_path):
    with pytest.raises(InputError, match="fields can map"):
        list(read_labelled(written(tmp_path / "f.jsonl", [{"text": "x"}]), {"label": "y"}))


def test_an_empty_file_cannot_be_evaluated(tmp_path):
    with pytest.raises(InputError, match="no note"):
        evaluate_file(written(tmp_path / "f.jsonl", []), Keyword(), tmp_path)


def test_real_development_files_run(shared, tmp_path):
    metrics = evaluate_file(shared / "data/cssrs_posts_dev.jsonl", Keyword(), tmp_path)
    assert metrics.n == 603 and metrics.c_ssrs is not None and metrics.per_flag is None
    metrics = evaluate_file(shared / "data/rallypoint_dev.jsonl", Keyword(), tmp_path, {"any_signal": "suicidal"})
    assert metrics.n == 4073 and metrics.any_signal["support"] == 441
