"""Rules: which events, or when; what becomes of them stands in their targets."""

from __future__ import annotations

from typing import Any

from clary.resources.event_rules import DEFAULT_BUS, DISABLED, ENABLED, RULE, Rule
from clary.resources.schedules import At, BadSchedule, parse
from clary.services.events.faults import Invalid, LimitExceeded
from clary.services.events.reach import (
    PAGE_DEFAULT,
    bus_of,
    check_pattern,
    find_rule,
    present,
    rule_of,
)
from clary.services.operation import Call, Operations, Params, Result, operation
from clary.services.record_tags import tag_attributes
from clary.store.query import Query
from clary.store.records import Change, Record

RULES_MAX = 300
KEPT = ("EventPattern", "ScheduleExpression", "Description", "RoleArn")


class Rules(Operations):
    """PutRule and its siblings."""

    @operation("PutRule")
    def put(self, call: Call, request: Params) -> Result:
        """Make a rule, or write one over; its targets and tags stay."""
        bus = bus_of(call, request)
        _check(bus, request)
        found = find_rule(call, bus, request["Name"])
        spec = {
            **present(**{name: request.get(name) for name in KEPT}),
            "State": request.get("State", ENABLED),
            "Targets": [] if found is None else found.spec["Targets"],
            "since": call.now,
        }
        if found is None:
            rule = self._create(call, bus, request, spec)
        else:
            rule = call.store.records.update(found, Change(spec={**spec, "since": _since(found, spec)}))
        return {"RuleArn": Rule.read(rule).arn}

    @operation("DescribeRule")
    def describe(self, call: Call, request: Params) -> Result:
        """Return a rule."""
        rule = rule_of(call, request)
        return {**_view(rule), "CreatedBy": rule.account}

    @operation("ListRules")
    def list(self, call: Call, request: Params) -> Result:
        """Return a page of a bus's rules by name."""
        bus = bus_of(call, request)
        query = Query(
            limit=request.get("Limit", PAGE_DEFAULT),
            token=request.get("NextToken", ""),
            name_prefix=f"{bus.name}/{request.get('NamePrefix', '')}",
        )
        page = call.store.records.page(RULE, query)
        return {"Rules": [_view(each) for each in page.items], **present(NextToken=page.next_token)}

    @operation("EnableRule")
    def enable(self, call: Call, request: Params) -> Result:
        """Turn a rule on."""
        return _turn(call, rule_of(call, request), State=ENABLED, since=call.now)

    @operation("DisableRule")
    def disable(self, call: Call, request: Params) -> Result:
        """Turn a rule off: it matches nothing and its schedule rests."""
        return _turn(call, rule_of(call, request), State=DISABLED)

    @operation("DeleteRule")
    def delete(self, call: Call, request: Params) -> Result:
        """Forget a rule without targets; one that is gone already is no mistake."""
        rule = find_rule(call, bus_of(call, request), request["Name"])
        if rule is None:
            return None
        if rule.spec["Targets"]:
            raise Invalid("Rule can't be deleted since it has targets.")
        call.store.records.remove(rule)
        return None

    def _create(self, call: Call, bus: Record, request: Params, spec: dict[str, Any]) -> Record:
        tags = tag_attributes(request.get("Tags", ()))
        with call.store.records.together() as records:
            rules = [each for each in records.children(bus.uid) if each.kind == str(RULE)]
            if len(rules) >= RULES_MAX:
                raise LimitExceeded
            return records.create(RULE, f"{bus.name}/{request['Name']}", spec, parent=bus.uid, attributes=tags)


def _check(bus: Record, request: Params) -> None:
    pattern, schedule = request.get("EventPattern"), request.get("ScheduleExpression")
    if not pattern and not schedule:
        raise Invalid("Parameter(s) EventPattern or ScheduleExpression must be specified.")
    if schedule:
        if bus.name != DEFAULT_BUS:
            raise Invalid("ScheduleExpression is supported only on the default event bus.")
        _check_schedule(schedule)
    if pattern:
        check_pattern(pattern)


def _check_schedule(expression: str) -> None:
    try:
        once = isinstance(parse(expression), At)
    except BadSchedule:
        once = True
    if once:  # rules know rates and cron expressions alone
        raise Invalid("Parameter ScheduleExpression is not valid.")


def _since(before: Record, spec: dict[str, Any]) -> float:
    """Return when a rule's schedule began to run: a change of anything else leaves it as it is."""
    same = all(before.spec.get(name) == spec.get(name) for name in ("ScheduleExpression", "State"))
    return float(before.spec["since"] if same else spec["since"])


def _turn(call: Call, rule: Record, **change: Any) -> Result:
    if rule.spec["State"] != change["State"]:
        call.store.records.update(rule, Change(spec={**rule.spec, **change}))
    return None


def _view(record: Record) -> dict[str, Any]:
    rule = Rule.read(record)
    kept = {name: record.spec.get(name) for name in KEPT}
    return {
        "Name": rule.name,
        "Arn": rule.arn,
        "State": record.spec["State"],
        "EventBusName": rule.bus,
        **present(**kept),
    }
