"""What a message holds: checked against SQS's rules, and as it is kept, sealed where the queue says so."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from clary.services.operation import Params
from clary.services.sqs.faults import InvalidContents, InvalidValue, MissingParameter
from clary.store.queues import Queue
from clary.store.sealing import Sealer

FORBIDDEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
ATTRIBUTES_MAX = 10
NAME = re.compile(r"(?!(?i:aws|amazon)\.)[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")
NAME_MAX = TYPE_MAX = 256
TYPE = re.compile(r"(String|Number|Binary)(\..+)?")
PURPOSE = "sqs message"
SEALED, PLAIN = b"s", b"p"
Values = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Content:
    """A message's body, its attributes, those of the system, and who sent it."""

    body: str
    attributes: Values
    system: Values
    sender: str

    @property
    def size(self) -> int:
        """Return how much counts towards the limit of a message."""
        return len(self.body.encode()) + sum(_size(name, each) for name, each in self.attributes.items())


def read(request: Params, sender: str) -> Content:
    """Return the content of a message to be sent, or raise a ServiceError."""
    body = request["MessageBody"]
    if not body:
        raise MissingParameter("MessageBody")
    if FORBIDDEN.search(body):
        raise InvalidContents
    attributes = request.get("MessageAttributes", {})
    if len(attributes) > ATTRIBUTES_MAX:
        raise InvalidValue(f"Number of message attributes [{len(attributes)}] exceeds the allowed maximum [10].")
    for name, value in attributes.items():
        _check_attribute(name, value)
    return Content(body, attributes, request.get("MessageSystemAttributes", {}), sender)


def encode(content: Content, queue: Queue, sealer: Sealer) -> bytes:
    """Return a content as it is kept."""
    told = [content.body, _texts(content.attributes), _texts(content.system), content.sender]
    data = json.dumps(told).encode()
    if queue.get("SqsManagedSseEnabled") == "true":
        return SEALED + sealer.seal(data, PURPOSE)
    return PLAIN + data


def decode(kept: bytes, sealer: Sealer) -> Content:
    """Return the content that was kept."""
    data = sealer.open(kept[1:], PURPOSE) if kept[:1] == SEALED else kept[1:]
    body, attributes, system, sender = json.loads(data)
    return Content(body, _bytes(attributes), _bytes(system), sender)


def _size(name: str, value: Mapping[str, Any]) -> int:
    text = value.get("StringValue", "").encode()
    return len(name.encode()) + len(value["DataType"].encode()) + len(text) + len(value.get("BinaryValue", b""))


def _check_attribute(name: str, value: Mapping[str, Any]) -> None:
    if len(name) > NAME_MAX or not NAME.fullmatch(name):
        raise InvalidValue(f"Message (user) attribute name '{name[:NAME_MAX]}' is invalid.")
    kind = value["DataType"]
    match = TYPE.fullmatch(kind)
    if len(kind) > TYPE_MAX or match is None:
        raise InvalidValue(f"The message attribute '{name}' has an invalid message attribute type, the set of "
                           "supported type prefixes is Binary, Number, and String.")  # fmt: skip
    if "StringListValues" in value or "BinaryListValues" in value:
        raise InvalidValue("Message attribute list values in SendMessage operation are not supported.",
                           code="UnsupportedOperation")  # fmt: skip
    member = "BinaryValue" if match[1] == "Binary" else "StringValue"
    if not value.get(member) or len({"BinaryValue", "StringValue"} & set(value)) != 1:
        raise InvalidValue(f"The message attribute '{name}' with type '{match[1]}' must use field '{member[:-5]}'.")
    if match[1] == "Number" and not _is_number(value[member]):
        raise InvalidValue(f"Can't cast the value of message (user) attribute '{name}' to a number.")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _texts(values: Values) -> dict[str, Any]:
    """Return attributes as JSON holds them."""
    return {
        name: {key: base64.b64encode(each).decode() if key == "BinaryValue" else each for key, each in value.items()}
        for name, value in values.items()
    }


def _bytes(values: Values) -> dict[str, Any]:
    return {
        name: {key: base64.b64decode(each) if key == "BinaryValue" else each for key, each in value.items()}
        for name, value in values.items()
    }
