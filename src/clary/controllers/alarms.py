"""Evaluates alarms, an account's in a region in one round: each metric is read once, composite alarms come last.

Alarms on periods under a minute are evaluated every ten seconds, others every minute, each as soon as the newest
period's data can be complete; one that was just put at once. What was evaluated is remembered, not stored: a new
leader evaluates everything once more, which changes nothing that is so already.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from graphlib import CycleError, TopologicalSorter
from typing import Protocol

from clary.core.clock import Clock
from clary.resources.alarm import (
    ALARM,
    ALARM_CLOCK,
    ALARM_HISTORY,
    LATE_S,
    MINUTE_S,
    Alarm,
    AlarmState,
    AlarmType,
    Sample,
    Span,
    newest_end,
)
from clary.resources.alarm_rule import alarms_of, holds, name_of, parse_rule
from clary.resources.alarm_suppression import Held, moved_on, suppressed_transition
from clary.resources.alarm_transition import Cause, Transition, actions_for, transition
from clary.resources.alarm_verdict import Measure, Verdict, judge, reason, reason_data
from clary.store.query import Query
from clary.store.records import Change, Record, Records
from clary.store.store import Store

BATCH_MAX = 1000
HISTORY_KEEP_S = 30 * 24 * 3600.0
SCALING = ":autoscaling:"
FAILED = "EVALUATION_ERROR"
TRIGGERS_MAX = 10
WRITES_MAX = 100
Step = tuple[Alarm, Transition]
"""What is to be written of an alarm."""


class Round(Protocol):
    """What the alarms of one round are measured with."""

    def prepare(self, due: Iterable[tuple[Alarm, Span]]) -> None:
        """Read what these alarms watch, all together."""

    def samples(self, alarm: Alarm, span: Span) -> Sequence[Sample] | str:
        """Return a sample for each period of a span, or in a sentence why there is none.

        None at all says that the alarm is to stay as it is.
        """


class Measurements(Protocol):
    """Where rounds come from."""

    def open(self, account: str, region: str, now: float) -> Round:
        """Return what the alarms of an account in a region are measured with, now."""


@dataclass
class Memory:
    """What was evaluated: up to which version of the clock, which alarm over which time, and when to look again."""

    version: int = 0
    next: float = 0.0
    judged: dict[str, tuple[int, int]] = field(default_factory=dict)
    scaled: dict[str, float] = field(default_factory=dict)


class Alarms:
    """Brings the alarms of each account and region into the states that their metrics call for."""

    kind = ALARM_CLOCK

    def __init__(self, measurements: Measurements, clock: Clock, *, scales: bool = False) -> None:
        self._measurements = measurements
        self._clock = clock
        self._scales = scales  # whether scaling actions are repeated while a state lasts, as they are in AWS
        self._memories: dict[str, Memory] = {}

    def reconcile(self, record: Record, records: Records) -> float | None:
        """Evaluate the alarms that are due; return when the next ones are."""
        memory = self._memories.setdefault(record.uid, Memory())
        now = self._clock()
        if memory.version != record.version or now >= memory.next:
            memory.next = self._round(memory, records, now)
            memory.version = record.version
        return None if memory.next == math.inf else max(0.0, memory.next - now)

    def _round(self, memory: Memory, records: Records, now: float) -> float:
        alarms = {alarm.name: alarm for alarm in _all(records)}
        metric = [alarm for alarm in alarms.values() if alarm.type is AlarmType.METRIC]
        due = [alarm for alarm in metric if memory.judged.get(alarm.uid) != _sight(alarm, now)]
        measured = self._measurements.open(records.account, records.region, now)
        measured.prepare((alarm, alarm.span(now)) for alarm in due)
        steps = [(alarm, step) for alarm in due if (step := self._evaluate(alarm, measured, memory, now)) is not None]
        alarms |= {alarm.name: _after(alarm, step) for alarm, step in steps}
        steps += _compose(alarms, now)
        _write(records, steps)
        memory.judged = {alarm.uid: _sight(alarm, now) for alarm in metric}
        memory.scaled = {alarm.uid: memory.scaled[alarm.uid] for alarm in metric if alarm.uid in memory.scaled}
        return _next(alarms.values(), now)

    def _evaluate(self, alarm: Alarm, measured: Round, memory: Memory, now: float) -> Transition | None:
        """Return what is to be written of an alarm, None if nothing is."""
        span = alarm.span(now)
        samples = measured.samples(alarm, span)
        if isinstance(samples, str):
            return _evaluating(alarm, FAILED)
        verdict = judge(samples, Measure.of(alarm)) if samples else Verdict(None)
        if verdict.state is None or verdict.state is alarm.state:
            return _evaluating(alarm, None) or self._scaling(alarm, memory, now)
        cause = Cause(verdict.state, reason(alarm, verdict), reason_data(alarm, verdict, span, now))
        memory.scaled[alarm.uid] = now
        return transition(alarm, cause, now, evaluation=None)

    def _scaling(self, alarm: Alarm, memory: Memory, now: float) -> Transition | None:
        """Return the scaling actions of a state that lasts, once a minute."""
        wanted = self._scales and any(SCALING in action for action in alarm.actions())
        if not wanted or now - memory.scaled.get(alarm.uid, 0.0) < MINUTE_S:
            return None
        memory.scaled[alarm.uid] = now
        cause = Cause(alarm.state, alarm.status["reason"], alarm.status["data"])
        return Transition(Change(), [each for each in actions_for(alarm, cause, now) if SCALING in each.spec["action"]])


def trim_history(store: Store, now: float) -> None:
    """Forget what happened to alarms longer ago than histories are kept."""
    for item in store.world.all(ALARM_HISTORY):
        if item.created < now - HISTORY_KEEP_S:
            store.records(item.account, item.region).remove(item)


def _all(records: Records) -> Iterable[Alarm]:
    token = ""
    while True:
        page = records.page(ALARM, Query(limit=BATCH_MAX, token=token))
        yield from map(Alarm.read, page.items)
        token = page.next_token
        if not token:
            return


def _sight(alarm: Alarm, now: float) -> tuple[int, int]:
    """Return what an evaluation now would look at: the make of the alarm, and the end of its time."""
    return alarm.record.generation, newest_end(now, alarm.step)


def _next(alarms: Iterable[Alarm], now: float) -> float:
    """Return when the next of them is due."""
    times = [math.inf]
    for alarm in alarms:
        if alarm.type is AlarmType.METRIC:
            times.append(newest_end(now, alarm.step) + alarm.step + LATE_S)
        elif (held := Held.read(alarm)) is not None and (ends := held.ends(alarm)) is not None:
            times.append(ends)
    return min(times)


def _evaluating(alarm: Alarm, state: str | None) -> Transition | None:
    """Return what notes that an alarm can or cannot be evaluated, None if that is known; its state stays."""
    if alarm.status.get("evaluation") == state:
        return None
    return Transition(Change(status={**alarm.status, "evaluation": state}), ())


def _after(alarm: Alarm, step: Transition) -> Alarm:
    """Return an alarm as it will be once a step is written."""
    state, status = step.change.state, step.change.status
    return replace(
        alarm,
        state=alarm.state if state is None else AlarmState(state),
        status=alarm.status if status is None else status,
    )


def _write(records: Records, steps: Sequence[Step]) -> None:
    """Write each step with its history and its actions, all or nothing; many to a transaction, which costs a sync."""
    for first in range(0, len(steps), WRITES_MAX):
        with records.together() as together:
            for alarm, step in steps[first : first + WRITES_MAX]:
                together.update(alarm.record, step.change)
                for each in step.beside:
                    together.create(each.kind, each.name, each.spec, state=each.state, attributes=each.attributes)


def _compose(alarms: dict[str, Alarm], now: float) -> Iterator[Step]:
    """Evaluate composite alarms, each after those it looks at; those that look at themselves are left as they are."""
    for name in _ordered(alarms):
        alarm = alarms[name]
        state = _composed(alarm, alarms)
        suppressing = _suppressing(alarm, alarms)
        if state is not alarm.state:
            cause = _cause(alarm, state, alarms)
            step: Transition | None = suppressed_transition(alarm, cause, suppressing=suppressing, now=now)
        else:
            step = moved_on(alarm, suppressing=suppressing, now=now)
        if step is not None:
            alarms[name] = _after(alarm, step)
            yield alarm, step


def _ordered(alarms: Mapping[str, Alarm]) -> Iterable[str]:
    composite = {name: alarm for name, alarm in alarms.items() if alarm.type is AlarmType.COMPOSITE}
    order = TopologicalSorter({name: _looks_at(alarm) & composite.keys() for name, alarm in composite.items()})
    with suppress(CycleError):  # It still gives what does not depend on the cycle.
        order.prepare()
    while ready := order.get_ready():
        yield from sorted(ready)
        order.done(*ready)


def _looks_at(alarm: Alarm) -> set[str]:
    suppressor = alarm.spec.get("ActionsSuppressor")
    return set(alarms_of(parse_rule(alarm.spec["AlarmRule"]))) | ({name_of(suppressor)} if suppressor else set())


def _composed(alarm: Alarm, alarms: Mapping[str, Alarm]) -> AlarmState:
    def state_of(name: str) -> AlarmState | None:
        return alarms[name].state if name in alarms else None

    return AlarmState.ALARM if holds(parse_rule(alarm.spec["AlarmRule"]), state_of) else AlarmState.OK


def _suppressing(alarm: Alarm, alarms: Mapping[str, Alarm]) -> bool:
    suppressor = alarms.get(name_of(alarm.spec.get("ActionsSuppressor", "")))
    return suppressor is not None and suppressor.state is AlarmState.ALARM


def _cause(alarm: Alarm, state: AlarmState, alarms: Mapping[str, Alarm]) -> Cause:
    """Return why a composite alarm changes: the alarms it looks at, the newest change first."""
    named = sorted(set(alarms_of(parse_rule(alarm.spec["AlarmRule"]))) & alarms.keys())
    triggers = sorted((alarms[name] for name in named), key=lambda each: float(each.status["transitioned"]))[::-1]
    if not triggers:
        return Cause(state, f"The alarm rule is {'TRUE' if state is AlarmState.ALARM else 'FALSE'} by itself.")
    newest = triggers[0]
    at = datetime.fromtimestamp(newest.status["transitioned"], UTC).strftime("%A %d %B, %Y %H:%M:%S UTC")
    told = [
        {"arn": each.arn, "state": {"value": each.state, "timestamp": _stamp(each.status["transitioned"])}}
        for each in triggers[:TRIGGERS_MAX]
    ]
    return Cause(state, f"{newest.arn} transitioned to {newest.state} at {at}", json.dumps({"triggeringAlarms": told}))


def _stamp(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "+0000")
