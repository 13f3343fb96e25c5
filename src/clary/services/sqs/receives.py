"""Messages received: at once, or by a long poll that holds no thread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from clary.core.errors import ServiceError
from clary.services.operation import Answer, Call, Operations, Params, Platform, operation
from clary.services.sqs.addresses import reach
from clary.services.sqs.checksums import md5_of, md5_of_attributes
from clary.services.sqs.contents import Values, decode
from clary.services.sqs.faults import InvalidValue, NoSuchQueue
from clary.services.sqs.messages import sequence_text
from clary.services.sqs.receipts import handle_of
from clary.services.sqs.waiting import wait_for
from clary.store.queue_messages import VISIBILITY_S_MAX, Messages, Received, TooManyInFlight, Wanted
from clary.store.queues import Queue

MESSAGES_MAX = 10
WAIT_S_MAX = 20


class Receives(Operations):
    """ReceiveMessage."""

    @operation("ReceiveMessage")
    def receive(self, call: Call, request: Params) -> Answer:
        """Return up to ten messages, waiting for the first as long as the request or the queue says."""
        queue = reach(self.platform, call, request["QueueUrl"])
        wanted = Wanted(
            count=_within(request, "MaxNumberOfMessages", 1, 1, MESSAGES_MAX),
            visibility_s=_within(request, "VisibilityTimeout", queue.number("VisibilityTimeout"), 0, VISIBILITY_S_MAX),
            attempt=request.get("ReceiveRequestAttemptId"),
        )
        wait_s = _within(request, "WaitTimeSeconds", queue.number("ReceiveMessageWaitTimeSeconds"), 0, WAIT_S_MAX)
        poll = Poll(self.platform, queue, wanted, request)
        if not wait_s:
            return poll.ask(poll.messages_of(queue), patient=False) or {}
        return wait_for(poll.ask, poll.messages, self.platform.store.clock, call.now + wait_s)


@dataclass(frozen=True, slots=True)
class Poll:
    """One receive, however often it is asked."""

    platform: Platform
    queue: Queue
    wanted: Wanted
    request: Params

    def messages(self) -> Messages:
        """Return the queue's messages now, by the attributes that it has now; raise NoSuchQueue once it is gone."""
        store = self.platform.store
        queue = store.queues(self.queue.account, self.queue.region).find(self.queue.name)
        if queue is None or queue.id != self.queue.id:
            raise NoSuchQueue
        return self.messages_of(queue)

    def messages_of(self, queue: Queue) -> Messages:
        """Return the messages of a queue that was just read."""
        store = self.platform.store
        return Messages(store.queue_archive.database, store.words, queue, int(store.clock() * 1000))

    def ask(self, messages: Messages, *, patient: bool) -> Mapping[str, Any] | None:
        """Return the answer if there is one; who may still wait does not mind a full queue."""
        try:
            received = messages.receive(self.wanted)
        except TooManyInFlight:
            if patient:
                return None
            text = "Too many messages are in flight: a queue holds 120,000 at most."
            raise ServiceError(text, code="OverLimit", status=403) from None
        return {"Messages": [self._described(each) for each in received]} if received else None

    def _described(self, message: Received) -> dict[str, Any]:
        content = decode(message.content, self.platform.store.sealer)
        told: dict[str, Any] = {
            "MessageId": message.message_id,
            "ReceiptHandle": handle_of(message.receipt),
            "MD5OfBody": md5_of(content.body.encode()),
            "Body": content.body,
        }
        system = _chosen(self.request, self._system(message, content.sender, content.system))
        if system:
            told["Attributes"] = system
        attributes = _wanted(self.request.get("MessageAttributeNames", ()), content.attributes)
        if attributes:
            told |= {"MessageAttributes": attributes, "MD5OfMessageAttributes": md5_of_attributes(attributes)}
        return told

    def _system(self, message: Received, sender: str, system: Values) -> dict[str, str]:
        told = {
            "SenderId": sender,
            "SentTimestamp": str(message.sent_ms),
            "ApproximateReceiveCount": str(message.received),
            "ApproximateFirstReceiveTimestamp": str(message.first_ms),
            **{name: value.get("StringValue", "") for name, value in system.items()},
        }
        if message.group is not None:
            told["MessageGroupId"] = message.group
        if self.queue.fifo:
            told["SequenceNumber"] = sequence_text(message.receipt.id)
            told["MessageDeduplicationId"] = message.deduplication or ""
        if message.source_id is not None:
            source = self.platform.store.queue_archive.numbered(message.source_id)
            if source is not None:
                told["DeadLetterQueueSourceArn"] = source.arn
        return told


def _within(request: Params, name: str, default: int, low: int, high: int) -> int:
    value: int = request.get(name, default)
    if not low <= value <= high:
        raise InvalidValue(
            f"Value {value} for parameter {name} is invalid. Reason: Must be between {low} and {high}, if provided."
        )
    return value


def _chosen(request: Params, system: Mapping[str, str]) -> dict[str, str]:
    """Return the system attributes that are asked for, under the name of today or that of before."""
    names = {*request.get("MessageSystemAttributeNames", ()), *request.get("AttributeNames", ())}
    return {name: value for name, value in system.items() if name in names or "All" in names}


def _wanted(names: Sequence[str], attributes: Values) -> dict[str, Mapping[str, Any]]:
    """Return the attributes that are asked for: by name, by the start of it (`foo.*`), or all."""
    starts = tuple(name.removesuffix("*") for name in names if name.endswith(".*"))
    return {
        name: value
        for name, value in attributes.items()
        if name in names or "All" in names or ".*" in names or (starts and name.startswith(starts))
    }
