"""Bodies to arrays."""

from __future__ import annotations

from typing import Any

from clary_runtime.scripts import codecs


def decode(obj: str | bytes, content_type: str) -> Any:
    """Return a body as an array."""
    return codecs.decode(obj.encode() if isinstance(obj, str) else obj, content_type)
