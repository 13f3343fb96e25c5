"""Permissions by account and action: statements of the queue's own policy."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from clary.services.operation import Call, Operations, Params, Result, operation
from clary.services.sqs.addresses import reach
from clary.services.sqs.faults import InvalidValue
from clary.store.queues import Queue

LABEL = re.compile(r"[A-Za-z0-9_-]{1,80}")
ACTIONS = (
    "*", "SendMessage", "ReceiveMessage", "DeleteMessage", "ChangeMessageVisibility", "GetQueueAttributes",
    "GetQueueUrl", "ListDeadLetterSourceQueues", "PurgeQueue",
)  # fmt: skip
STATEMENTS_MAX = 7
VERSION = "2012-10-17"


class Permissions(Operations):
    """AddPermission and RemovePermission."""

    @operation("AddPermission")
    def add(self, call: Call, request: Params) -> Result:
        """Allow actions to accounts, under a label."""
        queue = reach(self.platform, call, request["QueueUrl"])
        statement = _statement(queue, request)

        def added(policy: dict[str, Any]) -> dict[str, Any]:
            if any(each.get("Sid") == statement["Sid"] for each in policy["Statement"]):
                raise InvalidValue(f"Value {statement['Sid']} for parameter Label is invalid. Reason: Already exists.")
            if len(policy["Statement"]) >= STATEMENTS_MAX:
                raise InvalidValue(
                    f"The policy holds {STATEMENTS_MAX} statements at most.", code="OverLimit", status=403
                )
            return {**policy, "Statement": [*policy["Statement"], statement]}

        self._change(queue, added)
        return None

    @operation("RemovePermission")
    def remove(self, call: Call, request: Params) -> Result:
        """Take the statement of a label away."""
        queue = reach(self.platform, call, request["QueueUrl"])
        label = request["Label"]

        def removed(policy: dict[str, Any]) -> dict[str, Any]:
            left = [each for each in policy["Statement"] if each.get("Sid") != label]
            if len(left) == len(policy["Statement"]):
                raise InvalidValue(f"Value {label} for parameter Label is invalid. Reason: can't find label.")
            return {**policy, "Statement": left}

        self._change(queue, removed)
        return None

    def _change(self, queue: Queue, make: Any) -> None:
        def changed(attributes: Mapping[str, str]) -> Mapping[str, str]:
            policy = make(_policy(queue, attributes.get("Policy")))
            others = {name: value for name, value in attributes.items() if name != "Policy"}
            return {**others, "Policy": json.dumps(policy)} if policy["Statement"] else others

        self.platform.store.queues(queue.account, queue.region).change(queue, attributes=changed)


def _policy(queue: Queue, text: str | None) -> dict[str, Any]:
    if not text:
        return {"Version": VERSION, "Id": f"{queue.arn}/SQSDefaultPolicy", "Statement": []}
    policy = json.loads(text)
    statements = policy["Statement"]
    return {**policy, "Statement": statements if isinstance(statements, list) else [statements]}


def _statement(queue: Queue, request: Params) -> dict[str, Any]:
    if not LABEL.fullmatch(request["Label"]):
        raise InvalidValue(f"Value {request['Label']} for parameter Label is invalid.")
    for action in request["Actions"]:
        if action not in ACTIONS:
            raise InvalidValue(f"Value SQS:{action} for parameter ActionName is invalid. Reason: Please refer to the "
                               "appropriate WSDL for a list of valid actions.")  # fmt: skip
    accounts = request["AWSAccountIds"]
    if not accounts or not all(re.fullmatch(r"\d{12}", each) for each in accounts):
        raise InvalidValue(f"Value {accounts} for parameter PrincipalId is invalid. Reason: Unable to verify.")
    return {
        "Sid": request["Label"],
        "Effect": "Allow",
        "Principal": {"AWS": [f"arn:aws:iam::{each}:root" for each in accounts]},
        "Action": [f"SQS:{each}" for each in request["Actions"]],
        "Resource": queue.arn,
    }
