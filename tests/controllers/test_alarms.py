"""The controller of alarms on a real store, with time that is moved by hand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from clary.controllers.alarms import Alarms, trim_history
from clary.core.errors import LeaseLost
from clary.core.settings import load
from clary.resources.alarm import (
    ALARM,
    ALARM_ACTION,
    ALARM_CLOCK,
    ALARM_HISTORY,
    CLOCK_NAME,
    Alarm,
    AlarmState,
    AlarmType,
)
from clary.services.cloudwatch.measurements import Measurements
from clary.store.query import Query
from clary.store.records import Change, Record, Records
from clary.store.series import Datum
from clary.store.store import Store, open_store

ACCOUNT, REGION = "111111111111", "us-east-1"
NOON = 1_795_348_800.0  # 22 November 2026, 12:00 UTC
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:alerts"
WATCH = {
    "Namespace": "N", "MetricName": "m", "Statistic": "Sum", "Period": 60, "EvaluationPeriods": 1, "Threshold": 1.0,
    "ComparisonOperator": "GreaterThanOrEqualToThreshold", "AlarmActions": [TOPIC], "OKActions": [],
}  # fmt: skip


@dataclass
class World:
    """Alarms of one account, and what has become of them."""

    store: Store
    now: list[float]
    alarms: Alarms
    records: Records

    def put(self, name: str, **spec: Any) -> None:
        """Make an alarm as PutMetricAlarm and PutCompositeAlarm do."""
        at = self.now[0]
        sort = AlarmType.COMPOSITE if "AlarmRule" in spec else AlarmType.METRIC
        status = {"reason": "Unchecked", "data": "", "updated": at, "transitioned": at, "configured": at}
        whole = spec if sort is AlarmType.COMPOSITE else {**WATCH, **spec}
        self.records.create(ALARM, name, whole, status=status, state="INSUFFICIENT_DATA", attributes={"type": sort})
        clock = self.records.find(ALARM_CLOCK, CLOCK_NAME)
        if clock is None:
            self.records.create(ALARM_CLOCK, CLOCK_NAME, {}, status={"count": 1})
        else:
            self.records.update(clock, Change(status={"count": clock.status["count"] + 1}))

    def measure(self, *values: float, name: str = "m", high_resolution: bool = False) -> None:
        data = [Datum(name, (), self.now[0], values=values, high_resolution=high_resolution)]
        self.store.series(ACCOUNT, REGION).put("N", data)

    def run(self, after_s: float = 0.0) -> float | None:
        """Let time pass and the controller look; return when it wants to look again."""
        self.now[0] += after_s
        record = self.records.find(ALARM_CLOCK, CLOCK_NAME)
        assert record is not None
        return self.alarms.reconcile(record, self.records)

    def alarm(self, name: str) -> Alarm:
        record = self.records.find(ALARM, name)
        assert record is not None
        return Alarm.read(record)

    def states(self) -> dict[str, str]:
        return {record.name: record.state for record in self.records.page(ALARM, Query()).items}

    def actions(self) -> list[Record]:
        return list(self.records.page(ALARM_ACTION, Query()).items)

    def history(self) -> list[str]:
        return [record.spec["summary"] for record in self.records.page(ALARM_HISTORY, Query()).items]


@pytest.fixture
def world(prepared_home: Path) -> Iterator[World]:
    now = [NOON + 5]
    store = open_store(load({"home": prepared_home}, {}), clock=lambda: now[0])
    lease = store.leases.acquire("controller", "me", 1e9)
    assert lease is not None
    records = store.records(ACCOUNT, REGION, fence=lease.fence)
    yield World(store, now, Alarms(Measurements(store), lambda: now[0]), records)
    store.close()


def test_an_alarm_follows_its_metric_and_writes_down_what_is_to_be_done(world: World) -> None:
    world.put("a")
    world.measure(5.0)
    assert world.run() == pytest.approx(57)  # what it saw ends at noon: it looks again when 12:01 can be complete
    assert world.states() == {"a": "INSUFFICIENT_DATA"}
    assert world.run(57) == pytest.approx(60)
    alarm = world.alarm("a")
    assert alarm.state is AlarmState.ALARM
    assert alarm.status["reason"] == (
        "Threshold Crossed: 1 datapoint [5.0 (22/11/26 12:00:00)] was greater than or equal to the threshold (1.0)."
    )
    told = json.loads(alarm.status["data"])
    assert (told["recentDatapoints"], told["period"], told["threshold"]) == ([5.0], 60, 1.0)
    (action,) = world.actions()
    notice = json.loads(action.spec["message"])
    assert (action.spec["action"], notice["NewStateValue"], notice["OldStateValue"]) == (
        TOPIC, "ALARM", "INSUFFICIENT_DATA",
    )  # fmt: skip
    assert world.history() == ["Alarm updated from INSUFFICIENT_DATA to ALARM"]
    assert [(each.before, each.after) for each in world.store.outbox.since(0) if each.kind == str(ALARM)] == [
        ("", "INSUFFICIENT_DATA"),
        ("INSUFFICIENT_DATA", "ALARM"),
    ]


def test_nothing_is_written_while_nothing_changes(world: World) -> None:
    world.put("a", TreatMissingData="notBreaching")
    world.run()
    before = world.alarm("a").record.version
    for _ in range(3):
        world.run(60)
    assert world.alarm("a").record.version == before
    assert len(world.history()) == 1


def test_an_alarm_on_short_periods_is_evaluated_every_ten_seconds(world: World) -> None:
    world.put("a", Period=10)
    world.measure(5.0, high_resolution=True)
    assert world.run() == pytest.approx(7)
    world.run(7)
    assert world.states() == {"a": "ALARM"}


def test_longer_periods_slide_minute_by_minute(world: World) -> None:
    world.put("a", Period=300, Threshold=10.0, TreatMissingData="notBreaching")
    world.measure(6.0)
    world.run(240)
    world.measure(6.0)
    assert world.states() == {"a": "OK"}
    world.run(58)  # 12:05:03 sees 12:00 to 12:05, which lies across no other boundary of five minutes
    assert world.states() == {"a": "ALARM"}


def test_an_alarm_on_an_expression_is_held_against_another_series(world: World) -> None:
    def stat(name: str) -> dict[str, Any]:
        metric = {"Namespace": "N", "MetricName": name}
        return {"Id": name, "ReturnData": False, "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}}

    metrics = [
        stat("errors"), stat("all"), {"Id": "rate", "Expression": "100 * errors / all"},
        {"Id": "most", "Expression": "IF(all > 5, 10, 50)", "ReturnData": False},
    ]  # fmt: skip
    spec = {name: value for name, value in WATCH.items() if name not in ("Namespace", "MetricName", "Statistic")}
    spec = {name: value for name, value in spec.items() if name not in ("Period", "Threshold")}
    world.put("first")
    record = world.alarm("first").record
    world.records.update(record, Change(spec={**spec, "Metrics": metrics, "ThresholdMetricId": "most"}))
    world.measure(2.0, name="errors")
    world.measure(10.0, name="all")
    world.run(58)
    assert world.states() == {"first": "ALARM"}
    assert (
        "[20.0 (22/11/26 12:00:00)] was greater than or equal to the threshold (10.0)"
        in (world.alarm("first").status["reason"])
    )


def test_a_state_that_was_set_lasts_until_the_next_evaluation(world: World) -> None:
    world.put("a", TreatMissingData="notBreaching")
    world.run()
    record = world.alarm("a").record
    world.records.update(record, Change(state="ALARM"))
    clock = world.records.find(ALARM_CLOCK, CLOCK_NAME)
    assert clock is not None
    world.records.update(clock, Change(status={"count": 1}))
    world.run(1)
    assert world.states() == {"a": "ALARM"}
    world.run(60)
    assert world.states() == {"a": "OK"}


def test_composite_alarms_come_after_those_they_look_at(world: World) -> None:
    world.put("a", AlarmActions=[])
    world.put("inner", AlarmRule="ALARM(a)")
    world.put("outer", AlarmRule="ALARM(inner) AND NOT ALARM(b)", AlarmActions=[TOPIC])
    world.measure(1.0)
    world.run(58)
    assert world.states() == {"a": "ALARM", "inner": "ALARM", "outer": "ALARM"}
    assert world.alarm("outer").status["reason"] == (
        f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:inner transitioned to ALARM at "
        "Sunday 22 November, 2026 12:01:03 UTC"
    )
    assert [action.spec["alarm"] for action in world.actions()] == ["outer"]


def test_alarms_that_look_at_each_other_in_a_circle_are_left_alone(world: World) -> None:
    world.put("one", AlarmRule="NOT ALARM(two)")
    world.put("two", AlarmRule="NOT ALARM(one)")
    world.put("free", AlarmRule="TRUE")
    world.run()
    assert world.states() == {"one": "INSUFFICIENT_DATA", "two": "INSUFFICIENT_DATA", "free": "ALARM"}


def test_a_suppressor_holds_actions_back_for_as_long_as_it_alarms_and_a_while_after(world: World) -> None:
    periods = {"ActionsSuppressorWaitPeriod": 20, "ActionsSuppressorExtensionPeriod": 30}
    world.put("calm", TreatMissingData="breaching", AlarmActions=[])
    world.put("c", AlarmRule="TRUE", AlarmActions=[TOPIC], ActionsSuppressor="calm", **periods)
    world.run()
    assert (world.states()["c"], world.alarm("c").status["held"]["by"]) == ("ALARM", "Alarm")
    record = world.alarm("calm").record
    world.records.update(record, Change(spec={**record.spec, "TreatMissingData": "notBreaching"}))
    world.run(58)
    assert (world.actions(), world.alarm("c").status["held"]["by"]) == ([], "ExtensionPeriod")
    assert world.run(1) == pytest.approx(29)
    world.run(29)
    assert [action.spec["alarm"] for action in world.actions()] == ["c"]


def test_actions_wait_for_a_suppressor_that_may_come(world: World) -> None:
    periods = {"ActionsSuppressorWaitPeriod": 20, "ActionsSuppressorExtensionPeriod": 0}
    world.put("calm", TreatMissingData="notBreaching")
    world.put("c", AlarmRule="TRUE", AlarmActions=[TOPIC], ActionsSuppressor="calm", **periods)
    world.run()
    assert (world.actions(), world.alarm("c").status["held"]["by"]) == ([], "WaitPeriod")
    world.run(20)
    assert [action.spec["alarm"] for action in world.actions()] == ["c"]


def test_scaling_actions_are_repeated_each_minute_that_a_state_lasts(world: World) -> None:
    policy = f"arn:aws:autoscaling:{REGION}:{ACCOUNT}:scalingPolicy:1:resource/sagemaker/endpoint/e:policyName/p"
    world.alarms = Alarms(Measurements(world.store), lambda: world.now[0], scales=True)
    world.put("a", TreatMissingData="breaching", AlarmActions=[TOPIC, policy])
    for _ in range(3):
        world.run(60)
    kinds = [action.spec["action"].split(":")[2] for action in world.actions()]
    assert (kinds.count("sns"), kinds.count("autoscaling")) == (1, 3)


def test_actions_that_are_switched_off_are_not_done(world: World) -> None:
    world.put("a", TreatMissingData="breaching", ActionsEnabled=False)
    world.run()
    assert (world.states(), world.actions()) == ({"a": "ALARM"}, [])


def test_an_expression_that_cannot_be_evaluated_keeps_the_state(world: World) -> None:
    world.put("a")
    stat = {"Metric": {"Namespace": "N", "MetricName": "m"}, "Period": 60, "Stat": "Sum"}
    metrics = [{"Id": "m", "MetricStat": stat, "ReturnData": False}, {"Id": "e", "Expression": "SUM(m)"}]
    world.records.update(world.alarm("a").record, Change(spec={**WATCH, "Metrics": metrics}))
    world.measure(1.0)
    world.run(58)
    assert (world.states(), world.alarm("a").status["evaluation"]) == ({"a": "INSUFFICIENT_DATA"}, "EVALUATION_ERROR")


def test_a_controller_that_lost_its_lease_changes_nothing(world: World) -> None:
    world.put("a", TreatMissingData="breaching")
    world.now[0] += 2e9
    assert world.store.leases.acquire("controller", "another", 10.0) is not None
    with pytest.raises(LeaseLost):
        world.run()
    assert (world.states(), world.actions()) == ({"a": "INSUFFICIENT_DATA"}, [])


def test_a_new_leader_finds_what_is_so_already(world: World) -> None:
    world.put("a", TreatMissingData="breaching")
    world.run()
    world.alarms = Alarms(Measurements(world.store), lambda: world.now[0])
    world.run()
    assert len(world.history()) == len(world.actions()) == 1


def test_the_history_of_long_ago_is_forgotten(world: World) -> None:
    world.put("a", TreatMissingData="breaching")
    world.run()
    trim_history(world.store, world.now[0] + 29 * 86400)
    assert len(world.history()) == 1
    trim_history(world.store, world.now[0] + 31 * 86400)
    assert world.history() == []
