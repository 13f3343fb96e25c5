"""JSON bodies (json, rest-json, and JSON events): text to documents, and what scalars look like in them."""

from __future__ import annotations

import base64
import binascii
import json
import math
from datetime import datetime
from typing import Any

from botocore.model import Shape

from clary.wire import scalars, timestamps
from clary.wire.malformed import SerializationError, wrong_type
from clary.wire.tree_codec import PLAIN_WRITERS, TreeCodec

_COMPACT = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


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
    return _COMPACT.encode(document).encode("utf-8", "replace")


def _string(shape: Shape, value: Any) -> str:
    if type(value) is not str:
        raise wrong_type(value, shape.type_name)
    return value


def _boolean(shape: Shape, value: Any) -> bool:
    if type(value) is not bool:
        raise wrong_type(value, shape.type_name)
    return value


def _integer(shape: Shape, value: Any) -> int:
    if type(value) is int:
        return value
    if type(value) is float and math.isfinite(value):
        return int(value)
    raise wrong_type(value, shape.type_name)


def _float(shape: Shape, value: Any) -> float:
    if type(value) in (int, float):
        return value
    if value in ("NaN", "Infinity", "-Infinity"):
        return float(value)
    raise wrong_type(value, shape.type_name)


def _timestamp(shape: Shape, value: Any) -> datetime:
    if type(value) not in (int, float, str):
        raise wrong_type(value, shape.type_name)
    try:
        return timestamps.parse(value)
    except ValueError as error:
        raise SerializationError(f"Unable to parse date as type: {value}") from error


def _blob(shape: Shape, value: Any) -> bytes:
    if type(value) is not str:
        raise wrong_type(value, shape.type_name)
    try:
        return base64.b64decode(value)
    except (binascii.Error, ValueError) as error:
        raise SerializationError("only base-64-encoded strings are convertible to bytes") from error


def _write_float(_shape: Shape, value: float) -> float | str:
    return float(value) if math.isfinite(value) else scalars.float_text(value)


def _write_timestamp(shape: Shape, value: Any) -> float | str:
    style = shape.serialization.get("timestampFormat", "unixTimestamp")
    return timestamps.as_seconds(value) if style == "unixTimestamp" else timestamps.as_text(value, style)


def _write_blob(shape: Shape, value: bytes | str) -> str:
    return scalars.to_text(shape, value, "")


JSON = TreeCodec(
    readers={
        "string": _string,
        "character": _string,
        "boolean": _boolean,
        "integer": _integer,
        "long": _integer,
        "float": _float,
        "double": _float,
        "timestamp": _timestamp,
        "blob": _blob,
    },
    writers={
        **PLAIN_WRITERS,
        "float": _write_float,
        "double": _write_float,
        "timestamp": _write_timestamp,
        "blob": _write_blob,
    },
)
