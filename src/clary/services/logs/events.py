"""Log events: put in batches, and read stream by stream in both directions."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from clary.services.logs.faults import InvalidParameter, told
from clary.services.logs.names import named_group
from clary.services.operation import Call, Operations, Params, Result, operation
from clary.store.log_events import Bounds, LogEvent, Position, Span, size_of
from clary.store.log_tables import END_MS

BATCH_BYTES_MAX = 1024 * 1024
PAGE = Bounds(events_max=10_000, bytes_max=1024 * 1024)
HOUR_MS = 3600 * 1000
DAY_MS = 24 * HOUR_MS
AHEAD_MS = 2 * HOUR_MS
OLD_MS = 14 * DAY_MS
TOKEN = re.compile(r"([fb])/(\d{1,19})-(\d{1,19})")


class LogEvents(Operations):
    """The lines of a log stream."""

    @operation("PutLogEvents")
    def put(self, call: Call, request: Params) -> Result:
        """Store a batch; what is too old, too new or expired is left out and named by index."""
        group, stream = request["logGroupName"], request["logStreamName"]
        events = [(event["timestamp"], event["message"]) for event in request["logEvents"]]
        _check_batch(events)
        with told():
            retention = call.store.logs.group(group).retention_days
            taken, rejected = _accepted([at for at, _ in events], int(call.now * 1000), retention)
            _check_time_span(events[taken])
            call.store.logs.append(group, stream, events[taken])
        answer: dict[str, Any] = {"nextSequenceToken": f"{int(call.now * 1000):056d}"}
        return answer | ({"rejectedLogEventsInfo": rejected} if rejected else {})

    @operation("GetLogEvents")
    def get(self, call: Call, request: Params) -> Result:
        """Return a page of a stream; at either end the token that came in goes out again."""
        group = named_group(call, request)
        span, start = _span(request)
        bounds = Bounds(request.get("limit", PAGE.events_max), PAGE.bytes_max)
        with told():
            events = call.store.logs.events(group, request["logStreamName"], span, bounds)
        if span.backward:
            events.reverse()
        first, behind = (events[0].position, events[-1].behind) if events else (start, start)
        return {
            "events": [output(event) for event in events],
            "nextForwardToken": f"f/{_text(behind)}",
            "nextBackwardToken": f"b/{_text(first)}",
        }


def output(event: LogEvent) -> dict[str, Any]:
    """Return an event as the API shows it."""
    return {"timestamp": event.at_ms, "message": event.message, "ingestionTime": event.ingested_ms}


def within(time_ms: int) -> int:
    """Return a time that the store can hold, the nearest to this one."""
    return min(time_ms, END_MS)


def _text(position: Position) -> str:
    """Return a position as text."""
    return f"{position.at_ms:019d}-{position.seq:019d}"


def _span(request: Params) -> tuple[Span, Position]:
    """Return which events a request wants, and the position that its answer starts from if there is none."""
    start = Position(within(request.get("startTime", 0)))
    end = Position(within(request.get("endTime", END_MS)))
    if "nextToken" not in request:
        return Span(start, end, backward=not request.get("startFromHead", False)), start
    match = TOKEN.fullmatch(request["nextToken"])
    if match is None:
        raise InvalidParameter("The specified nextToken is invalid.")
    direction, at_ms, seq = match.groups()
    place = Position(within(int(at_ms)), within(int(seq)))
    if direction == "b":
        return Span(start, min(end, place), backward=True), place
    return Span(max(start, place), end), place


def _check_batch(events: Sequence[tuple[int, str]]) -> None:
    sizes = [size_of(message) for _, message in events]
    largest = max(sizes)
    if largest > BATCH_BYTES_MAX:
        raise InvalidParameter(f"Log event too large: {largest} bytes exceeds limit of {BATCH_BYTES_MAX}")
    if sum(sizes) > BATCH_BYTES_MAX:
        raise InvalidParameter(f"Upload too large: {sum(sizes)} bytes exceeds limit of {BATCH_BYTES_MAX}")
    if any(before > after for (before, _), (after, _) in pairwise(events)):
        raise InvalidParameter("Log events in a single PutLogEvents request must be in chronological order.")


def _check_time_span(events: Sequence[tuple[int, str]]) -> None:
    if events and events[-1][0] - events[0][0] > DAY_MS:
        raise InvalidParameter(
            "The batch of log events in a single PutLogEvents request cannot span more than 24 hours."
        )


def _accepted(times: Sequence[int], now_ms: int, retention_days: int | None) -> tuple[slice, dict[str, int]]:
    """Return which events of an ordered batch are stored, and where the others are."""
    old = bisect_left(times, now_ms - OLD_MS)
    expired = 0 if retention_days is None else bisect_left(times, now_ms - retention_days * DAY_MS)
    new = bisect_right(times, now_ms + AHEAD_MS)
    rejected: dict[str, int] = {}
    if old:
        rejected["tooOldLogEventEndIndex"] = old
    if expired:
        rejected["expiredLogEventEndIndex"] = expired
    if new < len(times):
        rejected["tooNewLogEventStartIndex"] = new
    return slice(max(old, expired), new), rejected
