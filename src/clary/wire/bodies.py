"""Body formats: JSON, XML and CBOR, each a row of functions that the protocols and event streams share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from botocore.model import Shape, StructureShape

from clary.wire import cbor_codec, json_codec, xml_codec
from clary.wire.message import Body
from clary.wire.tree_codec import TreeCodec

SHAPES_MAX = 20_000
Members = Mapping[str, Shape]


@dataclass(frozen=True, slots=True)
class BodyFormat:
    """How one format holds the members of a structure, or one payload of any shape.

    `write` and `write_members` take the name of the root element and its namespace, which only XML needs.
    """

    content_type: str
    read: Callable[[Shape, bytes], Any]
    read_members: Callable[[Members, bytes], dict[str, Any]]
    write: Callable[[Shape, Any, str, str | None], bytes]
    write_members: Callable[[Members, Mapping[str, Any], str, str | None], bytes]


def content(body: Body) -> bytes:
    """Return the whole of a request's body; the server has bounded its length."""
    return body if isinstance(body, bytes) else b"".join(iter(body.read, b""))


@lru_cache(SHAPES_MAX)
def body_members(shape: StructureShape, elsewhere: frozenset[str]) -> Members:
    """Return the members of a structure that the body holds: those whose location is not one of `elsewhere`."""
    return {
        name: member for name, member in shape.members.items() if member.serialization.get("location") not in elsewhere
    }


def _tree_format(
    content_type: str, codec: TreeCodec, loads: Callable[[bytes], Any], dumps: Callable[[Any], bytes]
) -> BodyFormat:
    """Return the row of a format whose documents are dicts and lists."""

    def read(shape: Shape, raw: bytes) -> Any:
        return codec.decode(shape, loads(raw))

    def read_members(members: Members, raw: bytes) -> dict[str, Any]:
        return codec.decode_members(members, loads(raw))

    def write(shape: Shape, value: Any, _root: str, _namespace: str | None) -> bytes:
        return dumps(codec.encode(shape, value))

    def write_members(members: Members, value: Mapping[str, Any], _root: str, _namespace: str | None) -> bytes:
        return dumps(codec.encode_members(members, value))

    return BodyFormat(content_type, read, read_members, write, write_members)


def _xml_read(shape: Shape, raw: bytes) -> Any:
    return xml_codec.decode(shape, xml_codec.parse(raw))


def _xml_read_members(members: Members, raw: bytes) -> dict[str, Any]:
    return xml_codec.decode_members(members, xml_codec.parse(raw)) if raw else {}


def _xml_write(shape: Shape, value: Any, root: str, namespace: str | None) -> bytes:
    document = xml_codec.encode(shape, value, root)
    if namespace and "xmlNamespace" not in shape.serialization:
        document = f"<{root}{xml_codec.namespace(namespace)}{document[len(root) + 1 :]}"
    return XML_DECLARATION + document.encode()


def _xml_write_members(members: Members, value: Mapping[str, Any], root: str, namespace: str | None) -> bytes:
    inner = xml_codec.encode_members(members, value)
    return XML_DECLARATION + xml_codec.element(root, inner, xml_codec.namespace(namespace)).encode()


XML_DECLARATION = b'<?xml version="1.0" encoding="UTF-8"?>\n'
JSON = _tree_format("application/json", json_codec.JSON, json_codec.loads, json_codec.dumps)
CBOR = _tree_format("application/cbor", cbor_codec.CBOR, cbor_codec.loads, cbor_codec.dumps)
XML = BodyFormat("application/xml", _xml_read, _xml_read_members, _xml_write, _xml_write_members)
