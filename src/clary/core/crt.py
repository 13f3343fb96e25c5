"""awscrt's checksums, which import it when the first one is computed.

That takes 60 ms of processor, since the TLS that it brings along gathers entropy at once: no start waits for it.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any


def _late(name: str) -> Callable[..., Any]:
    """Return a function that finds the one of this name when it is called."""
    found = attrgetter(name)

    def call(*arguments: Any) -> Any:
        from awscrt import checksums

        return found(checksums)(*arguments)

    return call


crc32c = _late("crc32c")
crc64nvme = _late("crc64nvme")
combine_crc32 = _late("combine_crc32")
combine_crc32c = _late("combine_crc32c")
combine_crc64nvme = _late("combine_crc64nvme")
xxhash64 = _late("XXHash.new_xxhash64")
xxhash3_64 = _late("XXHash.new_xxhash3_64")
xxhash3_128 = _late("XXHash.new_xxhash3_128")
