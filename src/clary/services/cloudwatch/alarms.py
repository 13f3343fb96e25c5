"""Alarms of both types: described, set, switched and deleted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from clary.core.errors import ServiceError, ValidationError
from clary.resources.alarm import ALARM, Alarm, AlarmState, AlarmType
from clary.resources.alarm_rule import alarms_of, name_of, parse_rule
from clary.resources.alarm_suppression import suppressed_transition
from clary.resources.alarm_transition import Cause
from clary.services.cloudwatch.alarm_records import (
    alarms_of_type,
    find_alarm,
    note_configuration,
    touch_clock,
    write_transition,
)
from clary.services.cloudwatch.alarm_views import composite_alarm_shown, metric_alarm_shown, relative_shown
from clary.services.cloudwatch.faults import Invalid, InvalidCombination, InvalidFormat, InvalidToken
from clary.services.operation import Call, Operations, Params, Result, operation
from clary.store.query import Query
from clary.store.records import Change, Records

PAGE = 50
NAMES_MAX = 100
FILTERS = ("AlarmNamePrefix", "StateValue", "ActionPrefix", "AlarmNames")


class Alarms(Operations):
    """What is the same for every alarm."""

    @operation("DescribeAlarms")
    def describe(self, call: Call, request: Params) -> Result:
        """Return alarms by name; metric alarms only, unless AlarmTypes asks for others."""
        if "ChildrenOfAlarmName" in request or "ParentsOfAlarmName" in request:
            return _relatives(call.store.records, request)
        if "AlarmNames" in request:
            if "AlarmNamePrefix" in request:
                raise InvalidCombination("You must specify either AlarmNames or AlarmNamePrefix, but not both.")
            return _described(list(_named(call.store.records, request)))
        alarms, token = _page(call.store.records, request)
        return {**_described(alarms), **({"NextToken": token} if token else {})}

    @operation("SetAlarmState")
    def set_state(self, call: Call, request: Params) -> Result:
        """Bring an alarm into a state until its next evaluation, with the actions of that state."""
        data = request.get("StateReasonData", "")
        if data and not _is_json(data):
            raise InvalidFormat("StateReasonData must be valid JSON.")
        cause = Cause(AlarmState(request["StateValue"]), request["StateReason"], data)
        with call.store.records.together() as records:
            alarm = find_alarm(records, request["AlarmName"])
            if alarm.state is cause.state:
                status = {**alarm.status, "reason": cause.reason, "data": data, "updated": call.now}
                records.update(alarm.record, Change(status=status))
                return None
            suppressing = _suppressing(records, alarm)
            write_transition(records, alarm, suppressed_transition(alarm, cause, suppressing=suppressing, now=call.now))
            touch_clock(records)
        return None

    @operation("EnableAlarmActions")
    def enable(self, call: Call, request: Params) -> Result:
        """Let alarms act; names that are not there are passed over."""
        _switch(call, request, enabled=True)
        return None

    @operation("DisableAlarmActions")
    def disable(self, call: Call, request: Params) -> Result:
        """Keep alarms from acting; names that are not there are passed over."""
        _switch(call, request, enabled=False)
        return None

    @operation("DeleteAlarms")
    def delete(self, call: Call, request: Params) -> Result:
        """Delete alarms; nothing is deleted while a composite alarm that stays depends on one of them."""
        names = list(dict.fromkeys(request["AlarmNames"]))
        with call.store.records.together() as records:
            found = [Alarm.read(record) for name in names if (record := records.find(ALARM, name)) is not None]
            if sum(alarm.type is AlarmType.COMPOSITE for alarm in found) > 1:
                raise Invalid("You can delete one composite alarm at a time only.")
            _check_free(records, found)
            for alarm in found:
                note_configuration(records, alarm, "Delete", call.now)
                records.remove(alarm.record)
            if found:
                touch_clock(records, added=-len(found))
        return None


def _page(records: Records, request: Params) -> tuple[list[Alarm], str]:
    """Return a page of alarms; one that is filtered by its actions takes several of the store's."""
    limit, token = request.get("MaxRecords", PAGE), request.get("NextToken", "")
    types = request.get("AlarmTypes", [AlarmType.METRIC])
    found: list[Alarm] = []
    while True:
        query = Query(
            limit=limit - len(found),
            token=token,
            name_prefix=request.get("AlarmNamePrefix", ""),
            states=[request["StateValue"]] if "StateValue" in request else (),
            attributes={"type": types[0]} if len(set(types)) == 1 else {},
        )
        try:
            page = records.page(ALARM, query)
        except ValidationError:
            raise InvalidToken from None
        found += [alarm for alarm in map(Alarm.read, page.items) if _acts(alarm, request.get("ActionPrefix", ""))]
        token = page.next_token
        if not token or len(found) >= limit:
            return found, token


def _named(records: Records, request: Params) -> Iterator[Alarm]:
    types = request.get("AlarmTypes", [AlarmType.METRIC])
    if len(request["AlarmNames"]) > NAMES_MAX:
        raise Invalid(f"The collection AlarmNames must not have a size greater than {NAMES_MAX}.")
    for name in sorted(set(request["AlarmNames"])):
        record = records.find(ALARM, name)
        if record is None:
            continue
        alarm = Alarm.read(record)
        fits = alarm.state == request.get("StateValue", alarm.state) and alarm.type in types
        if fits and _acts(alarm, request.get("ActionPrefix", "")):
            yield alarm


def _acts(alarm: Alarm, prefix: str) -> bool:
    actions = [
        action
        for name in ("OKActions", "AlarmActions", "InsufficientDataActions")
        for action in alarm.spec.get(name, ())
    ]
    return not prefix or any(action.startswith(prefix) for action in actions)


def _described(alarms: list[Alarm]) -> dict[str, Any]:
    return {
        "MetricAlarms": [metric_alarm_shown(alarm) for alarm in alarms if alarm.type is AlarmType.METRIC],
        "CompositeAlarms": [composite_alarm_shown(alarm) for alarm in alarms if alarm.type is AlarmType.COMPOSITE],
    }


def _relatives(records: Records, request: Params) -> dict[str, Any]:
    if any(name in request for name in FILTERS) or ("ChildrenOfAlarmName" in request) == (
        "ParentsOfAlarmName" in request
    ):
        raise InvalidCombination("ChildrenOfAlarmName and ParentsOfAlarmName cannot be combined with other filters.")
    if "ParentsOfAlarmName" in request:
        alarms = _parents(records, request["ParentsOfAlarmName"])
    else:
        names = _children(find_alarm(records, request["ChildrenOfAlarmName"]))
        found = [records.find(ALARM, name) for name in sorted(names)]
        alarms = [Alarm.read(record) for record in found if record is not None]
    return {
        "MetricAlarms": [relative_shown(alarm) for alarm in alarms if alarm.type is AlarmType.METRIC],
        "CompositeAlarms": [relative_shown(alarm) for alarm in alarms if alarm.type is AlarmType.COMPOSITE],
    }


def _children(alarm: Alarm) -> set[str]:
    return set(alarms_of(parse_rule(alarm.spec["AlarmRule"]))) if alarm.type is AlarmType.COMPOSITE else set()


def _parents(records: Records, name: str) -> list[Alarm]:
    return [alarm for alarm in alarms_of_type(records, AlarmType.COMPOSITE) if name in _children(alarm)]


def _check_free(records: Records, leaving: list[Alarm]) -> None:
    names = {alarm.name for alarm in leaving}
    for parent in alarms_of_type(records, AlarmType.COMPOSITE):
        used = sorted((_children(parent) | {name_of(parent.spec.get("ActionsSuppressor", ""))}) & names)
        if used and parent.name not in names:
            message = f"Cannot delete {', '.join(used)} as there are composite alarm(s) depending on it: {parent.name}"
            raise ServiceError(message, code="ResourceConflict", status=409)


def _suppressing(records: Records, alarm: Alarm) -> bool:
    suppressor = alarm.spec.get("ActionsSuppressor")
    record = None if suppressor is None else records.find(ALARM, name_of(suppressor))
    return record is not None and record.state == AlarmState.ALARM


def _switch(call: Call, request: Params, *, enabled: bool) -> None:
    with call.store.records.together() as records:
        for name in dict.fromkeys(request["AlarmNames"]):
            record = records.find(ALARM, name)
            if record is None or record.spec.get("ActionsEnabled", True) is enabled:
                continue
            status = {**record.status, "configured": call.now}
            written = records.update(record, Change(spec={**record.spec, "ActionsEnabled": enabled}, status=status))
            note_configuration(records, Alarm.read(written), "Update", call.now)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
