"""Messages sent: one, or up to ten; what was acknowledged is on disk."""

from __future__ import annotations

import hashlib
import re
from typing import Any

from clary.core.errors import ServiceError
from clary.services.operation import Call, Operations, Params, Result, operation
from clary.services.sqs.addresses import reach
from clary.services.sqs.batches import answer, entries_of, failure
from clary.services.sqs.checksums import md5_of, md5_of_attributes
from clary.services.sqs.contents import Content, encode, read
from clary.services.sqs.faults import InvalidValue, MissingParameter
from clary.store import queue_messages
from clary.store.queue_messages import NewMessage, Sent
from clary.store.queues import Queue

BATCH_BYTES_MAX = 1024 * 1024
DELAY_S_MAX = 900
IDENTIFIER = re.compile(r"[A-Za-z0-9!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~]{1,128}")


class Messages(Operations):
    """SendMessage and SendMessageBatch."""

    @operation("SendMessage")
    def send(self, call: Call, request: Params) -> Result:
        """Store a message."""
        queue = reach(self.platform, call, request["QueueUrl"])
        content = _content(call, queue, request)
        (sent,) = self._sending(call, queue).send([self._new(queue, content, request)])
        return _told(queue, content, sent)

    @operation("SendMessageBatch")
    def send_batch(self, call: Call, request: Params) -> Result:
        """Store up to ten messages, in one transaction."""
        queue = reach(self.platform, call, request["QueueUrl"])
        entries, good, failed = entries_of(request, "SendMessageBatch"), [], []
        for entry in entries:
            try:
                content = _content(call, queue, entry)
                good.append((entry, content, self._new(queue, content, entry)))
            except ServiceError as error:
                failed.append(failure(entry, error))
        size = sum(content.size for _, content, _ in good)
        if size > BATCH_BYTES_MAX:
            text = f"Batch requests cannot be longer than {BATCH_BYTES_MAX} bytes. You have sent {size} bytes."
            raise ServiceError(text, code="BatchRequestTooLong", status=400)
        sent = self._sending(call, queue).send([message for _, _, message in good]) if good else []
        told = [
            {"Id": entry["Id"], **_told(queue, content, each)}
            for (entry, content, _), each in zip(good, sent, strict=True)
        ]
        return answer(told, failed)

    def _sending(self, call: Call, queue: Queue) -> queue_messages.Messages:
        store = self.platform.store
        return queue_messages.Messages(store.queue_archive.database, store.words, queue, int(call.now * 1000))

    def _new(self, queue: Queue, content: Content, request: Params) -> NewMessage:
        group, deduplication = _identifiers(queue, content, request)
        scoped = group if queue.get("DeduplicationScope") == "messageGroup" else ""
        return NewMessage(
            content=encode(content, queue, self.platform.store.sealer),
            delay_s=_delay_s(queue, request),
            group=group,
            deduplication=deduplication,
            key=f"{scoped}\n{deduplication}" if deduplication else "",
            size=content.size,
        )


def _content(call: Call, queue: Queue, request: Params) -> Content:
    content = read(request, call.principal.user_id)
    longest = queue.number("MaximumMessageSize")
    if content.size > longest:
        raise InvalidValue(f"One or more parameters are invalid. Reason: Message must be shorter than {longest} bytes.")
    return content


def _delay_s(queue: Queue, request: Params) -> int:
    delay_s: int = request.get("DelaySeconds", queue.number("DelaySeconds"))
    if not 0 <= delay_s <= DELAY_S_MAX:
        raise InvalidValue(
            f"Value {delay_s} for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= 900."
        )
    if queue.fifo and "DelaySeconds" in request and delay_s:
        raise InvalidValue(
            f"Value {delay_s} for parameter DelaySeconds is invalid. "
            "Reason: The request include parameter that is not valid for this queue type."
        )
    return delay_s


def _identifiers(queue: Queue, content: Content, request: Params) -> tuple[str | None, str | None]:
    """Return the message's group, and what it is known by for five minutes; both None in most standard queues."""
    group, deduplication = request.get("MessageGroupId"), request.get("MessageDeduplicationId")
    for name, value in (("MessageGroupId", group), ("MessageDeduplicationId", deduplication)):
        if value is not None and not IDENTIFIER.fullmatch(value):
            raise InvalidValue(f"Value {value} for parameter {name} is invalid. Reason: {name} can only include "
                               "alphanumeric and punctuation characters. 1 to 128 in length.")  # fmt: skip
    if not queue.fifo:
        if deduplication is not None:
            raise InvalidValue(f"Value {deduplication} for parameter MessageDeduplicationId is invalid. Reason: The "
                               "request include parameter that is not valid for this queue type.")  # fmt: skip
        return group, None
    if group is None:
        raise MissingParameter("MessageGroupId")
    if deduplication is None:
        if queue.get("ContentBasedDeduplication") != "true":
            raise InvalidValue("The queue should either have ContentBasedDeduplication enabled or "
                               "MessageDeduplicationId provided explicitly")  # fmt: skip
        deduplication = hashlib.sha256(content.body.encode()).hexdigest()
    return group, deduplication


def _told(queue: Queue, content: Content, sent: Sent) -> dict[str, Any]:
    told = {"MessageId": sent.message_id, "MD5OfMessageBody": md5_of(content.body.encode())}
    if content.attributes:
        told["MD5OfMessageAttributes"] = md5_of_attributes(content.attributes)
    if content.system:
        told["MD5OfMessageSystemAttributes"] = md5_of_attributes(content.system)
    if queue.fifo:
        told["SequenceNumber"] = sequence_text(sent.sequence)
    return told


def sequence_text(sequence: int) -> str:
    """Return a sequence number as SQS writes it: 20 digits, so that texts sort as numbers do."""
    return f"{sequence:020}"
