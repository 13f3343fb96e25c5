"""Permissions by account and action: statements of the topic's own policy."""

from __future__ import annotations

import json
import re
from typing import Any

from clary.services.operation import Call, Operations, Params, Result, operation
from clary.services.sns.faults import InvalidParameter, NotFound
from clary.services.sns.reach import ACTIONS, arn_of, policy_of, reach
from clary.store.records import Change, Record


class Permissions(Operations):
    """AddPermission and RemovePermission."""

    @operation("AddPermission")
    def add(self, call: Call, request: Params) -> Result:
        """Allow actions to accounts, under a label."""
        topic = reach(self.platform, call, request["TopicArn"])
        policy = json.loads(policy_of(topic))
        accounts, actions = request["AWSAccountId"], request["ActionName"]
        if any(each.get("Sid") == request["Label"] for each in policy["Statement"]):
            raise InvalidParameter("Statement already exists")
        if not accounts or not all(re.fullmatch(r"\d{12}", each) for each in accounts):
            raise InvalidParameter("Policy Error: PrincipalNotFound")
        if not actions or not set(actions) <= {"*", *ACTIONS}:
            raise InvalidParameter("Policy statement action out of service scope!")
        statement = {
            "Sid": request["Label"],
            "Effect": "Allow",
            "Principal": {"AWS": [f"arn:aws:iam::{each}:root" for each in accounts]},
            "Action": [f"SNS:{each}" for each in actions],
            "Resource": arn_of(topic),
        }
        self._set(topic, {**policy, "Statement": [*policy["Statement"], statement]})
        return None

    @operation("RemovePermission")
    def remove(self, call: Call, request: Params) -> Result:
        """Take the statement of a label away."""
        topic = reach(self.platform, call, request["TopicArn"])
        policy = json.loads(policy_of(topic))
        left = [each for each in policy["Statement"] if each.get("Sid") != request["Label"]]
        if len(left) == len(policy["Statement"]):
            raise NotFound("Statement")
        self._set(topic, {**policy, "Statement": left} if left else {})
        return None

    def _set(self, topic: Record, policy: dict[str, Any]) -> None:
        attributes = {**topic.spec["Attributes"], "Policy": json.dumps(policy) if policy else ""}
        records = self.platform.store.records(topic.account, topic.region)
        records.update(topic, Change(spec={**topic.spec, "Attributes": attributes}))
