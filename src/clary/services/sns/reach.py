"""Where topics and subscriptions are found, and who may do what with them."""

from __future__ import annotations

import json
from typing import Any

from clary.access.policy import parse
from clary.access.principal import ANONYMOUS
from clary.core.ids import Arn
from clary.resources.topic import HTTP, SUBSCRIPTION, TOPIC, name_of
from clary.services.operation import Call, Platform
from clary.services.resource_policies import Guarded, authorise
from clary.services.sns.faults import InvalidParameter, NotFound
from clary.store.records import Record

ACTIONS = ("GetTopicAttributes", "SetTopicAttributes", "AddPermission", "RemovePermission", "DeleteTopic",
           "Subscribe", "ListSubscriptionsByTopic", "Publish")  # fmt: skip


def reach(platform: Platform, call: Call, text: str) -> Record:
    """Return the topic of an ARN if the caller may do to it what it calls for; else raise a ServiceError."""
    arn = Arn.parse(text)
    if arn is None or arn.service != "sns" or ":" in arn.resource:
        raise InvalidParameter(f"TopicArn Reason: An ARN must have at least 6 elements, not {text.count(':') + 1}")
    if arn.region != call.region:
        raise InvalidParameter("TopicArn")
    topic = platform.store.records(arn.account, arn.region).find(TOPIC, arn.resource)
    policies = (parse(policy_of(topic), "resource"),) if topic else ()
    source = call.principal.source_arn.split(":")
    owner = source[4] if len(source) > 4 else call.principal.account
    action = f"sns:{call.operation.removesuffix('Batch')}"
    authorise(call, action, Guarded(text, arn.account, policies), {"aws:sourceowner": owner})
    if topic is None or topic.deleting:
        raise NotFound
    return topic


def subscription_of(platform: Platform, call: Call, text: str) -> Record:
    """Return the subscription of an ARN, which its topic's owner and its own may touch; else raise a ServiceError."""
    name, arn = name_of(text), Arn.parse(text)
    if arn is None or name.count(":") != 1:
        raise InvalidParameter("SubscriptionArn")
    found = platform.store.records(arn.account, arn.region).find(SUBSCRIPTION, name)
    owner = arn.account if found is None or call.account == arn.account else found.spec["Owner"]
    if found is not None and call.principal is ANONYMOUS and _may_be_left(found):
        return found
    authorise(call, f"sns:{call.operation}", Guarded(text, owner))
    if found is None:
        raise NotFound("Subscription")
    return found


def same_subscription(platform: Platform, topic: Record, protocol: str, endpoint: str) -> Record | None:
    """Return the subscription of a topic that goes to an endpoint, if there is one."""
    children = platform.store.records(topic.account, topic.region).children(topic.uid)
    same = (each for each in children if (each.spec["Protocol"], each.spec["Endpoint"]) == (protocol, endpoint))
    return next(same, None)


def _may_be_left(subscription: Record) -> bool:
    """Tell whether the link in a subscription's messages is enough to end it."""
    return subscription.spec["Protocol"] in HTTP and not subscription.status.get("Authenticated")


def arn_of(record: Record) -> str:
    """Return the ARN of a topic or subscription."""
    return f"arn:aws:sns:{record.region}:{record.account}:{record.name}"


def policy_of(topic: Record) -> str:
    """Return a topic's policy: its own, or that every new topic has."""
    own: str = topic.spec["Attributes"].get("Policy", "")
    return own or json.dumps(default_policy(topic))


def default_policy(topic: Record) -> dict[str, Any]:
    """Return the policy that lets its owner, and services that act for it, do everything."""
    return {
        "Version": "2008-10-17",
        "Id": "__default_policy_ID",
        "Statement": [
            {
                "Sid": "__default_statement_ID",
                "Effect": "Allow",
                "Principal": {"AWS": "*"},
                "Action": [f"SNS:{action}" for action in ACTIONS],
                "Resource": arn_of(topic),
                "Condition": {"StringEquals": {"AWS:SourceOwner": topic.account}},
            }
        ],
    }
