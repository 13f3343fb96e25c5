"""Where buses and rules are found; the default bus is made when it is first asked for."""

from __future__ import annotations

from typing import Any

from clary.access.policy import Policy, parse
from clary.core.errors import AccessDenied
from clary.core.ids import Arn
from clary.resources.event_conditions import BadPattern
from clary.resources.event_patterns import compile_pattern
from clary.resources.event_rules import DEFAULT_BUS, EVENT_BUS, RULE, bus_arn
from clary.services.events.faults import InvalidPattern, NotFound
from clary.services.operation import Call, Params
from clary.store.records import NameTaken, Record, Records

PAGE_DEFAULT = 100


def bus_of(call: Call, request: Params, member: str = "EventBusName") -> Record:
    """Return the bus that a request names, by name or ARN, or raise NotFound."""
    text = request.get(member, DEFAULT_BUS)
    arn = Arn.parse(text)
    name = text if arn is None else arn.resource.removeprefix("event-bus/")
    if arn is not None and arn.account != call.account:
        action = f"{call.service}:{call.operation}"
        raise AccessDenied(
            f"User: {call.principal.arn} is not authorized to perform: {action} on resource: {text} "
            f"because no resource-based policy allows the {action} action"
        )
    if arn is not None and arn.region != call.region:
        raise NotFound(f"Event bus {text} does not exist.")
    return bus_named(call.store.records, name)


def bus_named(records: Records, name: str) -> Record:
    """Return a bus, or raise NotFound."""
    bus = records.find(EVENT_BUS, name)
    if bus is not None:
        return bus
    if name != DEFAULT_BUS:
        raise NotFound(f"Event bus {name} does not exist.")
    try:
        return records.create(EVENT_BUS, name, {})
    except NameTaken as taken:
        return taken.record


def rule_of(call: Call, request: Params, member: str = "Name") -> Record:
    """Return the rule that a request names, or raise NotFound."""
    bus = bus_of(call, request)
    rule = find_rule(call, bus, request[member])
    if rule is None:
        raise NotFound(f"Rule {request[member]} does not exist on EventBus {bus.name}.")
    return rule


def find_rule(call: Call, bus: Record, name: str) -> Record | None:
    """Return a rule of a bus, or None."""
    return call.store.records.find(RULE, f"{bus.name}/{name}")


def arn_of(bus: Record) -> str:
    """Return a bus's ARN."""
    return bus_arn(bus.account, bus.region, bus.name)


def policies_of(bus: Record | None) -> tuple[Policy, ...]:
    """Return what a bus says about who may put events on it."""
    policy = bus.spec.get("Policy") if bus is not None else None
    return (parse(policy, "resource"),) if policy else ()


def check_pattern(text: str) -> None:
    """Raise InvalidPattern unless a text is an event pattern."""
    try:
        compile_pattern(text)
    except BadPattern as wrong:
        raise InvalidPattern(wrong) from None


def present(**members: Any) -> dict[str, Any]:
    """Return the members that have a value."""
    return {name: value for name, value in members.items() if value is not None and value != ""}
