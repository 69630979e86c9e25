"""Two layers become one list of mentions, and nothing is weakened on the way."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bh_lib.schema.mention import Assertion, Temporality
from bh_lib.schema.taxonomy import load_taxonomy
from bh_lib.sentinel.mention import Mention
from bh_lib.sentinel.merge import merge


def model(flag, sentence=0, start=0, end=30):
    return Mention(flag, start, end, sentence, layer="transformer", cues=("model",))


def test_a_mention_inside_a_longer_one_of_its_flag_is_absorbed():
    long, short = Mention("CD-003", 0, 12, 0), Mention("CD-003", 2, 6, 0)
    assert merge([short, long]) == [long]


def test_a_self_harm_mention_inside_a_wider_one_of_self_harm_is_absorbed():
    wider, inner = Mention("SH-001", 0, 10, 0), Mention("SH-002", 8, 10, 0)
    assert merge([inner, wider]) == [wider]


def test_flags_on_the_very_same_words_both_stand():
    both = [Mention("SH-002", 0, 10, 0), Mention("SH-005", 0, 10, 0)]
    assert merge(both) == both


def test_other_domains_do_not_absorb_each_others_flags():
    both = [Mention("SU-001", 0, 20, 0), Mention("CD-001", 3, 9, 0)]
    assert merge(both) == both


def test_delusions_inside_a_paranoid_delusion_are_that_paranoia_and_others_stand():
    paranoid, inner = Mention("CD-005c", 0, 18, 0), Mention("CD-005d", 9, 18, 0)
    assert merge([inner, paranoid]) == [paranoid]
    apart = [paranoid, Mention("CD-005d", 23, 42, 0)]
    assert merge(apart) == apart


def test_a_denied_phrase_does_not_absorb_a_raised_one_inside_it():
    denied, raised = Mention("SH-002", 0, 20, 0, Assertion.NEGATED, reason="negated"), Mention("SH-002", 5, 9, 0)
    assert merge([denied, raised]) == [denied, raised]


def test_the_model_takes_over_a_denial_that_patterns_saw_in_the_same_sentence():
    denied = Mention("SH-002", 0, 10, 0, Assertion.NEGATED, cues=("SH-002.c01", "negation.verb"), reason="negated")
    judged = next(m for m in merge([denied], [model("SH-001")]) if m.layer == "transformer")
    assert (judged.reason, judged.assertion, judged.cues) == ("negated", Assertion.NEGATED, ("model", "negation.verb"))


def test_a_denial_in_one_sentence_silences_no_model_in_the_next():
    denied = Mention("SH-002", 0, 10, 0, Assertion.NEGATED, reason="negated")
    assert model("SH-002", 1, 11, 40) in merge([denied], [model("SH-002", 1, 11, 40)])


def test_a_denial_of_one_subject_silences_no_model_on_another():
    denied = Mention("HO-001", 0, 10, 0, Assertion.NEGATED, reason="negated")
    assert model("SH-002") in merge([denied], [model("SH-002")])


def test_the_model_stands_where_a_pattern_raised_the_subject_beside_a_denial():
    seen = [Mention("SH-001", 0, 10, 0), Mention("SH-005", 15, 20, 0, Assertion.NEGATED, reason="negated")]
    assert model("SH-001") in merge(seen, [model("SH-001")])


MENTIONS = st.lists(
    st.builds(
        lambda flag, start, size, sentence, reason, time: Mention(
            flag, start, start + size, sentence, temporality=time, reason=reason
        ),
        st.sampled_from(load_taxonomy().ids),
        st.integers(0, 20),
        st.integers(1, 20),
        st.integers(0, 2),
        st.sampled_from([None, None, "negated", "historical"]),
        st.sampled_from(Temporality),
    ),
    max_size=8,
)


@given(MENTIONS, MENTIONS)
def test_a_mention_of_a_pattern_is_never_changed_only_absorbed(pattern, transformer):
    merged = merge(pattern, [model(m.flag_id, m.sentence, m.start, m.end) for m in transformer])
    kept = [mention for mention in merged if mention.layer == "pattern"]
    assert all(mention in pattern for mention in kept)
    for gone in (mention for mention in pattern if mention not in kept):
        assert any(k.start <= gone.start and gone.end <= k.end and k.raised == gone.raised for k in kept)
    assert sum(mention.layer == "transformer" for mention in merged) == len(transformer)


@given(MENTIONS, MENTIONS)
def test_the_model_never_takes_away_what_patterns_raised(pattern, transformer):
    before = {m.flag_id for m in merge(pattern) if m.raised}
    assert before <= {m.flag_id for m in merge(pattern, [model(m.flag_id, m.sentence) for m in transformer]) if m.raised}


def test_an_attempt_that_its_words_call_aborted_is_no_actual_attempt():
    aborted, attempt = Mention("SH-006", 0, 15, 0, behavior="aborted"), Mention("SH-008", 8, 26, 0)
    assert merge([aborted, attempt]) == [aborted]


def test_another_attempt_beside_an_aborted_one_stands():
    aborted, attempt = Mention("SH-006", 0, 15, 0, behavior="aborted"), Mention("SH-008", 30, 45, 0)
    assert merge([aborted, attempt]) == [aborted, attempt]
