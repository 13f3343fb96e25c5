from __future__ import annotations

from typing import Any

import pytest

from clary.resources.scaling import SCHEDULED_ACTION
from clary.resources.scaling_decisions import Bounds
from clary.resources.scaling_schedules import ScheduledAction
from clary.store.records import Record

PUT = 1_000_000.0


def action(wanted: dict[str, int] | None = None, fired: float | None = None, **spec: Any) -> ScheduledAction:
    told = {"ScheduledActionName": "s", "Schedule": "rate(1 hour)", "Since": PUT, **spec}
    told["ScalableTargetAction"] = wanted or {}
    status = {} if fired is None else {"fired": fired}
    return ScheduledAction.read(
        Record("1", "us-east-1", str(SCHEDULED_ACTION), "n", "u", "", told, status, "", False, 1, 1, 0.0, 0.0)
    )


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"MinCapacity": 3}, Bounds(3, 5)),
        ({"MinCapacity": 9}, Bounds(9, 9)),
        ({"MaxCapacity": 4}, Bounds(2, 4)),
        ({"MaxCapacity": 1}, Bounds(1, 1)),
        ({"MinCapacity": 0, "MaxCapacity": 0}, Bounds(0, 0)),
    ],
)
def test_one_bound_moves_the_other_where_they_would_cross(wanted: dict[str, int], expected: Bounds) -> None:
    assert action(wanted).bounds(Bounds(2, 5)) == expected


def test_of_the_times_that_were_missed_the_newest_counts() -> None:
    assert action().due(PUT + 3599) is None
    assert action().due(PUT + 3600) == PUT + 3600
    assert action().due(PUT + 100 * 3600 + 5) == PUT + 100 * 3600
    assert action(fired=PUT + 3600).due(PUT + 3700) is None
    assert action(fired=PUT + 3600).next() == PUT + 7200


def test_nothing_is_due_before_the_start_and_after_the_end() -> None:
    bounded = {"StartTime": PUT + 1800.0, "EndTime": PUT + 6000.0}
    assert action(**bounded).next() == PUT + 5400
    assert action(**bounded).due(PUT + 10**6) == PUT + 5400
    assert action(fired=PUT + 5400, **bounded).next() is None
