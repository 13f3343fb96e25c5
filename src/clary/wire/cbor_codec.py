"""CBOR bodies (smithy-rpc-v2-cbor): bytes to documents, and what scalars look like in them.

Timestamps are tag 1, blobs are byte strings.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import cbor2
from botocore.model import Shape

from clary.wire import timestamps
from clary.wire.malformed import SerializationError, wrong_type
from clary.wire.tree_codec import PLAIN_WRITERS, TreeCodec

_EPOCH_TAG = 1
_TYPES: dict[str, tuple[type, ...]] = {
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


def _plain(shape: Shape, value: Any) -> Any:
    if type(value) not in _TYPES[shape.type_name]:
        raise wrong_type(value, shape.type_name)
    return value


def _timestamp(shape: Shape, value: Any) -> datetime:
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    if type(value) not in (int, float):
        raise wrong_type(value, shape.type_name)
    try:
        return timestamps.parse(value)
    except ValueError as error:
        raise SerializationError(f"Unable to parse date as type: {value}") from error


def _write_float(_shape: Shape, value: Any) -> float:
    return float(value)


def _write_timestamp(_shape: Shape, value: Any) -> Any:
    return cbor2.CBORTag(_EPOCH_TAG, timestamps.as_seconds(value))


def _write_blob(_shape: Shape, value: bytes | str) -> bytes:
    return value.encode() if isinstance(value, str) else bytes(value)


CBOR = TreeCodec(
    readers={**dict.fromkeys(_TYPES, _plain), "timestamp": _timestamp},
    writers={
        **PLAIN_WRITERS,
        "float": _write_float,
        "double": _write_float,
        "timestamp": _write_timestamp,
        "blob": _write_blob,
    },
    undefined=cbor2.undefined,
)
