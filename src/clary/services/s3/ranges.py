"""Byte ranges, as RFC 9110 section 14 and S3 read them: one range, or the whole object."""

from __future__ import annotations

import re

from clary.core.errors import ServiceError
from clary.services.s3 import faults

_RANGE = re.compile(r"bytes=(\d{0,19})-(\d{0,19})", re.ASCII)
Span = tuple[int, int]
"""First byte, and the one behind the last."""


def requested(text: str, size: int) -> Span | None:
    """Return what a Range header asks for; None for all of it, as S3 answers to several ranges and to nonsense.

    Raises InvalidRange when no byte of the object lies in it.
    """
    match = _RANGE.fullmatch(text.strip())
    if match is None or (not match[1] and not match[2]):
        return None
    if not match[1]:
        span = max(size - int(match[2]), 0), size
    elif match[2] and int(match[2]) < int(match[1]):
        return None
    else:
        span = int(match[1]), min(int(match[2]) + 1, size) if match[2] else size
    if span[0] >= span[1]:
        raise ServiceError(
            "The requested range is not satisfiable",
            code="InvalidRange",
            status=416,
            RangeRequested=text,
            ActualObjectSize=size,
        )
    return span


def copied(text: str, size: int) -> Span:
    """Return what CopySourceRange asks for, which must be a range inside the source."""
    match = _RANGE.fullmatch(text.strip())
    if match is None or not match[1] or not match[2] or int(match[2]) < int(match[1]):
        text = "The x-amz-copy-source-range value must be of the form bytes=first-last"
        raise faults.invalid_argument(f"{text} where first and last are the zero-based offsets of the first and last "
                                      "bytes to copy", "x-amz-copy-source-range")  # fmt: skip
    if int(match[2]) >= size:
        raise faults.invalid_argument(
            f"Range specified is not valid for source object of size: {size}", "x-amz-copy-source-range", text
        )
    return int(match[1]), int(match[2]) + 1
