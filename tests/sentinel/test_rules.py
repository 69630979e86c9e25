"""Rules: each kind of condition, every refusal, and no meaning in their order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bh_lib.errors import KnowledgeError
from bh_lib.schema.mention import Assertion, Experiencer, Temporality
from bh_lib.schema.taxonomy import Severity, load_taxonomy
from bh_lib.sentinel.conditions import Evidence
from bh_lib.sentinel.emotion import EMOTIONS
from bh_lib.sentinel.mention import Mention
from bh_lib.sentinel.rules import apply_rules, load_rules, read_rules

HEAD = 'taxonomy_version = "1.0.0"\n'


def rule(when='{ flag = "SH-001" }', then="{ review = true }", identity="R-1", **other):
    texts = {"id": identity, "name": "A name", "reason": "A reason", "source": "A source"} | other
    return "[[rule]]\n" + "".join(f'{key} = "{value}"\n' for key, value in texts.items()) + f"when = {when}\nthen = {then}\n"


@pytest.fixture
def read(tmp_path):
    def read(*rules, head=HEAD):
        (tmp_path / "rules.toml").write_text(head + "\n".join(rules), "utf-8")
        return read_rules(tmp_path / "rules.toml")

    return read


def mention(flag, sentence=0, **how):
    return Mention(flag, sentence * 10, sentence * 10 + 5, sentence, **how)


def denied(flag):
    return mention(flag, assertion=Assertion.NEGATED, reason="negated")


A, B = mention("SH-001"), mention("CD-001", 3)
DENIED = denied("SH-001")
PAST = mention("SH-001", temporality=Temporality.HISTORICAL, reason="historical")
MOTHERS = mention("SH-001", experiencer=Experiencer.FAMILY, reason="other_person")
FIGURE = mention("SH-001", assertion=Assertion.HYPOTHETICAL, reason="figurative")


@pytest.mark.parametrize(
    ("when", "holds", "fails"),
    [
        ('{ flag = "SH-001" }', [A], [B]),
        ('{ flag = ["SH-001", "SH-002"] }', [mention("SH-002")], [B]),
        ('{ domain = "self_harm" }', [A], [B]),
        ('{ severity = "CRITICAL" }', [mention("SH-002")], [A]),
        ('{ flag = "SH-001", count = 2 }', [A, A], [A]),
        ('{ flag = "SH-001", confidence = 0.8 }', [A], [mention("SH-001", confidence=0.7)]),
        ('{ flag = "SH-001", layers = 2 }', [A, mention("SH-001", layer="transformer")], [A, A]),
        ('{ flag = "SH-001" }', [A, DENIED], [DENIED]),
        ('{ flag = "SH-001" }', [A, PAST], [PAST]),
        ('{ flag = "SH-001" }', [A], [MOTHERS]),
        ('{ flag = "SH-001" }', [A], [FIGURE]),
        ('{ flag = "SH-001", assertion = "negated" }', [DENIED], [A]),
        ('{ flag = "SH-001", temporality = ["historical"] }', [PAST], [A]),
        ('{ flag = "SH-001", experiencer = ["family", "other"] }', [MOTHERS], [A]),
        ('{ all = [{ flag = "SH-001" }, { flag = "CD-001" }] }', [A, B], [A]),
        ('{ any = [{ flag = "SH-001" }, { flag = "CD-001" }] }', [B], [mention("CD-002")]),
        ('{ not = { flag = "SH-001" } }', [B], [A]),
        (
            '{ all = [{ flag = "SH-001", within_sentences = 2 }, { flag = "CD-001", within_sentences = 2 }] }',
            [A, mention("CD-001", 2)],
            [A, B],
        ),
    ],
)
def test_a_condition_on_mentions_holds_and_fails(read, when, holds, fails):
    rules = read(rule(when))
    assert apply_rules(Evidence(holds, {}, 0), rules).review
    assert not apply_rules(Evidence(fails, {}, 0), rules).review


def test_a_condition_on_an_emotion_holds_from_its_strength_on(read):
    rules = read(rule('{ emotion = "guilt", at_least = 0.5 }'))
    assert [apply_rules(Evidence([], {"guilt": x}, 0), rules).review for x in (0.49, 0.5)] == [False, True]


def test_a_condition_on_the_ideation_item_holds_from_its_level_on(read):
    rules = read(rule("{ c_ssrs = 4 }"))
    assert [apply_rules(Evidence([], {}, level), rules).review for level in (3, 4)] == [False, True]


def test_a_decision_says_what_it_changed_and_why(read):
    rules = read(rule(then='{ escalate = "SH-001", to = "CRITICAL", recommend = "Ask." }'))
    decision = apply_rules(Evidence([A], {}, 1), rules)
    assert (dict(decision.severity), decision.review, decision.recommend) == ({"SH-001": Severity.CRITICAL}, False, ("Ask.",))
    assert [r.rule_id for r in decision.touching("SH-001")] == ["R-1"]
    assert decision.touching("SH-002") == ()


def test_the_higher_of_two_severities_stands(read):
    higher = rule(then='{ escalate = "CD-003", to = "CRITICAL" }', identity="R-2")
    for rules in (
        (higher, rule(then='{ escalate = "CD-003", to = "HIGH" }')),
        (rule(then='{ escalate = "CD-003", to = "HIGH" }'), higher),
    ):
        assert apply_rules(Evidence([A], {}, 1), read(*rules)).severity["CD-003"] is Severity.CRITICAL


UP = '{ escalate = "CD-003", to = "HIGH" }'
DOWN = '{ de_escalate = "CD-003", to = "LOW" }'


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        (["["], "TOML"),
        (["[other]\n"], "[[rule]]"),
        (["rule = [1]\n"], "[[rule]]"),
        (['rule = [{ id = "R-1" }]\n'], "[[rule]]"),
        ([rule(extra="x")], "line 2, R-1: a rule has"),
        ([rule().replace('source = "A source"\n', "")], "a rule has"),
        ([rule(reason="")], "a rule has"),
        ([rule(), rule()], "its id stands twice"),
        ([rule('"SH-001"')], "a condition is a table"),
        ([rule("{ }")], "exactly one of"),
        ([rule('{ flag = "SH-001", c_ssrs = 1 }')], "exactly one of"),
        ([rule('{ flag = "SH-999" }')], "ids of schema/flags.toml"),
        ([rule("{ flag = [] }")], "ids of schema/flags.toml"),
        ([rule("{ flag = 1 }")], "ids of schema/flags.toml"),
        ([rule('{ flag = "SH-001", often = 2 }')], "unknown key often"),
        ([rule('{ domain = "cooking" }')], "domain is one of"),
        ([rule('{ severity = "AWFUL" }')], "a severity is one of"),
        ([rule('{ flag = "SH-001", count = 0 }')], "count is a number"),
        ([rule('{ flag = "SH-001", count = true }')], "count is a number"),
        ([rule('{ flag = "SH-001", count = 1.5 }')], "count is a number"),
        ([rule('{ flag = "SH-001", layers = 3 }')], "layers is a number"),
        ([rule('{ flag = "SH-001", confidence = 1.1 }')], "confidence is a number"),
        ([rule('{ flag = "SH-001", confidence = nan }')], "confidence is a number"),
        ([rule('{ flag = "SH-001", within_sentences = -1 }')], "within_sentences is a number"),
        ([rule('{ flag = "SH-001", assertion = "sure" }')], "assertion is of"),
        ([rule('{ flag = "SH-001", temporality = [] }')], "temporality needs"),
        ([rule('{ flag = "SH-001", experiencer = ["dog"] }')], "experiencer is of"),
        ([rule('{ emotion = "joy", at_least = 0.5 }')], "an emotion is"),
        ([rule('{ emotion = "guilt" }')], "an emotion is"),
        ([rule('{ emotion = "guilt", at_least = 2 }')], "at_least is a number"),
        ([rule('{ emotion = "guilt", at_least = 0.5, count = 2 }')], "unknown key beside emotion"),
        ([rule("{ c_ssrs = 6 }")], "c_ssrs is a number"),
        ([rule("{ all = [] }")], "all is a list"),
        ([rule('{ any = { flag = "SH-001" } }')], "any is a list"),
        ([rule("{ not = 1 }")], "a condition is a table"),
        (
            [rule('{ all = [{ flag = "SH-001", within_sentences = 2 }, { flag = "CD-001", within_sentences = 3 }] }')],
            "the same on each",
        ),
        ([rule(then="{ }")], "then is a table"),
        ([rule(then="{ emit = false }")], "then is a table"),
        ([rule(then='{ review = "yes" }')], "review is true or false"),
        ([rule(then="{ recommend = 1 }")], "recommend is text"),
        ([rule(then='{ escalate = "CD-003" }')], "needs to"),
        ([rule(then='{ to = "HIGH" }')], "needs to"),
        ([rule(then='{ escalate = "CD-003", de_escalate = "CD-002", to = "HIGH" }')], "one of them a rule"),
        ([rule(then='{ escalate = "CD-003", to = "MEDIUM" }')], "goes above"),
        ([rule(then='{ de_escalate = "SH-001", to = "LOW" }')], "one step below"),
        ([rule(then='{ de_escalate = "SH-002", to = "HIGH" }')], "never lowered"),
        ([rule('{ flag = "PF-001" }', DOWN)], "a protective factor lowers nothing"),
        ([rule('{ all = [{ flag = "CD-001" }, { any = [{ domain = "protective_factors" }] }] }', DOWN)], "lowers nothing"),
        ([rule(then=UP), rule('{ flag = "CD-001" }', DOWN, identity="R-2")], "R-1 and R-2 pull CD-003 both ways"),
    ],
)
def test_a_wrong_file_is_refused_whole(read, rules, said):
    with pytest.raises(KnowledgeError) as refused:
        read(*rules)
    assert str(refused.value).startswith("rules.toml")
    assert said in str(refused.value)


def test_rules_of_another_taxonomy_are_refused(read):
    for head in ('taxonomy_version = "0.9"\n', ""):
        with pytest.raises(KnowledgeError, match=r"taxonomy_version = 1\.0\.0"):
            read(rule(), head=head)


def test_both_ways_are_fine_where_one_rule_excludes_the_other(read):
    apart = rule('{ all = [{ flag = "CD-001" }, { not = { flag = "SH-001" } }] }', DOWN, identity="R-2")
    rules = read(rule(then=UP), apart)
    assert apply_rules(Evidence([B], {}, 0), rules).severity == {"CD-003": Severity.LOW}
    assert apply_rules(Evidence([A, B], {}, 0), rules).severity == {"CD-003": Severity.HIGH}


EVIDENCE = st.builds(
    Evidence,
    st.lists(
        st.builds(
            mention,
            st.sampled_from(load_taxonomy().ids),
            st.integers(0, 8),
            temporality=st.sampled_from(Temporality),
            reason=st.sampled_from([None, None, None, "negated"]),
        ),
        max_size=12,
    ),
    st.fixed_dictionaries({emotion: st.floats(0, 1) for emotion in EMOTIONS}),
    st.integers(0, 5),
)


@given(EVIDENCE, st.permutations(load_rules()))
def test_the_order_of_rules_does_not_matter(evidence, shuffled):
    assert apply_rules(evidence, tuple(shuffled)) == apply_rules(evidence)


@given(EVIDENCE)
def test_no_rule_of_the_release_lowers_a_severity(evidence):
    taxonomy = load_taxonomy()
    assert all(to > taxonomy[flag].severity for flag, to in apply_rules(evidence).severity.items())


HOLDS_ON = {
    "R-001": ["SH-001", "CD-001"], "R-002": ["SH-001", "SH-008"], "R-003": ["SH-002"], "R-004": ["SH-004"],
    "R-005": ["SH-001", "SH-006"],
    "R-006": ["HO-003"], "R-007": ["CD-005a", "HO-001"], "R-008": ["SU-002", "SH-003"], "R-009": ["SU-004"], "R-010": ["SU-005"],
    "R-011": ["SU-002", "CD-001"], "R-012": ["MED-002", "CD-008"], "R-013": ["CD-003", "CD-008"], "R-014": ["CD-003", "SH-001"],
    "R-015": ["CD-002", "SH-005"], "R-016": ["HO-006"], "R-017": ["MED-003", "HO-001"], "R-018": ["MED-004", "MED-005"],
    "R-019": ["CD-007", "SH-002"], "R-020": ["SH-007", "SH-001"], "R-021": ["SH-008"], "R-022": ["-SH-002", "SH-006"],
    "R-023": ["HO-002", "SH-005"], "R-024": ["CD-005c", "HO-004"], "R-025": ["SU-001", "HO-004"], "R-026": ["HO-006", "SH-001"],
    "R-027": ["CD-008", "SH-003"], "R-028": ["SU-004", "CD-005b"], "R-029": ["MED-003", "SU-005"], "R-030": ["CD-006", "SH-007"],
    "R-031": ["MED-002", "SH-002"], "R-032": ["CD-001", "CD-003", "CD-004"], "R-033": ["CD-001", "CD-002"],
}  # fmt: skip


@pytest.mark.parametrize("number", range(len(load_rules())))
def test_each_rule_of_the_release_holds_on_its_evidence_and_not_without_it(number):
    one = load_rules()[number]
    mentions = [denied(flag[1:]) if flag[0] == "-" else mention(flag) for flag in HOLDS_ON[one.rule_id]]
    level = max(load_taxonomy()[m.flag_id].ideation or 0 for m in mentions)
    assert one in apply_rules(Evidence(mentions, {}, level)).applied
    assert one not in apply_rules(Evidence(mentions[:-1], {}, 0)).applied
