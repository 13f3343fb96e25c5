"""The verdict: the tables of the user guide, «Configuring how CloudWatch alarms treat missing data»."""

from __future__ import annotations

import operator

import pytest

from clary.resources.alarm import AlarmState, Sample
from clary.resources.alarm_verdict import Measure, judge

START, PERIOD = 1_795_305_600, 60
MISSING = ("missing", "ignore", "breaching", "notBreaching")
STATES = {"OK": AlarmState.OK, "ALARM": AlarmState.ALARM, "NONE": AlarmState.INSUFFICIENT_DATA, "KEEP": None}


def samples(points: str) -> list[Sample]:
    """Return the datapoints that the guide writes as 0 (fine), X (breaching) and - (missing), oldest first."""
    values = {"0": 0.0, "X": 9.0, "-": None}
    return [Sample(START + at * PERIOD, values[each], 5.0) for at, each in enumerate(points.split())]


@pytest.mark.parametrize(
    ("to_alarm", "points", "filled", "states"),
    [
        (3, "0 - X - X", 0, "OK OK OK OK"),
        (3, "- - - - 0", 2, "OK OK OK OK"),
        (3, "- - - - -", 3, "NONE KEEP ALARM OK"),
        (3, "0 X X - X", 0, "ALARM ALARM ALARM ALARM"),
        (3, "- - X - -", 2, "ALARM KEEP ALARM OK"),
        (2, "0 - X - X", 0, "ALARM ALARM ALARM ALARM"),
        (2, "0 0 X 0 X", 0, "ALARM ALARM ALARM ALARM"),
        (2, "0 - X - -", 1, "OK OK ALARM OK"),
        (2, "- - - - 0", 2, "OK OK ALARM OK"),
        (2, "- - - X -", 2, "ALARM KEEP ALARM OK"),
    ],
)
def test_missing_data_count_as_the_guide_says(to_alarm: int, points: str, filled: int, states: str) -> None:
    verdicts = [judge(samples(points), Measure(3, to_alarm, missing, operator.gt)) for missing in MISSING]
    assert [verdict.state for verdict in verdicts] == [STATES[word] for word in states.split()]
    assert {verdict.filled for verdict in verdicts} == {filled}


@pytest.mark.parametrize("points", ["- - - - X", "- - - X -"])
def test_an_alarm_does_not_come_before_data_that_may_still_be_fine(points: str) -> None:
    assert judge(samples(points), Measure(3, 3, "missing", operator.gt)).state is None


def test_the_newest_datapoints_decide() -> None:
    verdict = judge(samples("X X 0 0 0"), Measure(3, 1, "missing", operator.gt))
    assert (verdict.state, verdict.breaching, len(verdict.fine)) == (AlarmState.OK, (), 3)
