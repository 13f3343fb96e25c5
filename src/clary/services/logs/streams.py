"""Log streams: the lines of one source, in order."""

from __future__ import annotations

from typing import Any

from clary.services.logs.faults import InvalidParameter, told
from clary.services.logs.names import named_group, stream_arn
from clary.services.operation import Call, Operations, Params, Result, operation
from clary.services.page_tokens import place_of, token_of
from clary.store.log_queries import StreamQuery
from clary.store.logs import LogStream

DESCRIBE_MAX = 50


class LogStreams(Operations):
    """Streams of a log group."""

    @operation("CreateLogStream")
    def create(self, call: Call, request: Params) -> Result:
        """Make a stream."""
        with told("log stream"):
            call.store.logs.create_stream(request["logGroupName"], request["logStreamName"])
        return None

    @operation("DeleteLogStream")
    def delete(self, call: Call, request: Params) -> Result:
        """Forget a stream with its events."""
        with told("log stream"):
            call.store.logs.delete_stream(request["logGroupName"], request["logStreamName"])
        return None

    @operation("DescribeLogStreams")
    def describe(self, call: Call, request: Params) -> Result:
        """Return streams by name or by the time of their last event; a token only if there are more."""
        group = named_group(call, request)
        by_time = request.get("orderBy") == "LastEventTime"
        prefix = request.get("logStreamNamePrefix", "")
        if by_time and prefix:
            raise InvalidParameter("Cannot order by LastEventTime with a logStreamNamePrefix.")
        query = StreamQuery(prefix, by_time, request.get("descending", False), _after(request))
        limit = request.get("limit", DESCRIBE_MAX)
        with told():
            streams = call.store.logs.streams(group, query, limit + 1)
        answer: dict[str, Any] = {"logStreams": [_described(call, group, stream) for stream in streams[:limit]]}
        if len(streams) > limit:
            last = streams[limit - 1]
            answer["nextToken"] = token_of(_bound(request), [last.last_ms, last.name])
        return answer


def _bound(request: Params) -> dict[str, Any]:
    return {name: value for name, value in request.items() if name not in ("nextToken", "limit")}


def _after(request: Params) -> tuple[int, str] | None:
    if "nextToken" not in request:
        return None
    with told():
        last_ms, name = place_of(_bound(request), request["nextToken"])
    return last_ms, name


def _described(call: Call, group: str, stream: LogStream) -> dict[str, Any]:
    described = {
        "logStreamName": stream.name,
        "creationTime": stream.created_ms,
        "arn": stream_arn(call, group, stream.name),
        "storedBytes": 0,  # AWS reports no sizes of streams since 2019
    }
    if stream.next_seq:
        described["uploadSequenceToken"] = f"{stream.next_seq:056d}"
        described["lastEventTimestamp"] = stream.last_ms
        described["lastIngestionTime"] = stream.ingested_ms
    if stream.first_ms <= stream.last_ms:
        described["firstEventTimestamp"] = stream.first_ms
    return described
