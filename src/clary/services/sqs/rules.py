"""The attributes of queues: which may be set, and to what.

Source: SQS API reference, CreateQueue and SetQueueAttributes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from clary.access.policy import MalformedPolicy, parse
from clary.core.ids import Arn
from clary.services.operation import Call, Platform
from clary.services.sqs.addresses import by_arn
from clary.services.sqs.faults import InvalidAttributeName, InvalidAttributeValue
from clary.store.queues import Queue

RANGES = {
    "DelaySeconds": (0, 900),
    "MaximumMessageSize": (1024, 1024 * 1024),
    "MessageRetentionPeriod": (60, 14 * 24 * 3600),
    "ReceiveMessageWaitTimeSeconds": (0, 20),
    "VisibilityTimeout": (0, 12 * 3600),
}
CHOICES = {
    "FifoQueue": ("true",),
    "ContentBasedDeduplication": ("true", "false"),
    "DeduplicationScope": ("messageGroup", "queue"),
    "FifoThroughputLimit": ("perQueue", "perMessageGroupId"),
    "SqsManagedSseEnabled": ("true", "false"),
}
FIFO_ONLY = ("ContentBasedDeduplication", "DeduplicationScope", "FifoThroughputLimit")
RECEIVES_MAX = 1000
SOURCES_MAX = 10


def check(platform: Platform, call: Call, name: str, attributes: Mapping[str, str]) -> None:
    """Raise the ServiceError that AWS would unless a queue of this name may have these attributes."""
    fifo = name.endswith(".fifo")
    for attribute, value in attributes.items():
        if attribute in FIFO_ONLY and not fifo:
            raise InvalidAttributeName(attribute)
        if attribute in RANGES:
            _check_range(attribute, value)
        elif attribute in CHOICES:
            if value not in CHOICES[attribute]:
                raise InvalidAttributeValue(attribute)
        elif attribute not in _DOCUMENTS:
            raise InvalidAttributeName(attribute)
        elif value:  # an empty one takes the document away
            _DOCUMENTS[attribute](platform, call, name, value)
    if attributes.get("FifoThroughputLimit") == "perMessageGroupId" and attributes.get("DeduplicationScope") == "queue":
        raise InvalidAttributeValue("FifoThroughputLimit", "It needs the DeduplicationScope messageGroup.")


def may_send_dead_letters(source_arn: str, queue: Queue) -> bool:
    """Tell whether a queue takes the dead letters of another."""
    text = queue.attributes.get("RedriveAllowPolicy")
    told = json.loads(text) if text else {"redrivePermission": "allowAll"}
    match told["redrivePermission"]:
        case "allowAll":
            return True
        case "denyAll":
            return False
        case _:
            return source_arn in told.get("sourceQueueArns", ())


def _check_range(attribute: str, value: str) -> None:
    low, high = RANGES[attribute]
    if not (value.isascii() and value.isdecimal() and low <= int(value) <= high):
        raise InvalidAttributeValue(attribute)


def _check_policy(_: Platform, __: Call, ___: str, value: str) -> None:
    try:
        parse(value, "resource")
    except MalformedPolicy as error:
        raise InvalidAttributeValue("Policy", str(error)) from None


def _check_redrive(platform: Platform, call: Call, name: str, value: str) -> None:
    told = _json("RedrivePolicy", value)
    count = str(told.get("maxReceiveCount", ""))
    if set(told) - {"deadLetterTargetArn", "maxReceiveCount"} or "deadLetterTargetArn" not in told:
        raise InvalidAttributeValue("RedrivePolicy", "Redrive policy does not contain mandatory attribute: "
                                    "deadLetterTargetArn.")  # fmt: skip
    if not (count.isdecimal() and 1 <= int(count) <= RECEIVES_MAX):
        raise InvalidAttributeValue(
            "RedrivePolicy",
            f"Invalid value for maxReceiveCount: {count}, valid values are from 1 to 1000 both inclusive.",
        )
    source = call.arn(name, service="sqs")
    target = by_arn(platform, call, str(told["deadLetterTargetArn"]))
    if target is None or target.account != call.account:
        raise InvalidAttributeValue("RedrivePolicy", "Dead letter target does not exist.")
    if target.fifo is not name.endswith(".fifo"):
        raise InvalidAttributeValue("RedrivePolicy", "Dead-letter queue must be same type of queue as the source.")
    if not may_send_dead_letters(source, target):
        raise InvalidAttributeValue("RedrivePolicy", f"Queue {source} does not have redrive permission on it.")


def _check_redrive_allow(_: Platform, __: Call, ___: str, value: str) -> None:
    told = _json("RedriveAllowPolicy", value)
    permission, sources = told.get("redrivePermission"), told.get("sourceQueueArns")
    if permission not in ("allowAll", "denyAll", "byQueue") or (permission == "byQueue") is not bool(sources):
        raise InvalidAttributeValue("RedriveAllowPolicy")
    if sources and (len(sources) > SOURCES_MAX or any(Arn.parse(str(each)) is None for each in sources)):
        raise InvalidAttributeValue("RedriveAllowPolicy", "sourceQueueArns takes up to 10 ARNs of queues.")


def _check_kms(_: Platform, __: Call, ___: str, ____: str) -> None:
    raise InvalidAttributeValue("KmsMasterKeyId", "Queues cannot be encrypted with a KMS key yet; messages are sealed "
                                "at rest under Clary's own key while SqsManagedSseEnabled is true.")  # fmt: skip


def _json(attribute: str, value: str) -> dict[str, Any]:
    try:
        told = json.loads(value)
    except ValueError:
        told = None
    if not isinstance(told, dict):
        raise InvalidAttributeValue(attribute, "It is no JSON object.")
    return told


_DOCUMENTS: Mapping[str, Callable[[Platform, Call, str, str], None]] = {
    "Policy": _check_policy,
    "RedrivePolicy": _check_redrive,
    "RedriveAllowPolicy": _check_redrive_allow,
    "KmsMasterKeyId": _check_kms,
    "KmsDataKeyReusePeriodSeconds": _check_kms,
}
