"""Event buses: made, listed, described, changed and deleted."""

from __future__ import annotations

import re
from typing import Any

from clary.resources.event_rules import DEFAULT_BUS, EVENT_BUS
from clary.services.events.faults import AlreadyExists, Invalid, LimitExceeded, NotFound
from clary.services.events.reach import PAGE_DEFAULT, arn_of, bus_named, bus_of, present
from clary.services.operation import Call, Operations, Params, Result, operation
from clary.services.record_tags import tag_attributes
from clary.store.query import Query
from clary.store.records import Change, NameTaken, Record

BUSES_MAX = 100
NAME = re.compile(r"[.\-_A-Za-z0-9]{1,256}")
PARTNER = "aws."
KEPT = ("Description", "DeadLetterConfig")


class Buses(Operations):
    """CreateEventBus and its siblings."""

    @operation("CreateEventBus")
    def create(self, call: Call, request: Params) -> Result:
        """Make a bus."""
        name = request["Name"]
        _check(request)
        if "EventSourceName" in request or name.startswith(PARTNER):
            raise NotFound(f"Event source {request.get('EventSourceName', name)} does not exist.")
        if not NAME.fullmatch(name):
            raise Invalid(f"Event bus name {name} must be letters, digits, periods, hyphens and underscores.")
        bus_named(call.store.records, DEFAULT_BUS)
        tags = tag_attributes(request.get("Tags", ()))
        with call.store.records.together() as records:
            if len(records.page(EVENT_BUS, Query(limit=BUSES_MAX)).items) == BUSES_MAX:
                raise LimitExceeded
            try:
                bus = records.create(EVENT_BUS, name, _kept(request), attributes=tags)
            except NameTaken:
                raise AlreadyExists(f"Event bus {name} already exists.") from None
        return {"EventBusArn": arn_of(bus), **_kept(request)}

    @operation("DescribeEventBus")
    def describe(self, call: Call, request: Params) -> Result:
        """Return a bus, the default one if none is named."""
        return _view(bus_of(call, request, "Name"))

    @operation("ListEventBuses")
    def list(self, call: Call, request: Params) -> Result:
        """Return a page of buses by name."""
        bus_named(call.store.records, DEFAULT_BUS)
        query = Query(
            limit=request.get("Limit", PAGE_DEFAULT),
            token=request.get("NextToken", ""),
            name_prefix=request.get("NamePrefix", ""),
        )
        page = call.store.records.page(EVENT_BUS, query)
        return {"EventBuses": [_view(each) for each in page.items], **present(NextToken=page.next_token)}

    @operation("UpdateEventBus")
    def update(self, call: Call, request: Params) -> Result:
        """Change what is given of a bus."""
        _check(request)
        bus = bus_of(call, request, "Name")
        bus = call.store.records.update(bus, Change(spec={**bus.spec, **_kept(request)}))
        return {"Arn": arn_of(bus), "Name": bus.name, **_kept(bus.spec)}

    @operation("DeleteEventBus")
    def delete(self, call: Call, request: Params) -> Result:
        """Forget a bus that nothing is made on; one that is gone already is no mistake."""
        if request["Name"] == DEFAULT_BUS:
            raise Invalid(f"Cannot delete event bus {DEFAULT_BUS}.")
        with call.store.records.together() as records:
            bus = records.find(EVENT_BUS, request["Name"])
            if bus is None:
                return None
            if records.children(bus.uid):
                raise Invalid(f"Event bus {bus.name} can't be deleted since it has rules.")
            records.remove(bus)
        return None


def _check(request: Params) -> None:
    if request.get("KmsKeyIdentifier"):
        raise Invalid("KmsKeyIdentifier is not built in Clary yet; events are sealed at rest under Clary's own key.")
    if request.get("LogConfig", {}).get("Level", "OFF") != "OFF":
        raise Invalid("LogConfig is not built in Clary yet.")


def _kept(request: Params) -> dict[str, Any]:
    return {name: request[name] for name in KEPT if name in request}


def _view(bus: Record) -> dict[str, Any]:
    return {
        "Name": bus.name,
        "Arn": arn_of(bus),
        **_kept(bus.spec),
        **present(Policy=bus.spec.get("Policy")),
        "CreationTime": bus.created,
        "LastModifiedTime": bus.modified,
    }
