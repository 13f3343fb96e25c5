"""Event streams out: `application/vnd.amazon.eventstream`, frames of typed headers and a payload.

Source: «Amazon event stream specification» of Smithy. A handler gives an iterable of `{event: {member: value}}`;
a ServiceError that it raises while it runs becomes an exception frame, and the stream ends.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from botocore.model import Shape, StructureShape

from clary.core.errors import ServiceError
from clary.wire import timestamps
from clary.wire.bodies import BodyFormat

CONTENT_TYPE = "application/vnd.amazon.eventstream"
_OVERHEAD = 16  # prelude of two lengths and a checksum, and the checksum of the whole
_STRING = 7

HeaderValue = tuple[int, bytes]


def frame(headers: Mapping[str, HeaderValue], payload: bytes) -> bytes:
    """Return one message: lengths, their CRC, headers, payload, CRC of all before it."""
    head = b"".join(_header(name, value) for name, value in headers.items())
    prelude = struct.pack(">II", _OVERHEAD + len(head) + len(payload), len(head))
    message = prelude + struct.pack(">I", zlib.crc32(prelude)) + head + payload
    return message + struct.pack(">I", zlib.crc32(message))


def text(value: str) -> HeaderValue:
    """Return a header value that is a string."""
    raw = value.encode()
    return _STRING, struct.pack(">H", len(raw)) + raw


def encode(
    body: BodyFormat, stream: StructureShape, events: Iterable[Mapping[str, Any]], initial: bytes | None
) -> Iterator[bytes]:
    """Yield the frames of `events`, after an `initial-response` where the protocol sends one."""
    if initial is not None:
        yield frame(_event_headers("initial-response", body.content_type), initial)
    try:
        for event in events:
            for name, value in event.items():
                yield _event(body, name, stream.members[name], value)
    except ServiceError as error:
        yield _exception(body, stream, error)


def _event(body: BodyFormat, name: str, shape: Shape, value: Mapping[str, Any]) -> bytes:
    if not isinstance(shape, StructureShape):
        raise TypeError(f"the event {name} is no structure")
    if shape.metadata.get("exception"):
        return frame(_exception_headers(name, body.content_type), _document(body, shape, value))
    headers, payload = _payload(body, name, shape, value)
    for member_name, member in shape.members.items():
        if member.serialization.get("eventheader") and value.get(member_name) is not None:
            headers[member_name] = _HEADER_WRITERS[member.type_name](value[member_name])
    return frame(headers, payload)


def _payload(
    body: BodyFormat, event: str, shape: StructureShape, value: Mapping[str, Any]
) -> tuple[dict[str, HeaderValue], bytes]:
    for name, member in shape.members.items():
        if member.serialization.get("eventpayload"):
            return _explicit_payload(body, event, name, member, value.get(name))
    return _event_headers(event, body.content_type), _document(body, shape, value)


def _explicit_payload(
    body: BodyFormat, event: str, name: str, member: Shape, value: Any
) -> tuple[dict[str, HeaderValue], bytes]:
    if member.type_name == "blob":
        return _event_headers(event, "application/octet-stream"), bytes(value or b"")
    if member.type_name == "string":
        return _event_headers(event, "text/plain"), (value or "").encode()
    return _event_headers(event, body.content_type), body.write(member, value or {}, name, None)


def _document(body: BodyFormat, shape: StructureShape, value: Mapping[str, Any]) -> bytes:
    members = {name: member for name, member in shape.members.items() if not member.serialization.get("eventheader")}
    return body.write_members(members, value, shape.name, None) if members else b""


def _exception(body: BodyFormat, stream: StructureShape, error: ServiceError) -> bytes:
    for name, member in stream.members.items():
        if isinstance(member, StructureShape) and error.code in (name, member.name, member.error_code):
            key = next((key for key in member.members if key.lower() == "message"), "message")
            payload = _document(body, member, {key: error.message, **error.members})
            return frame(_exception_headers(name, body.content_type), payload)
    headers = {":message-type": text("error"), ":error-code": text(error.code), ":error-message": text(error.message)}
    return frame(headers, b"")


def _event_headers(name: str, content_type: str) -> dict[str, HeaderValue]:
    return {":message-type": text("event"), ":event-type": text(name), ":content-type": text(content_type)}


def _exception_headers(name: str, content_type: str) -> dict[str, HeaderValue]:
    return {":message-type": text("exception"), ":exception-type": text(name), ":content-type": text(content_type)}


def _header(name: str, value: HeaderValue) -> bytes:
    raw = name.encode()
    kind, data = value
    return struct.pack(">B", len(raw)) + raw + struct.pack(">B", kind) + data


def _boolean(value: object) -> HeaderValue:
    return (0 if value else 1), b""


def _integer(value: int) -> HeaderValue:
    return 4, struct.pack(">i", value)


def _long(value: int) -> HeaderValue:
    return 5, struct.pack(">q", value)


def _bytes(value: bytes) -> HeaderValue:
    return 6, struct.pack(">H", len(value)) + value


def _timestamp(value: Any) -> HeaderValue:
    return 8, struct.pack(">q", round(timestamps.as_seconds(value) * 1000))


_HEADER_WRITERS: dict[str, Callable[[Any], HeaderValue]] = {
    "boolean": _boolean,
    "integer": _integer,
    "long": _long,
    "blob": _bytes,
    "string": text,
    "timestamp": _timestamp,
}
