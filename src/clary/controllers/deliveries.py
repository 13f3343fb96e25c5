"""Delivers what topics have published: to queues through their API, to URLs over HTTP.

A delivery's row goes only after it was made or given up, and a crash in between repeats it.
"""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from clary.access.principal import Principal, service_principal
from clary.controllers.envelopes import envelope, headers, message_for, signature
from clary.core.clock import Clock
from clary.core.errors import ServiceError
from clary.core.ids import Arn
from clary.resources.topic import NOTIFICATION, SUBSCRIPTION, TOPIC, name_of, retries_of
from clary.store.deliveries import Deliveries, Delivery
from clary.store.notary import VERSIONS
from clary.store.records import Record
from clary.store.store import Store

log = logging.getLogger(__name__)

Spec = Mapping[str, Any]


class Client(Protocol):
    """Calls operations of one service as one principal."""

    def __call__(self, operation: str, /, **params: Any) -> dict[str, Any]:
        """Return the operation's result, or raise its ServiceError."""


class Caller(Protocol):
    """Hands out clients; see services.operation.Caller."""

    def client(self, service: str, region: str, principal: Principal) -> Client:
        """Return a client that acts as `principal`."""


class Post(Protocol):
    """Posts to a URL."""

    def __call__(self, url: str, headers: dict[str, str], body: bytes) -> None:
        """Return once the receiver took it, or raise NotDelivered."""


class NotDelivered(Exception):
    """A delivery failed; `permanent` says that trying again will not help."""

    def __init__(self, message: str, *, permanent: bool) -> None:
        super().__init__(message)
        self.permanent = permanent


@dataclass(frozen=True, slots=True)
class Courier:
    """Makes one delivery."""

    store: Store
    caller: Caller
    post: Post
    clock: Clock
    endpoint: str  # where Clary's own API answers, for the links in messages

    @property
    def deliveries(self) -> Deliveries:
        """Return what is to be delivered."""
        return self.store.deliveries

    def deliver(self, delivery: Delivery) -> None:
        """Try a delivery once: it is made, put off, or given up for the queue of dead letters."""
        content = json.loads(delivery.content)
        record = self._record(delivery.subscription_arn)
        subscription = record.spec if record else content.get("Subscription")  # a farewell tells whom it is for
        if subscription is None:
            self._done(delivery)
            return
        try:
            self._send(delivery, subscription, content)
        except NotDelivered as failed:
            log.info("delivery to %s failed: %s", subscription["Endpoint"], failed)
            self._failed(delivery, subscription, content, permanent=failed.permanent)
        else:
            self._done(delivery, "NumberOfNotificationsDelivered" if content["Type"] == NOTIFICATION else "")

    def _send(self, delivery: Delivery, subscription: Spec, content: dict[str, Any]) -> None:
        protocol, endpoint, kind = subscription["Protocol"], subscription["Endpoint"], content["Type"]
        raw = kind == NOTIFICATION and subscription["Attributes"].get("RawMessageDelivery", "").lower() == "true"
        body = message_for(content, protocol) if raw else self._letter(delivery, content, protocol)
        if protocol == "sqs":
            self._send_to_queue(endpoint, delivery, content, (body, raw))
        else:
            self.post(endpoint, headers(delivery, kind, raw=raw), body.encode())

    def _letter(self, delivery: Delivery, content: dict[str, Any], protocol: str) -> str:
        """Return a message in its envelope, signed."""
        told = envelope(delivery, content, protocol, self.endpoint)
        topic = self._record(delivery.topic_arn)
        version = topic.spec["Attributes"].get("SignatureVersion", VERSIONS[0]) if topic else VERSIONS[0]
        return json.dumps({**told, **signature(told, self.store.notary, version, self.endpoint)}, indent=2)

    def _send_to_queue(
        self, queue_arn: str, delivery: Delivery, content: dict[str, Any], told: tuple[str, bool]
    ) -> None:
        body, raw = told
        arn = Arn.parse(queue_arn)
        assert arn is not None, "an ARN was checked when it was stored"
        params: dict[str, Any] = {"QueueUrl": f"/{arn.account}/{arn.resource}", "MessageBody": body}
        if raw and content["Attributes"]:
            params["MessageAttributes"] = _attributes(content["Attributes"])
        if arn.resource.endswith(".fifo"):
            params |= {"MessageGroupId": content["Group"], "MessageDeduplicationId": content["Deduplication"]}
        client = self.caller.client("sqs", arn.region, service_principal("sns", delivery.topic_arn))
        try:
            client("SendMessage", **params)
        except ServiceError as error:
            raise NotDelivered(error.message, permanent=error.status < 500) from error

    def _failed(self, delivery: Delivery, subscription: Spec, content: dict[str, Any], *, permanent: bool) -> None:
        tries = delivery.tries + 1
        delay_s = None if permanent else retries_of(self._record(delivery.topic_arn), subscription).delay_s(tries)
        if delay_s is not None:
            self.deliveries.put_off(delivery.id, int((self.clock() + delay_s) * 1000))
            return
        grave = subscription["Attributes"].get("RedrivePolicy")
        if grave and content["Type"] == NOTIFICATION:
            body = self._letter(delivery, content, subscription["Protocol"])
            try:
                self._send_to_queue(json.loads(grave)["deadLetterTargetArn"], delivery, content, (body, False))
            except NotDelivered as failed:
                arn = delivery.subscription_arn
                log.warning("%s has no dead letter of message %s: %s", arn, delivery.message_id, failed)
        self._done(delivery, "NumberOfNotificationsFailed" if content["Type"] == NOTIFICATION else "")

    def _done(self, delivery: Delivery, outcome: str = "") -> None:
        self.deliveries.done(delivery, int(self.clock() * 1000), outcome)

    def _record(self, text: str) -> Record | None:
        arn = Arn.parse(text)
        if arn is None:
            return None
        kind = SUBSCRIPTION if ":" in arn.resource else TOPIC
        return self.store.records(arn.account, arn.region).find(kind, name_of(text))


def _attributes(told: dict[str, dict[str, str]]) -> dict[str, dict[str, Any]]:
    """Return attributes as SQS takes them."""
    return {name: {"DataType": each["Type"], **_value(each)} for name, each in told.items()}


def _value(attribute: dict[str, str]) -> dict[str, Any]:
    if attribute["Type"].startswith("Binary"):
        return {"BinaryValue": base64.b64decode(attribute["Value"])}
    return {"StringValue": attribute["Value"]}
