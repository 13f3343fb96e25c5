"""Single values as text: in headers, query strings, paths, forms and XML.

One row a shape type in two tables; whoever calls turns ValueError into its protocol's own refusal.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable
from typing import Any

from botocore.model import Shape

from clary.wire import timestamps


def from_text(shape: Shape, text: str) -> Any:
    """Return the value that `text` stands for; raise ValueError if it is none of this type."""
    return _READERS[shape.type_name](text)


def to_text(shape: Shape, value: Any, timestamp_style: str) -> str:
    """Return `value` as text; `timestamp_style` is the format where the model names none."""
    if shape.type_name == "timestamp":
        return timestamps.as_text(value, shape.serialization.get("timestampFormat", timestamp_style))
    return _WRITERS[shape.type_name](value)


def float_text(value: float) -> str:
    """Return a number as AWS writes it: NaN, Infinity and -Infinity have names."""
    if math.isfinite(value):
        return repr(value)
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _boolean(text: str) -> bool:
    found = {"true": True, "false": False}.get(text.lower())
    if found is None:
        raise ValueError(f"{text!r} is neither true nor false")
    return found


def _integer(text: str) -> int:
    if not text.isascii() or "_" in text:
        raise ValueError(f"{text!r} is no integer")
    return int(text)


def _float(text: str) -> float:
    if not text.isascii() or "_" in text:
        raise ValueError(f"{text!r} is no number")
    return float(text)


def _blob_text(value: bytes | str) -> str:
    return base64.b64encode(value.encode() if isinstance(value, str) else value).decode("ascii")


def _boolean_text(value: object) -> str:
    return "true" if value else "false"


def _integer_text(value: float) -> str:
    return str(int(value))


_READERS: dict[str, Callable[[str], Any]] = {
    "string": str,
    "character": str,
    "boolean": _boolean,
    "integer": _integer,
    "long": _integer,
    "float": _float,
    "double": _float,
    "timestamp": timestamps.parse,
    "blob": base64.b64decode,
}

_WRITERS: dict[str, Callable[[Any], str]] = {
    "string": str,
    "character": str,
    "boolean": _boolean_text,
    "integer": _integer_text,
    "long": _integer_text,
    "float": float_text,
    "double": float_text,
    "blob": _blob_text,
}
