"""Arrays to bodies."""

from __future__ import annotations

from typing import Any

from clary_runtime.scripts import codecs


def encode(array_like: Any, content_type: str) -> str | bytes:
    """Return an array in a format: text for text formats, bytes for others, as the toolkit returns them."""
    body = codecs.encode(array_like, content_type)
    return body.decode("utf-8") if codecs.bare(content_type) in codecs.TEXT_TYPES else body
