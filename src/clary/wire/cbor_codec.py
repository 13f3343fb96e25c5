"""CBOR bodies to and from model shapes (smithy-rpc-v2-cbor).

Timestamps are tag 1, blobs are byte strings; null and undefined members are dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import cbor2
from botocore.model import ListShape, MapShape, Shape, StructureShape

from clary.wire import timestamps
from clary.wire.malformed import SerializationError, wrong_type

_EPOCH_TAG = 1
_PLAIN_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "character": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
    "blob": (bytes,),
}


def loads(raw: bytes) -> Any:
    """Return the CBOR item in `raw`, {} when there is none."""
    try:
        return cbor2.loads(raw) if raw else {}
    except (cbor2.CBORDecodeError, ValueError, RecursionError, OverflowError) as error:
        raise SerializationError(f"Could not parse request body into cbor: {error}") from error


def dumps(document: Any) -> bytes:
    """Return `document` as CBOR."""
    return cbor2.dumps(document)


def decode(shape: Shape, value: Any) -> Any:
    """Return `value`, as CBOR holds it, in the types that handlers use."""
    return _DECODERS[shape.type_name](shape, value)


def encode(shape: Shape, value: Any) -> Any:
    """Return a handler's `value` as CBOR holds it."""
    return _ENCODERS[shape.type_name](shape, value)


def decode_members(members: Mapping[str, Shape], document: Any) -> dict[str, Any]:
    """Return the members that `document` holds, by the model's names."""
    if not isinstance(document, dict):
        raise wrong_type(document, "structure")
    decoded = {}
    for name, member in members.items():
        item = document.get(member.serialization.get("name", name))
        if item is not None and item is not cbor2.undefined:
            decoded[name] = _DECODERS[member.type_name](member, item)
    return decoded


def encode_members(members: Mapping[str, Shape], value: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members that `value` holds, by their names on the wire."""
    encoded = {}
    for name, member in members.items():
        item = value.get(name)
        if item is not None:
            encoded[member.serialization.get("name", name)] = _ENCODERS[member.type_name](member, item)
    return encoded


def _decode_structure(shape: StructureShape, value: Any) -> Any:
    return value if shape.is_document_type else decode_members(shape.members, value)


def _decode_list(shape: ListShape, value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise wrong_type(value, "list")
    member = shape.member
    reader = _DECODERS[member.type_name]
    return [None if item is None else reader(member, item) for item in value]


def _decode_map(shape: MapShape, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise wrong_type(value, "map")
    member = shape.value
    reader = _DECODERS[member.type_name]
    return {str(key): reader(member, item) for key, item in value.items() if item is not None}


def _decode_plain(shape: Shape, value: Any) -> Any:
    if type(value) not in _PLAIN_TYPES[shape.type_name]:
        raise wrong_type(value, shape.type_name)
    return value


def _decode_timestamp(shape: Shape, value: Any) -> datetime:
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    if type(value) not in (int, float):
        raise wrong_type(value, shape.type_name)
    try:
        return timestamps.parse(value)
    except ValueError as error:
        raise SerializationError(f"Unable to parse date as type: {value}") from error


def _encode_structure(shape: StructureShape, value: Any) -> Any:
    return value if shape.is_document_type else encode_members(shape.members, value)


def _encode_list(shape: ListShape, value: Any) -> list[Any]:
    member = shape.member
    writer = _ENCODERS[member.type_name]
    return [None if item is None else writer(member, item) for item in value]


def _encode_map(shape: MapShape, value: Any) -> dict[str, Any]:
    member = shape.value
    writer = _ENCODERS[member.type_name]
    return {key: writer(member, item) for key, item in value.items() if item is not None}


def _encode_timestamp(_shape: Shape, value: Any) -> Any:
    return cbor2.CBORTag(_EPOCH_TAG, timestamps.as_seconds(value))


def _encode_blob(_shape: Shape, value: bytes | str) -> bytes:
    return value.encode() if isinstance(value, str) else bytes(value)


def _encode_string(_shape: Shape, value: Any) -> str:
    return str(value)


def _encode_boolean(_shape: Shape, value: Any) -> bool:
    return bool(value)


def _encode_integer(_shape: Shape, value: Any) -> int:
    return int(value)


def _encode_float(_shape: Shape, value: Any) -> float:
    return float(value)


_DECODERS: dict[str, Callable[[Any, Any], Any]] = {
    **dict.fromkeys(_PLAIN_TYPES, _decode_plain),
    "structure": _decode_structure,
    "list": _decode_list,
    "map": _decode_map,
    "timestamp": _decode_timestamp,
}

_ENCODERS: dict[str, Callable[[Any, Any], Any]] = {
    "structure": _encode_structure,
    "list": _encode_list,
    "map": _encode_map,
    "string": _encode_string,
    "character": _encode_string,
    "boolean": _encode_boolean,
    "integer": _encode_integer,
    "long": _encode_integer,
    "float": _encode_float,
    "double": _encode_float,
    "timestamp": _encode_timestamp,
    "blob": _encode_blob,
}
