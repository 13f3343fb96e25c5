"""Schedules: what is called, when, and by which role; a controller sees that it is."""

from __future__ import annotations

from typing import Any

from clary.core.ids import Arn
from clary.resources.event_inputs import BadInput, check_input
from clary.resources.event_rules import ENABLED
from clary.resources.event_schedules import DEFAULT_GROUP, SCHEDULE, action_of, schedule_arn
from clary.resources.schedules import UTC_NAME, BadSchedule, parse
from clary.services.operation import Call, Operations, Params, Result, operation
from clary.services.scheduler.faults import Conflict, Invalid, NotFound
from clary.services.scheduler.schedule_groups import PAGE_DEFAULT, group_named
from clary.store.query import Query
from clary.store.records import Change, NameTaken, Record

FLEXIBLE = "FLEXIBLE"
TEMPLATED = ("sqs", "sns", "events")
"""Services with targets of their own; of any other an operation can be named (`aws-sdk`)."""
READING = ("Get", "List", "Describe", "BatchGet", "Query", "Scan", "Receive", "Invoke")
"""Operations that are none for schedules, since nobody would hear the answer."""
DEFAULTS = {"ScheduleExpressionTimezone": UTC_NAME, "State": ENABLED, "ActionAfterCompletion": "NONE"}
NAMED = ("Name", "GroupName")
OWN = ("ClientToken", "since")
"""What of a schedule's spec is not shown."""


class Schedules(Operations):
    """CreateSchedule and its siblings."""

    @operation("CreateSchedule")
    def create(self, call: Call, request: Params) -> Result:
        """Make a schedule."""
        group = group_named(call.store.records, request.get("GroupName", DEFAULT_GROUP))
        spec = _spec(call, request)
        try:
            record = call.store.records.create(SCHEDULE, f"{group.name}/{request['Name']}", spec, parent=group.uid)
        except NameTaken as taken:
            if not _is_the_same(taken.record.spec, spec):
                raise Conflict(f"Schedule {request['Name']} already exists.") from None
            record = taken.record
        return {"ScheduleArn": _arn(record)}

    @operation("UpdateSchedule")
    def update(self, call: Call, request: Params) -> Result:
        """Write a schedule over; what is not given is as if it never was."""
        record = _find(call, request)
        return {"ScheduleArn": _arn(call.store.records.update(record, Change(spec=_spec(call, request))))}

    @operation("GetSchedule")
    def get(self, call: Call, request: Params) -> Result:
        """Return a schedule."""
        record = _find(call, request)
        told = {name: value for name, value in record.spec.items() if name not in OWN}
        return {**_place(record), **told}

    @operation("ListSchedules")
    def list(self, call: Call, request: Params) -> Result:
        """Return a page of schedules by group and name."""
        group, prefix = request.get("GroupName"), request.get("NamePrefix", "")
        if group is not None:
            group_named(call.store.records, group)
        query = Query(
            limit=request.get("MaxResults", PAGE_DEFAULT),
            token=request.get("NextToken", ""),
            name_prefix=f"{group}/{prefix}" if group is not None else "",
        )
        page = call.store.records.page(SCHEDULE, query)
        wanted = [
            each
            for each in page.items
            if each.name.partition("/")[2].startswith(prefix) and request.get("State") in (None, each.spec["State"])
        ]
        more = {"NextToken": page.next_token} if page.next_token else {}
        return {"Schedules": [_summary(each) for each in wanted], **more}

    @operation("DeleteSchedule")
    def delete(self, call: Call, request: Params) -> Result:
        """Forget a schedule."""
        call.store.records.remove(_find(call, request))
        return {}


def _find(call: Call, request: Params) -> Record:
    group = group_named(call.store.records, request.get("GroupName", DEFAULT_GROUP))
    record = call.store.records.find(SCHEDULE, f"{group.name}/{request['Name']}")
    if record is None:
        raise NotFound(f"Schedule {request['Name']} does not exist.")
    return record


def _is_the_same(before: Params, spec: Params) -> bool:
    """Tell whether a request is one that came before, sent again."""
    return "ClientToken" in spec and {**before, "since": 0} == {**spec, "since": 0}


def _spec(call: Call, request: Params) -> dict[str, Any]:
    """Return what is kept of a request, or raise Invalid."""
    spec = {**DEFAULTS, **{name: value for name, value in request.items() if name not in NAMED}, "since": call.now}
    for name in ("StartDate", "EndDate"):
        if name in spec:
            spec[name] = spec[name].timestamp()
    _check(spec)
    _check_target(spec["Target"])
    return spec


def _check(spec: Params) -> None:
    if "KmsKeyArn" in spec:
        raise Invalid("KmsKeyArn is not built in Clary yet; targets are sealed at rest under Clary's own key.")
    window = spec["FlexibleTimeWindow"]
    if (window["Mode"] == FLEXIBLE) is not ("MaximumWindowInMinutes" in window):
        raise Invalid("MaximumWindowInMinutes must be given if, and only if, the flexible time window's mode is "
                      "FLEXIBLE.")  # fmt: skip
    if "EndDate" in spec and spec["EndDate"] < spec.get("StartDate", spec["since"]):
        raise Invalid("The EndDate you specify must be after the StartDate, and in the future.")
    try:
        parse(spec["ScheduleExpression"], spec["ScheduleExpressionTimezone"])
    except BadSchedule as wrong:
        raise Invalid(f"Invalid Schedule Expression {spec['ScheduleExpression']}: {wrong}") from None


def _check_target(target: Params) -> None:
    arn, action = Arn.parse(target["Arn"]), action_of(target)
    if action is None and (arn is None or arn.service not in TEMPLATED):
        raise Invalid(f"Provided Arn {target['Arn']} is not supported: name a queue, a topic, an event bus, or an "
                      "operation as arn:aws:scheduler:::aws-sdk:service:operation.")  # fmt: skip
    if action is not None and action.operation.startswith(READING):
        raise Invalid(f"{target['Arn']} is not a supported API: it only reads.")
    if arn is not None and arn.service == "events" and "EventBridgeParameters" not in target:
        raise Invalid("EventBridgeParameters must be specified for an event bus.")
    dead_letters = Arn.parse(target.get("DeadLetterConfig", {}).get("Arn", ""))
    if "DeadLetterConfig" in target and (dead_letters is None or dead_letters.service != "sqs"):
        raise Invalid("The dead-letter queue must be an SQS queue.")
    if action is not None or (arn is not None and arn.service == "events"):
        try:
            check_input({"Id": "target", "Input": target.get("Input", "{}")})
        except BadInput:
            raise Invalid("Input must be JSON for this target.") from None


def _arn(record: Record) -> str:
    group, _, name = record.name.partition("/")
    return schedule_arn(record.account, record.region, group, name)


def _place(record: Record) -> dict[str, Any]:
    group, _, name = record.name.partition("/")
    return {
        "Arn": _arn(record),
        "GroupName": group,
        "Name": name,
        "CreationDate": record.created,
        "LastModificationDate": record.modified,
    }


def _summary(record: Record) -> dict[str, Any]:
    return {**_place(record), "State": record.spec["State"], "Target": {"Arn": record.spec["Target"]["Arn"]}}
