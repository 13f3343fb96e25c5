"""Topics: made, listed, described, changed and deleted."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from clary.access.policy import MalformedPolicy, parse
from clary.core.errors import ServiceError
from clary.resources.topic import CONFIRMED, PENDING, TOPIC, Retries
from clary.services.operation import Call, Operations, Params, Result, operation
from clary.services.sns.faults import InvalidParameter, NotFound
from clary.services.sns.reach import arn_of, policy_of, reach
from clary.services.sns.tags import tag_attributes
from clary.store.notary import VERSIONS
from clary.store.query import Query
from clary.store.records import Change, NameTaken, Record

NAME = re.compile(r"[A-Za-z0-9_-]{1,256}|[A-Za-z0-9_-]{1,251}\.fifo")
PAGE_MAX = 100
SETTABLE = ("DisplayName", "Policy", "DeliveryPolicy", "ContentBasedDeduplication", "FifoThroughputScope",
            "TracingConfig", "SignatureVersion")  # fmt: skip


class Topics(Operations):
    """CreateTopic and its siblings."""

    @operation("CreateTopic")
    def create(self, call: Call, request: Params) -> Result:
        """Make a topic; the same request again returns the same topic."""
        name, attributes = request["Name"], dict(request.get("Attributes", {}))
        fifo = attributes.get("FifoTopic") == "true"
        if not NAME.fullmatch(name) or fifo is not name.endswith(".fifo"):
            raise InvalidParameter("Topic Name")
        for attribute, value in attributes.items():
            if attribute != "FifoTopic":
                _check(attribute, value, fifo=fifo)
        tags = tag_attributes(request.get("Tags", ()))
        try:
            topic = call.store.records.create(TOPIC, name, {"Attributes": attributes}, attributes=tags)
        except NameTaken as taken:
            topic = taken.record
            if any(topic.spec["Attributes"].get(key) != value for key, value in attributes.items()):
                raise InvalidParameter("Attributes Reason: Topic already exists with different attributes") from None
            if tags and call.store.records.attributes(topic.uid) != tags:
                raise InvalidParameter("Tags Reason: Topic already exists with different tags") from None
        return {"TopicArn": arn_of(topic)}

    @operation("DeleteTopic")
    def delete(self, call: Call, request: Params) -> Result:
        """Forget a topic and its subscriptions; deleting one that is gone is no mistake."""
        try:
            topic = reach(self.platform, call, request["TopicArn"])
        except NotFound:
            return None
        with self.platform.store.records(topic.account, topic.region).together() as records:
            for subscription in records.children(topic.uid):
                records.remove(subscription)
            records.remove(topic)
        return None

    @operation("ListTopics")
    def list(self, call: Call, request: Params) -> Result:
        """Return the ARNs of topics, a hundred a page."""
        page = call.store.records.page(TOPIC, Query(limit=PAGE_MAX, token=request.get("NextToken", "")))
        more = {"NextToken": page.next_token} if page.next_token else {}
        return {"Topics": [{"TopicArn": arn_of(each)} for each in page.items], **more}

    @operation("GetTopicAttributes")
    def attributes(self, call: Call, request: Params) -> Result:
        """Return all attributes of a topic."""
        topic = reach(self.platform, call, request["TopicArn"])
        children = self.platform.store.records(topic.account, topic.region).children(topic.uid)
        states = [each.state for each in children]
        effective = {"http": {"defaultHealthyRetryPolicy": _defaults(), "disableSubscriptionOverrides": False}}
        return {
            "Attributes": {
                "TopicArn": arn_of(topic),
                "Owner": topic.account,
                "DisplayName": "",
                "EffectiveDeliveryPolicy": topic.spec["Attributes"].get("DeliveryPolicy") or json.dumps(effective),
                "SubscriptionsConfirmed": str(states.count(CONFIRMED)),
                "SubscriptionsPending": str(states.count(PENDING)),
                "SubscriptionsDeleted": "0",
                **({"ContentBasedDeduplication": "false"} if is_fifo(topic) else {}),
                **topic.spec["Attributes"],
                "Policy": policy_of(topic),
            }
        }

    @operation("SetTopicAttributes")
    def set_attribute(self, call: Call, request: Params) -> Result:
        """Set one attribute of a topic."""
        topic = reach(self.platform, call, request["TopicArn"])
        name, value = request["AttributeName"], request.get("AttributeValue", "")
        _check(name, value, fifo=is_fifo(topic))
        attributes = {**topic.spec["Attributes"], name: value}
        records = self.platform.store.records(topic.account, topic.region)
        records.update(topic, Change(spec={**topic.spec, "Attributes": {k: v for k, v in attributes.items() if v}}))
        return None


def is_fifo(topic: Record) -> bool:
    """Tell whether a topic keeps order."""
    return topic.spec["Attributes"].get("FifoTopic") == "true"


def checked_retries(document: Mapping[str, Any]) -> None:
    """Raise InvalidParameter unless a retry policy is one."""
    try:
        retries = Retries(**document)
        sane = 0 <= retries.numRetries <= 100 and 0 <= retries.minDelayTarget <= retries.maxDelayTarget <= 3600
    except TypeError:
        sane = False
    if not sane:
        raise InvalidParameter("DeliveryPolicy: healthyRetryPolicy")


def document_of(name: str, text: str) -> dict[str, Any]:
    """Return a JSON document, or raise InvalidParameter."""
    try:
        told = json.loads(text)
    except ValueError:
        told = None
    if not isinstance(told, dict):
        raise InvalidParameter(f"{name}: failed to parse JSON.")
    return told


def _check(name: str, value: str, *, fifo: bool) -> None:
    if name == "KmsMasterKeyId":
        text = "Topics cannot be encrypted with a KMS key yet; messages are sealed at rest under Clary's own key."
        raise ServiceError(text, code="KMSOptInRequired", status=403)
    if name not in SETTABLE or (name in ("ContentBasedDeduplication", "FifoThroughputScope") and not fifo):
        raise InvalidParameter(f"AttributeName: {name}")
    if name == "Policy" and value:
        try:
            parse(value, "resource")
        except MalformedPolicy as error:
            raise InvalidParameter(f"Policy Error: {error}") from None
    if name == "SignatureVersion" and value not in VERSIONS:
        raise InvalidParameter("SignatureVersion")
    if name == "DeliveryPolicy" and value:
        checked_retries(document_of(name, value).get("http", {}).get("defaultHealthyRetryPolicy", {}))


def _defaults() -> dict[str, Any]:
    return {name: getattr(Retries(), name) for name in Retries.__slots__}
