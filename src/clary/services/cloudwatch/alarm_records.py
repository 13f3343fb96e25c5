"""The records of alarms: found, written over, brought into a state; each with its history, in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from clary.resources.alarm import ALARM, ALARM_CLOCK, CLOCK_NAME, Alarm, AlarmState, AlarmType
from clary.resources.alarm_transition import Note, Transition, Written
from clary.services.cloudwatch.faults import Invalid, LimitExceeded, NotFound
from clary.services.operation import Call, Params
from clary.store.query import Query
from clary.store.records import Change, Record, Records

ALARMS_MAX = 5000
ACTIONS_MAX = 5
TAGS_MAX = 50
TAG = "tag:"
BATCH_MAX = 1000
INITIAL_REASON = "Unchecked: Initial alarm creation"


def find_alarm(records: Records, name: str) -> Alarm:
    """Return an alarm, or raise NotFound."""
    record = records.find(ALARM, name)
    if record is None:
        raise NotFound(f"The alarm {name} does not exist.")
    return Alarm.read(record)


def alarms_of_type(records: Records, sort: AlarmType) -> list[Alarm]:
    """Return every alarm of a type."""
    found: list[Alarm] = []
    token = ""
    while True:
        page = records.page(ALARM, Query(limit=BATCH_MAX, token=token, attributes={"type": sort}))
        found += map(Alarm.read, page.items)
        token = page.next_token
        if not token:
            return found


def put_alarm(call: Call, name: str, spec: Mapping[str, Any], attributes: Mapping[str, str], tags: Params) -> None:
    """Make an alarm, or give one that is there other parameters; its state stays, its tags stay."""
    with call.store.records.together() as records:
        found = records.find(ALARM, name)
        if found is None:
            _create(call, records, name, spec, {**attributes, **tag_attributes(tags)})
        else:
            _write_over(call, records, found, spec, attributes)


def _create(call: Call, records: Records, name: str, spec: Mapping[str, Any], attributes: Mapping[str, str]) -> None:
    touch_clock(records, added=1)
    status = {"reason": INITIAL_REASON, "data": "", "updated": call.now, "transitioned": call.now,
              "configured": call.now}  # fmt: skip
    state = AlarmState.INSUFFICIENT_DATA
    record = records.create(ALARM, name, spec, status=status, state=state, attributes=attributes)
    note_configuration(records, Alarm.read(record), "Create", call.now)


def _write_over(
    call: Call, records: Records, found: Record, spec: Mapping[str, Any], attributes: Mapping[str, str]
) -> None:
    kept = records.attributes(found.uid)
    if kept["type"] != attributes["type"]:
        raise Invalid(f"The alarm {found.name} exists already and is a {kept['type']}.")
    tags = {key: value for key, value in kept.items() if key.startswith(TAG)}
    status = {**found.status, "configured": call.now, "held": None}
    written = records.update(found, Change(spec=spec, status=status, attributes={**attributes, **tags}))
    touch_clock(records)
    note_configuration(records, Alarm.read(written), "Update", call.now)


def note_configuration(records: Records, alarm: Alarm, sort: str, now: float) -> None:
    """Write into the history that an alarm was made, changed or deleted."""
    done = {"Create": "created", "Update": "updated", "Delete": "deleted"}[sort]
    data = {"version": "1.0", "type": sort, f"{done}Alarm": {"alarmName": alarm.name, "alarmArn": alarm.arn}}
    write_beside(records, [Note(alarm, "ConfigurationUpdate", f'Alarm "{alarm.name}" {done}', data).written(now)])


def write_transition(records: Records, alarm: Alarm, wanted: Transition) -> None:
    """Write a change of state, its history and its actions; `records` are one transaction."""
    records.update(alarm.record, wanted.change)
    write_beside(records, wanted.beside)


def write_beside(records: Records, written: Sequence[Written]) -> None:
    """Make the records that go with a change."""
    for each in written:
        records.create(each.kind, each.name, each.spec, state=each.state, attributes=each.attributes)


def touch_clock(records: Records, *, added: int = 0) -> None:
    """Wake the controller, and keep count of the alarms; made with an account's first alarm."""
    clock = records.find(ALARM_CLOCK, CLOCK_NAME)
    count = added if clock is None else clock.status["count"] + added
    if added > 0 and count > ALARMS_MAX:
        raise LimitExceeded(f"The quota of {ALARMS_MAX} alarms has been reached.")
    if clock is None:
        records.create(ALARM_CLOCK, CLOCK_NAME, {}, status={"count": count})
    else:
        records.update(clock, Change(status={"count": count}))


def tag_attributes(tags: Params) -> dict[str, str]:
    """Return tags as attributes."""
    return {f"{TAG}{key}": value for key, value in tags.items()}


def tags_of(request: Params) -> dict[str, str]:
    """Return the tags of a request, or raise what is wrong with them."""
    tags = {each["Key"]: each["Value"] for each in request.get("Tags", ())}
    if len(tags) > TAGS_MAX:
        raise Invalid(f"A resource can have up to {TAGS_MAX} tags.")
    return tags


def check_actions(request: Params) -> None:
    """Raise unless every action is an ARN, each once."""
    for name in ("OKActions", "AlarmActions", "InsufficientDataActions"):
        actions = request.get(name, ())
        if len(actions) > ACTIONS_MAX:
            raise Invalid(f"The collection {name} must not have a size greater than {ACTIONS_MAX}.")
        for action in actions:
            if len(action.split(":", 5)) != 6 or not action.startswith("arn:"):
                raise Invalid(f"Invalid arn syntax: {action}")
        if len(set(actions)) < len(actions):
            raise Invalid(f"The collection {name} must not have an action more than once.")
