"""MD5 digests of messages, which clients compare with their own.

SQS developer guide, «Calculating the MD5 message digest for message attributes».
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping
from typing import Any

STRING, BINARY = b"\x01", b"\x02"


def md5_of(data: bytes) -> str:
    """Return the digest of a body."""
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def md5_of_attributes(attributes: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the digest of message attributes: name, type and value of each, by name."""
    encoded = b"".join(_encoded(name, attributes[name]) for name in sorted(attributes))
    return md5_of(encoded)


def _encoded(name: str, attribute: Mapping[str, Any]) -> bytes:
    binary = attribute.get("BinaryValue")
    transport, data = (STRING, attribute.get("StringValue", "").encode()) if binary is None else (BINARY, binary)
    return _sized(name.encode()) + _sized(attribute["DataType"].encode()) + transport + _sized(data)


def _sized(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data
