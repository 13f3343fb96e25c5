"""JSON bodies to and from model shapes (json, rest-json, and JSON events).

Null members are dropped both ways; members that the shape lacks are ignored.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
from collections.abc import Callable, Mapping
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

from clary.wire import timestamps
from clary.wire.malformed import SerializationError, wrong_type


def loads(raw: bytes) -> Any:
    """Return the JSON document in `raw`, {} when there is none; strings in it can always be stored as UTF-8."""
    try:
        document = json.loads(raw) if raw else {}
        if b"\\ud" in raw or b"\\uD" in raw:
            json.dumps(document, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise SerializationError(f"Could not parse request body into json: {error}") from error
    return document


def dumps(document: Any) -> bytes:
    """Return `document` as compact JSON in UTF-8."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def decode(shape: Shape, value: Any) -> Any:
    """Return `value`, as JSON holds it, in the types that handlers use."""
    return _DECODERS[shape.type_name](shape, value)


def encode(shape: Shape, value: Any) -> Any:
    """Return a handler's `value` as JSON holds it."""
    return _ENCODERS[shape.type_name](shape, value)


def decode_members(members: Mapping[str, Shape], document: Any) -> dict[str, Any]:
    """Return the members that `document` holds, by the model's names."""
    if type(document) is not dict:
        raise wrong_type(document, "structure")
    decoded = {}
    for name, member in members.items():
        item = document.get(member.serialization.get("name", name))
        if item is not None:
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
    if type(value) is not list:
        raise wrong_type(value, "list")
    member = shape.member
    reader = _DECODERS[member.type_name]
    return [None if item is None else reader(member, item) for item in value]


def _decode_map(shape: MapShape, value: Any) -> dict[str, Any]:
    if type(value) is not dict:
        raise wrong_type(value, "map")
    member = shape.value
    reader = _DECODERS[member.type_name]
    return {key: reader(member, item) for key, item in value.items() if item is not None}


def _decode_string(shape: Shape, value: Any) -> str:
    if type(value) is not str:
        raise wrong_type(value, shape.type_name)
    return value


def _decode_boolean(shape: Shape, value: Any) -> bool:
    if type(value) is not bool:
        raise wrong_type(value, shape.type_name)
    return value


def _decode_integer(shape: Shape, value: Any) -> int:
    if type(value) is int:
        return value
    if type(value) is float and math.isfinite(value):
        return int(value)
    raise wrong_type(value, shape.type_name)


def _decode_float(shape: Shape, value: Any) -> float:
    if type(value) in (int, float):
        return value
    if value in ("NaN", "Infinity", "-Infinity"):
        return float(value)
    raise wrong_type(value, shape.type_name)


def _decode_timestamp(shape: Shape, value: Any) -> Any:
    if type(value) not in (int, float, str):
        raise wrong_type(value, shape.type_name)
    try:
        return timestamps.parse(value)
    except ValueError as error:
        raise SerializationError(f"Unable to parse date as type: {value}") from error


def _decode_blob(shape: Shape, value: Any) -> bytes:
    if type(value) is not str:
        raise wrong_type(value, shape.type_name)
    try:
        return base64.b64decode(value)
    except (binascii.Error, ValueError) as error:
        raise SerializationError("only base-64-encoded strings are convertible to bytes") from error


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


def _encode_float(_shape: Shape, value: float) -> float | str:
    if math.isfinite(value):
        return float(value)
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _encode_timestamp(shape: Shape, value: Any) -> float | str:
    style = shape.serialization.get("timestampFormat", "unixTimestamp")
    return timestamps.as_seconds(value) if style == "unixTimestamp" else timestamps.as_text(value, style)


def _encode_blob(_shape: Shape, value: bytes | str) -> str:
    return base64.b64encode(value.encode() if isinstance(value, str) else value).decode("ascii")


def _encode_string(_shape: Shape, value: Any) -> str:
    return str(value)


def _encode_boolean(_shape: Shape, value: Any) -> bool:
    return bool(value)


def _encode_integer(_shape: Shape, value: Any) -> int:
    return int(value)


_DECODERS: dict[str, Callable[[Any, Any], Any]] = {
    "structure": _decode_structure,
    "list": _decode_list,
    "map": _decode_map,
    "string": _decode_string,
    "character": _decode_string,
    "boolean": _decode_boolean,
    "integer": _decode_integer,
    "long": _decode_integer,
    "float": _decode_float,
    "double": _decode_float,
    "timestamp": _decode_timestamp,
    "blob": _decode_blob,
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
