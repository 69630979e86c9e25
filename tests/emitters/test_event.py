"""Ids that are unique whatever the program does to chance, and times that agree with them."""

from __future__ import annotations

import os
import random
import threading
import uuid

import pytest

from bh_lib.emitters.event import build_event, event_id, timestamp


def made():
    return build_event({"name": "s"}, "READ", {"subject_id": "u"}, {"type": "Note"}, {})


def test_a_program_that_seeds_chance_does_not_repeat_ids():
    random.seed(7)
    first = [event_id(0) for _ in range(100)]
    random.seed(7)
    assert not set(first) & {event_id(0) for _ in range(100)}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_forked_children_do_not_make_each_others_ids():
    ours, theirs = os.pipe()
    children = []
    for _ in range(3):
        child = os.fork()
        if child == 0:
            try:
                os.write(theirs, "".join(event_id(0) for _ in range(20)).encode())
            finally:
                os._exit(0)
        children.append(child)
    os.close(theirs)
    for child in children:
        os.waitpid(child, 0)
    with open(ours, encoding="ascii") as told:
        said = told.read()
    ids = [said[at : at + 36] for at in range(0, len(said), 36)] + [event_id(0) for _ in range(20)]
    assert len(set(ids)) == 80


def test_threads_make_no_id_twice():
    ids, threads = [], []
    for _ in range(8):
        threads.append(threading.Thread(target=lambda: ids.extend([event_id() for _ in range(500)])))
        threads[-1].start()
    for thread in threads:
        thread.join()
    assert len(set(ids)) == 4000


def test_an_events_id_and_its_time_name_the_same_millisecond():
    event = made()
    when = uuid.UUID(event["event_id"]).int >> 80
    assert timestamp(when) == event["timestamp"]


def test_every_bit_of_chance_is_used():
    both = [uuid.UUID(event_id(0)).int for _ in range(200)]
    fixed = (0xF << 76) | (0b11 << 62)
    ever_set, always_set = 0, (1 << 128) - 1
    for one in both:
        ever_set, always_set = ever_set | one, always_set & one
    assert ever_set & ~fixed == ((1 << 80) - 1) & ~fixed
    assert always_set & ~fixed == 0
