"""Messages published: once acknowledged, they reach every subscription that wants them at least once."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from clary.core.errors import ServiceError
from clary.services.operation import Call, Operations, Params, Result, operation
from clary.services.sns import filters
from clary.services.sns.faults import InvalidParameter
from clary.services.sns.reach import arn_of, reach
from clary.services.sns.subscriptions import SCOPES, confirmed_of
from clary.services.sns.topics import is_fifo
from clary.store.deliveries import Notice, Published
from clary.store.records import Record

BYTES_MAX = 256 * 1024
SUBJECT_MAX = 100
ENTRIES_MAX = 10
ID = re.compile(r"[A-Za-z0-9_-]{1,80}")
TYPE = re.compile(r"(String|Number|Binary|String\.Array)(\..+)?")


class Messages(Operations):
    """Publish and PublishBatch."""

    @operation("Publish")
    def publish(self, call: Call, request: Params) -> Result:
        """Send a message to a topic."""
        target = request.get("TopicArn") or request.get("TargetArn")
        if not target:
            raise InvalidParameter("PhoneNumber Reason: messages go to topics alone; SMS is not supported")
        topic = reach(self.platform, call, target)
        notice = self._notice(topic, request)
        (published,) = self.platform.store.deliveries.publish([notice], int(call.now * 1000))
        return _told(topic, published)

    @operation("PublishBatch")
    def publish_batch(self, call: Call, request: Params) -> Result:
        """Send up to ten messages to a topic, in one transaction."""
        topic = reach(self.platform, call, request["TopicArn"])
        entries, good, failed = _entries(request), [], []
        for entry in entries:
            try:
                good.append((entry, self._notice(topic, entry)))
            except ServiceError as error:
                told = {"Id": entry["Id"], "Code": error.code, "Message": error.message, "SenderFault": True}
                failed.append(told)
        published = self.platform.store.deliveries.publish([each for _, each in good], int(call.now * 1000))
        successful = [
            {"Id": entry["Id"], **_told(topic, each)} for (entry, _), each in zip(good, published, strict=True)
        ]
        return {"Successful": successful, "Failed": failed}

    def _notice(self, topic: Record, request: Params) -> Notice:
        content = _content(request)
        group, deduplication = _identifiers(topic, request)
        records = self.platform.store.records(topic.account, topic.region)
        confirmed = list(confirmed_of(records, topic))
        wanting = [arn_of(each) for each in confirmed if _wanted(each, request)]
        return Notice(
            topic_arn=arn_of(topic),
            content=json.dumps({**content, "Group": group, "Deduplication": deduplication}).encode(),
            lanes={arn: None if group is None else f"{arn}\n{group}" for arn in wanting},
            key=deduplication or "",
            size=_size_of(request),
            filtered=len(confirmed) - len(wanting),
        )


def _content(request: Params) -> dict[str, Any]:
    message, attributes, subject = request["Message"], request.get("MessageAttributes", {}), request.get("Subject")
    if not message:
        raise InvalidParameter("Empty message")
    if subject is not None and not (0 < len(subject) <= SUBJECT_MAX and subject.isascii() and subject.isprintable()):
        raise InvalidParameter("Subject")
    if _size_of(request) > BYTES_MAX:
        raise InvalidParameter("Message too long")
    for name, value in attributes.items():
        _check_attribute(name, value)
    return {
        "Type": "Notification",
        "Subject": subject,
        "Message": message,
        "Messages": _by_protocol(message) if request.get("MessageStructure") == "json" else {},
        "Attributes": {name: _plain(value) for name, value in attributes.items()},
    }


def _by_protocol(message: str) -> Mapping[str, str]:
    try:
        told = json.loads(message)
    except ValueError:
        told = None
    if not isinstance(told, dict):
        raise InvalidParameter("Message Structure - JSON message body failed to parse")
    if not isinstance(told.get("default"), str):
        raise InvalidParameter("Message Structure - No default entry in JSON message body")
    return {protocol: text for protocol, text in told.items() if isinstance(text, str)}


def _identifiers(topic: Record, request: Params) -> tuple[str | None, str | None]:
    group, deduplication = request.get("MessageGroupId"), request.get("MessageDeduplicationId")
    if not is_fifo(topic):
        if deduplication:
            raise InvalidParameter("MessageDeduplicationId Reason: The request includes MessageDeduplicationId "
                                   "parameter that is not valid for this topic type")  # fmt: skip
        return None, None
    if not group:
        raise InvalidParameter("The MessageGroupId parameter is required for FIFO topics")
    if not deduplication:
        if topic.spec["Attributes"].get("ContentBasedDeduplication") != "true":
            raise InvalidParameter("The topic should either have ContentBasedDeduplication enabled or "
                                   "MessageDeduplicationId provided explicitly")  # fmt: skip
        deduplication = hashlib.sha256(request["Message"].encode()).hexdigest()
    return group, deduplication


def _wanted(subscription: Record, request: Params) -> bool:
    attributes = subscription.spec["Attributes"]
    if "FilterPolicy" not in attributes:
        return True
    policy = attributes["FilterPolicy"]
    if attributes.get("FilterPolicyScope") == SCOPES[1]:
        return filters.wants_body(policy, request["Message"])
    return filters.wants_attributes(policy, request.get("MessageAttributes", {}))


def _entries(request: Params) -> list[Params]:
    entries: list[Params] = request["PublishBatchRequestEntries"]
    ids = [entry["Id"] for entry in entries]
    rules = (
        (entries, "EmptyBatchRequest", "The batch request doesn't contain any entries."),
        (
            len(entries) <= ENTRIES_MAX,
            "TooManyEntriesInBatchRequest",
            "The batch request contains more than 10 entries.",
        ),
        (len(set(ids)) == len(ids), "BatchEntryIdsNotDistinct", "Two or more batch entries have the same Id."),
        (all(map(ID.fullmatch, ids)), "InvalidBatchEntryId", "The Id of a batch entry isn't valid."),
    )
    for holds, code, text in rules:
        if not holds:
            raise ServiceError(text, code=code, status=400)
    if sum(len(entry["Message"].encode()) for entry in entries) > BYTES_MAX:
        raise ServiceError("The length of all the batch messages put together is more than the limit.",
                           code="BatchRequestTooLong", status=400)  # fmt: skip
    return entries


def _check_attribute(name: str, value: Mapping[str, Any]) -> None:
    kind = value["DataType"]
    if not TYPE.fullmatch(kind):
        raise InvalidParameter(f"The message attribute '{name}' has an invalid message attribute type")
    member = "BinaryValue" if kind.startswith("Binary") else "StringValue"
    if not value.get(member):
        raise InvalidParameter(f"The message attribute '{name}' with type '{kind}' must use field '{member[:-5]}'.")
    if kind == "Number" and not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", value[member]):
        raise InvalidParameter(f"Could not cast message attribute '{name}' value to number.")


def _size_of(request: Params) -> int:
    return len(request["Message"].encode()) + sum(map(_size, request.get("MessageAttributes", {}).items()))


def _size(item: tuple[str, Mapping[str, Any]]) -> int:
    name, value = item
    return sum(len(part) for part in _parts(name, value))


def _parts(name: str, value: Mapping[str, Any]) -> Iterator[bytes]:
    yield name.encode()
    yield value["DataType"].encode()
    yield value.get("StringValue", "").encode()
    yield value.get("BinaryValue", b"")


def _plain(value: Mapping[str, Any]) -> dict[str, str]:
    """Return an attribute as messages show it; bytes as base64."""
    binary = value.get("BinaryValue")
    text = value.get("StringValue", "") if binary is None else base64.b64encode(binary).decode()
    return {"Type": value["DataType"], "Value": text}


def _told(topic: Record, published: Published) -> dict[str, str]:
    told = {"MessageId": published.message_id}
    return {**told, "SequenceNumber": f"{published.sequence:020}"} if is_fifo(topic) else told
