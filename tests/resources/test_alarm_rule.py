"""Rules of composite alarms."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clary.resources.alarm import AlarmState
from clary.resources.alarm_rule import All, Any, BadRule, Constant, Is, Not, Rule, alarms_of, holds, parse_rule

STATES = {"a": AlarmState.ALARM, "b": AlarmState.OK, "c": AlarmState.INSUFFICIENT_DATA}
NAMES = st.text(min_size=1, max_size=12).filter(lambda name: name == name.strip() and "\\" not in name)
LEAVES: st.SearchStrategy[Rule] = st.one_of(
    st.booleans().map(Constant), st.builds(Is, NAMES, st.sampled_from(list(AlarmState)))
)


def grown(inner: st.SearchStrategy[Rule]) -> st.SearchStrategy[Rule]:
    pair = st.lists(inner, min_size=2, max_size=3).map(tuple)
    return st.one_of(inner.map(Not), pair.map(All), pair.map(Any))


def written(rule: Rule) -> str:
    """Return a text that says this rule."""
    match rule:
        case Constant(value):
            return str(value).upper()
        case Is(alarm, state):
            quoted = alarm.replace('"', '\\"')
            return f'{state}("{quoted}")'
        case Not(inner):
            return f"NOT ({written(inner)})"
        case All(parts):
            return " AND ".join(f"({written(part)})" for part in parts)
        case Any(parts):
            return " OR ".join(f"({written(part)})" for part in parts)


@given(st.recursive(LEAVES, grown, max_leaves=8))
def test_what_is_written_down_reads_as_it_was(rule: Rule) -> None:
    assert parse_rule(written(rule)) == rule


@given(st.text(alphabet='ALRMOKNTUEFSDIC_() "\\a-', max_size=50))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        rule = parse_rule(text)
    except BadRule:
        return
    assert holds(rule, STATES.get) in (True, False)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("TRUE", True),
        ("NOT TRUE", False),
        ("ALARM(a)", True),
        ('ALARM("b")', False),
        ("INSUFFICIENT_DATA( c )", True),
        ("ALARM(arn:aws:cloudwatch:us-east-1:111111111111:alarm:a)", True),
        ("ALARM(a) AND NOT OK(b)", False),
        ("FALSE AND FALSE OR TRUE", True),
        ("FALSE AND (FALSE OR TRUE)", False),
        ("(ALARM(a) OR ALARM(b)) AND OK(b)", True),
        ("ALARM(gone)", False),
    ],
)
def test_a_rule_says_whether_it_holds(rule: str, expected: bool) -> None:
    assert holds(parse_rule(rule), STATES.get) is expected


def test_a_rule_names_the_alarms_that_it_looks_at() -> None:
    assert list(alarms_of(parse_rule("ALARM(a) AND NOT (OK(b) OR FALSE)"))) == ["a", "b"]


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("", "ends too early"),
        ("ALARM", "needs an alarm's name"),
        ("ALARM()", "needs an alarm's name"),
        ("ALARM(a) ALARM(b)", "unexpected 'ALARM'"),
        ("(ALARM(a)", "ends too early"),
        ("ALARM(a) XOR OK(b)", "unexpected 'XOR'"),
        ("NOT " * 60 + "TRUE", "nested more than"),
        (" OR ".join(f"OK(a{each})" for each in range(101)), "more than 100 alarms"),
        (" OR ".join(["TRUE"] * 300), "more than 500 elements"),
    ],
)
def test_a_rule_that_cannot_be_read_is_refused(rule: str, message: str) -> None:
    with pytest.raises(BadRule, match=message):
        parse_rule(rule)
