"""Searching the streams of a log group by filter pattern, interleaved by time."""

from __future__ import annotations

from typing import Any

from clary.services.logs.events import PAGE, output, within
from clary.services.logs.faults import InvalidParameter, told
from clary.services.logs.names import named_group
from clary.services.logs.patterns import parse
from clary.services.operation import Call, Operations, Params, Result, operation
from clary.services.page_tokens import place_of, token_of
from clary.store.log_events import Bounds, LogEvent, Position, Span
from clary.store.log_queries import Search
from clary.store.log_tables import END_MS

PAGING = ("nextToken", "limit", "startFromHead")


class Searches(Operations):
    """Searches of a log group."""

    @operation("FilterLogEvents")
    def filter(self, call: Call, request: Params) -> Result:
        """Return a page of matching events; an empty page with a token means that there is more to look at."""
        group = named_group(call, request)
        if request.get("logStreamNames") and request.get("logStreamNamePrefix"):
            raise InvalidParameter("Log stream names and log stream name prefix are mutually exclusive parameters.")
        matches = parse(request.get("filterPattern", ""))
        search = _search(request)
        bounds = Bounds(request.get("limit", PAGE.events_max), PAGE.bytes_max)
        with told():
            found = call.store.logs.search(group, search, matches, bounds)
        answer: dict[str, Any] = {
            "events": [
                {**output(event), "logStreamName": found.names[event.stream_id], "eventId": event_id(event)}
                for event in found.events
            ],
            "searchedLogStreams": [],
        }
        if found.stopped_at is not None:
            last = found.stopped_at
            place = [last.at_ms, last.stream_id, last.seq, search.span.backward]
            answer["nextToken"] = token_of(_bound(request), place)
        return answer


def event_id(event: LogEvent) -> str:
    """Return the number of an event: 56 digits, never the same twice."""
    return f"{event.at_ms:019d}{event.stream_id:018d}{event.seq:019d}"


def _search(request: Params) -> Search:
    backward = not request.get("startFromHead", True)
    after = None
    if "nextToken" in request:
        with told():
            *place, backward = place_of(_bound(request), request["nextToken"])
        after = (place[0], place[1], place[2])
    start = Position(within(request.get("startTime", 0)))
    end = Position(within(request.get("endTime", END_MS)) + 1)
    prefix = request.get("logStreamNamePrefix")
    return Search(Span(start, end, backward), request.get("logStreamNames", ()), (prefix,) if prefix else (), after)


def _bound(request: Params) -> dict[str, Any]:
    return {name: value for name, value in request.items() if name not in PAGING}
