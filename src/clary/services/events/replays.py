"""Replays: what an archive holds of some time comes to its bus again; a controller sees to it."""

from __future__ import annotations

from typing import Any

from clary.core.ids import Arn, arn
from clary.resources.event_rules import REPLAY, ReplayState, record_name
from clary.services.events.archives import find_archive
from clary.services.events.faults import AlreadyExists, IllegalStatus, Invalid, LimitExceeded, NotFound
from clary.services.events.reach import PAGE_DEFAULT, bus_named, find_rule, present
from clary.services.operation import Call, Operations, Params, Result, operation
from clary.store.query import Query
from clary.store.records import Change, NameTaken, Record

ACTIVE_MAX = 10
ACTIVE = (ReplayState.STARTING, ReplayState.RUNNING)


class Replays(Operations):
    """StartReplay and its siblings."""

    @operation("StartReplay")
    def start(self, call: Call, request: Params) -> Result:
        """Ask for a replay."""
        source, destination = Arn.parse(request["EventSourceArn"]), request["Destination"]
        archive = find_archive(call, source.resource.removeprefix("archive/") if source else request["EventSourceArn"])
        _check(call, archive, request)
        spec = {
            "Description": request.get("Description", ""),
            "EventSourceArn": request["EventSourceArn"],
            "archive": archive.uid,
            "Destination": destination,
            "EventStartTime": request["EventStartTime"].timestamp(),
            "EventEndTime": request["EventEndTime"].timestamp(),
        }
        with call.store.records.together() as records:
            if len(records.page(REPLAY, Query(limit=ACTIVE_MAX, states=ACTIVE)).items) == ACTIVE_MAX:
                raise LimitExceeded
            try:
                replay = records.create(
                    REPLAY,
                    request["ReplayName"],
                    spec,
                    state=ReplayState.STARTING,
                    attributes={"source": spec["EventSourceArn"]},
                )
            except NameTaken:
                raise AlreadyExists(f"Replay {request['ReplayName']} already exists.") from None
        return {"ReplayArn": _arn(replay), "State": replay.state, "ReplayStartTime": replay.created}

    @operation("DescribeReplay")
    def describe(self, call: Call, request: Params) -> Result:
        """Return a replay, and how far it got."""
        replay = _find(call, request["ReplayName"])
        return {
            "ReplayArn": _arn(replay),
            **_view(replay),
            **present(Description=replay.spec["Description"]),
            "Destination": replay.spec["Destination"],
        }

    @operation("ListReplays")
    def list(self, call: Call, request: Params) -> Result:
        """Return a page of replays by name."""
        if sum(name in request for name in ("NamePrefix", "EventSourceArn", "State")) > 1:
            raise Invalid("At most one filter is allowed for ListReplays. Use either : State, EventSourceArn, or "
                          "NamePrefix.")  # fmt: skip
        query = Query(
            limit=request.get("Limit", PAGE_DEFAULT),
            token=request.get("NextToken", ""),
            name_prefix=request.get("NamePrefix", ""),
            states=[request["State"]] if "State" in request else (),
            attributes={"source": request["EventSourceArn"]} if "EventSourceArn" in request else {},
        )
        page = call.store.records.page(REPLAY, query)
        return {"Replays": [_view(each) for each in page.items], **present(NextToken=page.next_token)}

    @operation("CancelReplay")
    def cancel(self, call: Call, request: Params) -> Result:
        """Ask for a replay to end."""
        replay = _find(call, request["ReplayName"])
        if replay.state not in ACTIVE:
            raise IllegalStatus(f"Replay {replay.name} is not in a valid state for this operation.")
        replay = call.store.records.update(replay, Change(state=ReplayState.CANCELLING))
        return {"ReplayArn": _arn(replay), "State": replay.state}


def _check(call: Call, archive: Record, request: Params) -> None:
    destination = request["Destination"]
    if destination["Arn"] != archive.spec["EventSourceArn"]:
        raise Invalid("Parameter Destination.Arn is not valid. Reason: Cross event bus replay is not permitted.")
    if request["EventStartTime"] >= request["EventEndTime"]:
        raise Invalid("Parameter EventEndTime is not valid. Reason: EventStartTime must be before EventEndTime.")
    for text in destination.get("FilterArns", ()):
        rule = Arn.parse(text)
        if rule is None or not rule.resource.startswith("rule/"):
            raise Invalid(f"Parameter Destination.FilterArns is not valid. Reason: {text} is no rule.")
        bus, _, name = record_name(rule).partition("/")
        if find_rule(call, bus_named(call.store.records, bus), name) is None:
            raise NotFound(f"Rule {name} does not exist on EventBus {bus}.")


def _find(call: Call, name: str) -> Record:
    replay = call.store.records.find(REPLAY, name)
    if replay is None:
        raise NotFound(f"Replay {name} does not exist.")
    return replay


def _arn(replay: Record) -> str:
    return arn("events", replay.region, replay.account, f"replay/{replay.name}")


def _view(replay: Record) -> dict[str, Any]:
    return {
        "ReplayName": replay.name,
        "EventSourceArn": replay.spec["EventSourceArn"],
        "State": replay.state,
        "EventStartTime": replay.spec["EventStartTime"],
        "EventEndTime": replay.spec["EventEndTime"],
        "ReplayStartTime": replay.created,
        **present(
            StateReason=replay.status.get("reason"),
            EventLastReplayedTime=replay.status.get("last"),
            ReplayEndTime=replay.status.get("ended"),
        ),
    }
