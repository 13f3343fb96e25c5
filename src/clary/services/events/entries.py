"""Events that clients send: each entry of a batch is judged by itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from clary.core.errors import AccessDenied
from clary.core.ids import Arn
from clary.resources.event import Arrival, Event, new_id
from clary.resources.event_rules import DEFAULT_BUS, EVENT_BUS, bus_arn
from clary.services.events.faults import Invalid
from clary.services.events.intake import Intake
from clary.services.events.reach import policies_of
from clary.services.operation import Call, Operations, Params, Platform, Result, operation
from clary.services.resource_policies import Guarded, authorise

BYTES_MAX = 256 * 1024
TIME_BYTES = 14
RESERVED = "aws."


class Refused(Exception):
    """An entry is not taken."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.told = {"ErrorCode": code, "ErrorMessage": message}


class Entries(Operations):
    """PutEvents."""

    def __init__(self, platform: Platform) -> None:
        super().__init__(platform)
        self._intake = Intake(platform.store)

    @operation("PutEvents")
    def put(self, call: Call, request: Params) -> Result:
        """Take up to ten events in; return an id or an error for each, in order."""
        if "EndpointId" in request:
            raise Invalid("EndpointId: global endpoints are not built in Clary yet.")
        if sum(map(_size, request["Entries"])) > BYTES_MAX:
            raise Invalid("Total size of the entries in the request is over the limit.")
        arrivals: list[Arrival] = []
        told: list[dict[str, str]] = []
        for entry in request["Entries"]:
            try:
                event = _event(call, entry)
                arrivals += self._arrivals(call, entry, event)
                told.append({"EventId": event.id})
            except Refused as refused:
                told.append(refused.told)
        self._intake.take(arrivals)
        return {"FailedEntryCount": sum("ErrorCode" in each for each in told), "Entries": told}

    def _arrivals(self, call: Call, entry: Params, event: Event) -> Iterator[Arrival]:
        """Give an event to its bus, if the caller may; one for a bus that is not there is taken and dropped."""
        text = entry.get("EventBusName", DEFAULT_BUS)
        arn = Arn.parse(text) or Arn.parse(bus_arn(call.account, call.region, text))
        assert arn is not None, "a bus is named by an ARN or makes one"
        name = arn.resource.removeprefix("event-bus/")
        bus = self.platform.store.records(arn.account, arn.region).find(EVENT_BUS, name)
        context = {"events:source": event.source, "events:detail-type": event.detail_type}
        try:
            authorise(call, "events:PutEvents", Guarded(str(arn), arn.account, policies_of(bus)), context)
        except AccessDenied as denied:
            raise AccessDenied(denied.message) from None
        if bus is not None or name == DEFAULT_BUS:
            yield Arrival(arn.account, arn.region, name, event.to_json())


def _event(call: Call, entry: Params) -> Event:
    for name in ("Source", "DetailType", "Detail"):
        if not entry.get(name):
            raise Refused("InvalidArgument", f"Parameter {name} is not valid. Reason: {name} is a required argument.")
    if entry["Source"].startswith(RESERVED):
        raise Refused("NotAuthorizedForSourceException", "Not authorized for the source.")
    at = entry.get("Time")
    return Event(
        id=new_id(),
        source=entry["Source"],
        detail_type=entry["DetailType"],
        account=call.account,
        region=call.region,
        at=call.now if at is None else at.timestamp(),
        detail=_detail(entry["Detail"]),
        resources=tuple(entry.get("Resources", ())),
    )


def _detail(text: str) -> str:
    """Return a detail that is a JSON object, as it was sent."""
    try:
        detail = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        detail = None
    if not isinstance(detail, dict):
        raise Refused("MalformedDetail", "Detail is malformed.")
    return text


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON")


def _size(entry: Params) -> int:
    """Return what an entry counts for; EventBridge user guide, «Calculating PutEvents event entry size»."""
    texts = (entry.get("Source", ""), entry.get("DetailType", ""), entry.get("Detail", ""), *entry.get("Resources", ()))
    return (TIME_BYTES if "Time" in entry else 0) + sum(len(text.encode()) for text in texts)
