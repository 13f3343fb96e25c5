"""Live tails: events sent as they arrive, once a second, for three hours at most."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from clary.core.errors import ServiceError
from clary.core.ids import uid
from clary.services.logs.events import output
from clary.services.logs.faults import InvalidParameter, told
from clary.services.logs.names import group_arn, group_of
from clary.services.logs.patterns import parse
from clary.services.logs.patterns.conditions import Matches
from clary.services.operation import Call, Operations, Params, Result, operation
from clary.store.logs import Logs

UPDATE_S = 1.0
UPDATES_MAX = 3 * 3600
UPDATE_EVENTS_MAX = 500


@dataclass(frozen=True, slots=True)
class Tail:
    """What a session follows: groups by ARN, streams of them, and a filter."""

    logs: Logs
    groups: Mapping[str, str]
    names: Sequence[str]
    prefixes: Sequence[str]
    matches: Matches


class LiveTails(Operations):
    """Sessions that follow log groups."""

    @operation("StartLiveTail")
    def start(self, call: Call, request: Params) -> Result:
        """Return a stream of updates; it ends with SessionTimeoutException if the client does not end it."""
        names, prefixes = request.get("logStreamNames", ()), request.get("logStreamNamePrefixes", ())
        if names and prefixes:
            raise InvalidParameter("Log stream names and log stream name prefixes are mutually exclusive parameters.")
        groups = [group_of(call, each) for each in request["logGroupIdentifiers"]]
        if (names or prefixes) and len(groups) > 1:
            raise InvalidParameter("Log streams can be chosen only if a single log group is.")
        tail = Tail(
            logs=call.store.logs,
            groups={group_arn(call, group): group for group in groups},
            names=names,
            prefixes=prefixes,
            matches=parse(request.get("logEventFilterPattern", "")),
        )
        began = {"requestId": call.request_id, "sessionId": uid(), **request}
        with told():
            counts = {arn: _counts(tail, group) for arn, group in tail.groups.items()}
        return {"responseStream": session(tail, counts, began, time.sleep)}


def session(
    tail: Tail,
    counts: dict[str, Mapping[int, int]],
    began: Mapping[str, Any],
    pause: Callable[[float], None],
    updates_max: int = UPDATES_MAX,
) -> Iterator[dict[str, Any]]:
    """Give the events of a session: its start, then an update after each pause, from `counts` on."""
    yield {"sessionStart": began}
    for _ in range(updates_max):
        pause(UPDATE_S)
        with told():
            yield {"sessionUpdate": _update(tail, counts)}
    raise ServiceError("The session has timed out.", code="SessionTimeoutException", status=400)


def _counts(tail: Tail, group: str) -> Mapping[int, int]:
    return tail.logs.arrivals(group, None, tail.names, tail.prefixes, UPDATE_EVENTS_MAX).counts


def _update(tail: Tail, counts: dict[str, Mapping[int, int]]) -> dict[str, Any]:
    """Return what arrived since, thinned out evenly where it is too much, and move the counts on."""
    results: list[dict[str, Any]] = []
    for arn, group in tail.groups.items():
        found = tail.logs.arrivals(group, counts[arn], tail.names, tail.prefixes, UPDATE_EVENTS_MAX + 1)
        counts[arn] = found.counts
        for event in found.events:
            if tail.matches(event.message):
                name = found.names[event.stream_id]
                results.append({**output(event), "logStreamName": name, "logGroupIdentifier": _identifier(arn)})
    step = -(-len(results) // UPDATE_EVENTS_MAX) or 1
    return {"sessionMetadata": {"sampled": step > 1}, "sessionResults": results[::step]}


def _identifier(arn: str) -> str:
    """Return a group as live tails name it: account and name."""
    _, _, _, _, account, _, name = arn.split(":", 6)
    return f"{account}:{name}"
