"""Who else may put events on a bus: the statements of its policy."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from clary.access.policy import MalformedPolicy, parse
from clary.services.events.faults import Invalid, NotFound, PolicyTooLong
from clary.services.events.reach import arn_of, bus_of
from clary.services.operation import Call, Operations, Params, Result, operation
from clary.store.records import Change, Record

ACTION = "events:PutEvents"
POLICY_BYTES_MAX = 10_240
VERSION = "2012-10-17"


class Permissions(Operations):
    """PutPermission and RemovePermission."""

    @operation("PutPermission")
    def put(self, call: Call, request: Params) -> Result:
        """Give a bus a policy, or its policy another statement; one of the same id is replaced."""
        bus = bus_of(call, request)
        if "Policy" in request:
            policy = _read(request["Policy"])
        else:
            statement = _statement(bus, request)
            others = [each for each in _statements(bus) if each.get("Sid") != statement["Sid"]]
            policy = {"Version": VERSION, "Statement": [*others, statement]}
        _write(call, bus, policy)
        return None

    @operation("RemovePermission")
    def remove(self, call: Call, request: Params) -> Result:
        """Take a statement away, or all of them."""
        bus = bus_of(call, request)
        if request.get("RemoveAllPermissions"):
            _write(call, bus, {})
            return None
        if "StatementId" not in request:
            raise Invalid("Parameter StatementId must be specified.")
        left = [each for each in _statements(bus) if each.get("Sid") != request["StatementId"]]
        if "Policy" not in bus.spec:
            raise NotFound("EventBus does not have a policy.")
        if len(left) == len(_statements(bus)):
            raise NotFound("Statement with the provided id does not exist.")
        _write(call, bus, {"Version": VERSION, "Statement": left} if left else {})
        return None


def _statement(bus: Record, request: Params) -> dict[str, Any]:
    missing = [name for name in ("Action", "Principal", "StatementId") if name not in request]
    if missing:
        raise Invalid(f"Parameter(s) {', '.join(missing)} must be specified.")
    if request["Action"] != ACTION:
        raise Invalid("Provided value in parameter 'action' is not supported.")
    principal = request["Principal"]
    statement = {
        "Sid": request["StatementId"],
        "Effect": "Allow",
        "Principal": principal if principal == "*" else {"AWS": f"arn:aws:iam::{principal}:root"},
        "Action": ACTION,
        "Resource": arn_of(bus),
    }
    if "Condition" in request:
        condition = request["Condition"]
        statement["Condition"] = {condition["Type"]: {condition["Key"]: condition["Value"]}}
    return statement


def _statements(bus: Record) -> list[dict[str, Any]]:
    found = json.loads(bus.spec["Policy"])["Statement"] if "Policy" in bus.spec else []
    return found if isinstance(found, list) else [found]


def _read(text: str) -> Mapping[str, Any]:
    try:
        parse(text, "resource")
    except MalformedPolicy as wrong:
        raise Invalid(f"Invalid policy: {wrong}") from None
    policy: Mapping[str, Any] = json.loads(text)
    return policy


def _write(call: Call, bus: Record, policy: Mapping[str, Any]) -> None:
    text = json.dumps(policy)
    if len(text) > POLICY_BYTES_MAX:
        raise PolicyTooLong("The policy of the event bus is too long.")
    spec = {name: value for name, value in bus.spec.items() if name != "Policy"}
    call.store.records.update(bus, Change(spec={**spec, "Policy": text} if policy else spec))
