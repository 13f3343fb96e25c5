"""Subscriptions: made, listed, described, changed and taken away."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from clary.access.principal import ANONYMOUS
from clary.core.ids import Arn
from clary.resources.topic import CONFIRMED, HTTP, PENDING, SUBSCRIPTION, topic_arn_of
from clary.services.operation import Call, Operations, Params, Result, operation
from clary.services.sns import filters
from clary.services.sns.confirmations import ask_to_confirm, bid_farewell
from clary.services.sns.faults import InvalidParameter, NotFound
from clary.services.sns.reach import arn_of, reach, same_subscription, subscription_of
from clary.services.sns.topics import checked_retries, document_of, is_fifo
from clary.store.query import Query
from clary.store.records import Change, Record

PAGE_MAX = 100
SETTABLE = ("DeliveryPolicy", "FilterPolicy", "FilterPolicyScope", "RawMessageDelivery", "RedrivePolicy")
SCOPES = ("MessageAttributes", "MessageBody")
Values = Mapping[str, str]


class Subscriptions(Operations):
    """Subscribe and its siblings."""

    @operation("Subscribe")
    def subscribe(self, call: Call, request: Params) -> Result:
        """Add a subscription; an endpoint that is not the caller's own queue must confirm it first."""
        topic = reach(self.platform, call, request["TopicArn"])
        protocol, endpoint = request["Protocol"], request.get("Endpoint", "")
        _check_endpoint(topic, protocol, endpoint)
        attributes = {name: value for name, value in request.get("Attributes", {}).items() if value}
        check(protocol, attributes)
        own = protocol == "sqs" and endpoint.split(":")[4] == call.account
        found = same_subscription(self.platform, topic, protocol, endpoint)
        if found is None:
            found = self._create(call, topic, (protocol, endpoint, attributes), confirmed=own)
        elif found.spec["Attributes"] != attributes:
            raise InvalidParameter("Attributes Reason: Subscription already exists with different attributes")
        if found.state == PENDING:
            ask_to_confirm(self.platform, call, topic, found)
        told = found.state == CONFIRMED or request.get("ReturnSubscriptionArn")
        return {"SubscriptionArn": arn_of(found) if told else "pending confirmation"}

    @operation("Unsubscribe")
    def unsubscribe(self, call: Call, request: Params) -> Result:
        """Take a subscription away; one that is gone already is no mistake."""
        try:
            found = subscription_of(self.platform, call, request["SubscriptionArn"])
        except NotFound:
            return None
        if call.principal is ANONYMOUS:  # a link may be followed by mistake
            bid_farewell(self.platform, call, found)
        self.platform.store.records(found.account, found.region).remove(found)
        return None

    @operation("ListSubscriptions")
    def list(self, call: Call, request: Params) -> Result:
        """Return the subscriptions to topics of this account, a hundred a page."""
        page = call.store.records.page(SUBSCRIPTION, Query(limit=PAGE_MAX, token=request.get("NextToken", "")))
        more = {"NextToken": page.next_token} if page.next_token else {}
        return {"Subscriptions": [_summary(each) for each in page.items], **more}

    @operation("ListSubscriptionsByTopic")
    def list_of_topic(self, call: Call, request: Params) -> Result:
        """Return the subscriptions of a topic, a hundred a page."""
        topic = reach(self.platform, call, request["TopicArn"])
        query = Query(limit=PAGE_MAX, token=request.get("NextToken", ""), name_prefix=f"{topic.name}:")
        page = self.platform.store.records(topic.account, topic.region).page(SUBSCRIPTION, query)
        more = {"NextToken": page.next_token} if page.next_token else {}
        return {"Subscriptions": [_summary(each) for each in page.items], **more}

    @operation("GetSubscriptionAttributes")
    def attributes(self, call: Call, request: Params) -> Result:
        """Return all attributes of a subscription."""
        found = subscription_of(self.platform, call, request["SubscriptionArn"])
        return {
            "Attributes": {
                **_summary(found),
                "SubscriptionArn": arn_of(found),
                "PendingConfirmation": "true" if found.state == PENDING else "false",
                "ConfirmationWasAuthenticated": "true" if found.status.get("Authenticated") else "false",
                "SubscriptionPrincipal": found.spec["Principal"],
                "RawMessageDelivery": "false",
                **({"FilterPolicyScope": SCOPES[0]} if "FilterPolicy" in found.spec["Attributes"] else {}),
                **found.spec["Attributes"],
            }
        }

    @operation("SetSubscriptionAttributes")
    def set_attribute(self, call: Call, request: Params) -> Result:
        """Set one attribute of a subscription, or take it away by an empty value."""
        found = subscription_of(self.platform, call, request["SubscriptionArn"])
        given = {**found.spec["Attributes"], request["AttributeName"]: request.get("AttributeValue", "")}
        attributes = {name: value for name, value in given.items() if value and value != "{}"}
        if request["AttributeName"] not in SETTABLE:
            raise InvalidParameter("AttributeName")
        check(found.spec["Protocol"], attributes)
        records = self.platform.store.records(found.account, found.region)
        records.update(found, Change(spec={**found.spec, "Attributes": attributes}))
        return None

    def _create(self, call: Call, topic: Record, told: tuple[str, str, Values], *, confirmed: bool) -> Record:
        protocol, endpoint, attributes = told
        return self.platform.store.records(topic.account, topic.region).create(
            SUBSCRIPTION,
            f"{topic.name}:{uuid.uuid4()}",
            {
                "Protocol": protocol,
                "Endpoint": endpoint,
                "Attributes": attributes,
                "Owner": call.account,
                "Principal": call.principal.arn,
            },
            status={"Authenticated": confirmed},
            state=CONFIRMED if confirmed else PENDING,
            parent=topic.uid,
        )


def check(protocol: str, attributes: Values) -> None:
    """Raise the ServiceError that AWS would unless a subscription may have these attributes."""
    for name, value in attributes.items():
        if name not in SETTABLE:
            raise InvalidParameter(f"Attributes Reason: Unknown attribute: {name}")
        if name == "RawMessageDelivery" and value.lower() not in ("true", "false"):
            raise InvalidParameter("Attributes Reason: RawMessageDelivery: Invalid value")
        if name == "FilterPolicyScope" and value not in SCOPES:
            raise InvalidParameter("Attributes Reason: FilterPolicyScope: Invalid value")
        if name == "FilterPolicy":
            filters.check(value, nested=attributes.get("FilterPolicyScope") == SCOPES[1])
        if name == "RedrivePolicy":
            _check_redrive(value)
        if name == "DeliveryPolicy":
            if protocol not in HTTP:
                raise InvalidParameter("Delivery policy is valid only for HTTP/S subscriptions")
            checked_retries(document_of(name, value).get("healthyRetryPolicy", {}))


def _check_redrive(text: str) -> None:
    arn = Arn.parse(str(document_of("RedrivePolicy", text).get("deadLetterTargetArn", "")))
    if arn is None or arn.service != "sqs":
        raise InvalidParameter("RedrivePolicy: deadLetterTargetArn is an invalid arn")


def _check_endpoint(topic: Record, protocol: str, endpoint: str) -> None:
    if protocol in HTTP:
        if urlsplit(endpoint).scheme != protocol or not urlsplit(endpoint).hostname:
            raise InvalidParameter("Endpoint must match the specified protocol")
        if is_fifo(topic):
            raise InvalidParameter("Invalid protocol type: FIFO topics deliver to SQS queues alone")
    elif protocol == "sqs":
        arn = Arn.parse(endpoint)
        if arn is None or arn.service != "sqs":
            raise InvalidParameter("SQS endpoint ARN")
        if arn.resource.endswith(".fifo") and not is_fifo(topic):
            raise InvalidParameter("Endpoint Reason: FIFO SQS Queues can not be subscribed to standard SNS topics")
    else:
        raise InvalidParameter(f"Protocol {protocol} is not supported yet: Clary delivers to http, https and sqs")


def _summary(found: Record) -> dict[str, Any]:
    arn = arn_of(found)
    return {
        "SubscriptionArn": arn if found.state == CONFIRMED else "PendingConfirmation",
        "Owner": found.spec["Owner"],
        "Protocol": found.spec["Protocol"],
        "Endpoint": found.spec["Endpoint"],
        "TopicArn": topic_arn_of(arn),
    }


def confirmed_of(records: Any, topic: Record) -> Iterator[Record]:
    """Give the subscriptions of a topic that get its messages."""
    return (each for each in records.children(topic.uid) if each.state == CONFIRMED)
