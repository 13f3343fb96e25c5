"""Composite alarms: put, with a rule over other alarms and an alarm that holds their actions back."""

from __future__ import annotations

from typing import Any

from clary.resources.alarm import ALARM, AlarmType
from clary.resources.alarm_rule import BadRule, alarms_of, name_of, parse_rule
from clary.services.cloudwatch.alarm_records import check_actions, put_alarm, tags_of
from clary.services.cloudwatch.faults import Invalid
from clary.services.operation import Call, Operations, Params, Result, operation

PERIODS = ("ActionsSuppressorWaitPeriod", "ActionsSuppressorExtensionPeriod")


class CompositeAlarms(Operations):
    """Alarms on alarms."""

    @operation("PutCompositeAlarm")
    def put(self, call: Call, request: Params) -> Result:
        """Make a composite alarm, or give one another rule; every alarm that it names must be there."""
        spec: dict[str, Any] = {name: value for name, value in request.items() if name not in ("AlarmName", "Tags")}
        if "ActionConfiguration" in spec:
            raise Invalid("The parameter ActionConfiguration is not offered by Clary.")
        check_actions(spec)
        _check_rule(call, request["AlarmName"], spec["AlarmRule"])
        _check_suppressor(call, spec)
        put_alarm(call, request["AlarmName"], spec, {"type": AlarmType.COMPOSITE}, tags_of(request))
        return None


def _check_rule(call: Call, name: str, text: str) -> None:
    try:
        named = sorted(set(alarms_of(parse_rule(text))))
    except BadRule as wrong:
        raise Invalid(f"Invalid AlarmRule for composite alarm {name}: {wrong}.") from None
    missing = [each for each in named if each != name and call.store.records.find(ALARM, each) is None]
    if missing:
        shown = ", ".join(missing)
        raise Invalid(f"Could not save the composite alarm as alarms [{shown}] in the alarm rule do not exist")
    if name in named:
        raise Invalid(f"Could not save the composite alarm as its alarm rule names {name} itself")


def _check_suppressor(call: Call, spec: dict[str, Any]) -> None:
    given = [period for period in PERIODS if period in spec]
    if "ActionsSuppressor" not in spec:
        if given:
            raise Invalid(f"The parameter {given[0]} needs an ActionsSuppressor.")
        return
    for period in PERIODS:
        if spec.get(period, -1) < 0:
            raise Invalid(f"The parameter {period} is required with an ActionsSuppressor, and must not be negative.")
    if call.store.records.find(ALARM, name_of(spec["ActionsSuppressor"])) is None:
        raise Invalid(f"The ActionsSuppressor {spec['ActionsSuppressor']} does not exist")
