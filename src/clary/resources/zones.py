"""Availability zones: labels of the machine's parts, here only names, which instances of a variant are spread over.

The rule is pure, so that an instance that is started anew after any crash is in the zone that it was in.
"""

from __future__ import annotations

import zlib
from typing import Final

ZONES_DEFAULT: Final = 3


def zones(region: str, count: int) -> list[str]:
    """Return the names of a region's zones: us-east-1a and so on."""
    return [f"{region}{chr(ord('a') + index)}" for index in range(count)]


def zone_of(region: str, count: int, group: str, index: int) -> str:
    """Return the zone of the index-th instance of a group.

    Any run of indices is in each zone as often as in any other, give or take one; each group begins in a zone of its
    own, so that the many groups of one instance are not all in the first zone.
    """
    return zones(region, count)[(zlib.crc32(group.encode()) + index) % count]
