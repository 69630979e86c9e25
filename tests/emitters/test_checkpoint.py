"""Signed notes and checkpoints, by the published example and by what must be refused."""

from __future__ import annotations

import json

import pytest

from bh_lib.emitters import (
    Checkpoint,
    check_note,
    ensure_key,
    generate_keys,
    parse_checkpoint,
    read_checkpoint,
    read_key,
    write_checkpoint,
)
from bh_lib.emitters.checkpoint import sign_note
from bh_lib.errors import InputError, IntegrityError, MissingExtraError


def test_the_published_note_holds_and_a_changed_one_does_not(shared):
    example = json.loads((shared / "reference" / "c2sp_signed_note.json").read_text("utf-8"))
    note = f"{example['text']}\n{example['signature_line']}\n"
    assert check_note(note, example["vkey"]) == example["text"]
    with pytest.raises(IntegrityError, match="doesn't hold"):
        check_note(note.replace("example message", "exemple message"), example["vkey"])


def test_one_signature_among_several_is_enough():
    (one, public_one), (two, public_two) = generate_keys("one"), generate_keys("two")
    text = "first\nsecond\n"
    both = sign_note(text, one) + sign_note(text, two).split("\n\n", 1)[1]
    assert check_note(both, public_one) == check_note(both, public_two) == text


def test_another_key_of_the_same_name_is_not_the_signer():
    secret, _ = generate_keys("auditor")
    with pytest.raises(IntegrityError, match="not signed with this key"):
        check_note(sign_note("text\n", secret), generate_keys("auditor")[1])


@pytest.mark.parametrize("note", ["", "text", "text\n", "text\n\n", "text\n\nno dash\n", "text\n\n— name !!!"])
def test_what_is_no_note_is_refused(note):
    with pytest.raises(IntegrityError):
        check_note(note, generate_keys("k")[1])


@pytest.mark.parametrize(
    "text", ["o\n1\n", "o\n01\nAAAA\n", "o\n-1\nAAAA\n", "\n1\nAAAA\n", "o\n1\nAAAA\n", "o\nx\n" + "A" * 43 + "=\n"]
)
def test_what_is_no_checkpoint_is_refused(text):
    with pytest.raises(IntegrityError):
        parse_checkpoint(sign_note(text, generate_keys("k")[0]))


def test_a_checkpoint_survives_its_file(tmp_path):
    secret, public = generate_keys("auditor.example")
    checkpoint = Checkpoint("clinic", 7, bytes(range(32)))
    path = tmp_path / "checkpoint"
    path.write_text(sign_note(checkpoint.text, secret), "utf-8")
    read = read_checkpoint(path)
    assert (read.origin, read.size, read.root) == ("clinic", 7, bytes(range(32)))
    assert check_note(read.note, public) == checkpoint.text


@pytest.mark.parametrize("key", ["", "someone", "name+zz+AA", "name+00000000+AAAA", "name+00000000+" + "A" * 44])
def test_a_damaged_key_is_refused_without_being_shown(key):
    with pytest.raises(InputError) as caught:
        check_note("text\n\n— name AAAA\n", key)
    assert not key or key not in str(caught.value)


def test_a_secret_key_is_private_and_never_overwritten(tmp_path):
    key = tmp_path / "auditor.key"
    assert ensure_key(key)
    assert key.stat().st_mode & 0o077 == 0
    before = key.read_bytes()
    assert not ensure_key(key)
    assert key.read_bytes() == before
    assert read_key(key).startswith("PRIVATE+KEY+bh-audit+")


def test_nothing_is_signed_for_a_ledger_that_is_not_there(tmp_path):
    ensure_key(tmp_path / "k")
    with pytest.raises(InputError, match=r"audit\.jsonl"):
        write_checkpoint(tmp_path / "audit.jsonl", tmp_path / "out", tmp_path / "k")
    assert not (tmp_path / "out").exists()


def test_without_cryptography_the_message_names_the_extra(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "cryptography", None)
    with pytest.raises(MissingExtraError, match=r"bh-lib\[sign\]"):
        generate_keys("k")
