"""The checksums that S3 knows, and how those of parts make one of an object.

Amazon S3 user guide, «Checking object integrity»: a checksum is of the FULL_OBJECT, or COMPOSITE, that of
the parts' checksums. CRCs of parts combine to that of the whole.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Protocol

from clary.core import crt
from clary.services.s3 import faults
from clary.store.objects import Checksum, Part

DEFAULT = "CRC64NVME"
"""What S3 computes when the client gives none."""
FULL, COMPOSITE = "FULL_OBJECT", "COMPOSITE"
Combine = Callable[[int, int, int], int]


class Digest(Protocol):
    """A checksum that is being computed."""

    def update(self, data: bytes, /) -> None:
        """Take in the next bytes."""

    def digest(self) -> bytes:
        """Return the checksum."""


class _Crc:
    """A cyclic redundancy check."""

    def __init__(self, step: Callable[[bytes, int], int], size: int) -> None:
        self._step = step
        self._size = size
        self._value = 0

    def update(self, data: bytes, /) -> None:
        self._value = self._step(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(self._size, "big")


class _XxHash:
    """One of the xxHash family."""

    def __init__(self, state: Any) -> None:
        self._state = state

    def update(self, data: bytes, /) -> None:
        self._state.update(data)

    def digest(self) -> bytes:
        return self._state.finalize()


@dataclass(frozen=True, slots=True)
class Algorithm:
    """A checksum algorithm; `combine` is None where checksums of parts do not make one of the whole."""

    name: str
    size: int
    start: Callable[[], Digest]
    combine: Combine | None = None
    composite: bool = True

    @property
    def member(self) -> str:
        """Return the member of requests and results that holds it."""
        return f"Checksum{self.name}"

    @property
    def header(self) -> str:
        """Return the header or trailing header that holds it."""
        return f"x-amz-checksum-{self.name.lower()}"

    @property
    def default_type(self) -> str:
        """Return the type of an upload that names none."""
        return COMPOSITE if self.composite else FULL

    def of(self, data: bytes) -> bytes:
        """Return the checksum of some bytes."""
        digest = self.start()
        digest.update(data)
        return digest.digest()


def _sha1() -> Digest:
    return hashlib.sha1(usedforsecurity=False)


def md5() -> Digest:
    """Return a new MD5, which ETags are made of."""
    return hashlib.md5(usedforsecurity=False)


_TABLE = (
    Algorithm("CRC32", 4, lambda: _Crc(zlib.crc32, 4), crt.combine_crc32),
    Algorithm("CRC32C", 4, lambda: _Crc(crt.crc32c, 4), crt.combine_crc32c),
    Algorithm("CRC64NVME", 8, lambda: _Crc(crt.crc64nvme, 8), crt.combine_crc64nvme, composite=False),
    Algorithm("SHA1", 20, _sha1),
    Algorithm("SHA256", 32, hashlib.sha256),
    Algorithm("SHA512", 64, hashlib.sha512),
    Algorithm("MD5", 16, md5),
    Algorithm("XXHASH64", 8, lambda: _XxHash(crt.xxhash64())),
    Algorithm("XXHASH3", 8, lambda: _XxHash(crt.xxhash3_64())),
    Algorithm("XXHASH128", 16, lambda: _XxHash(crt.xxhash3_128())),
)
ALGORITHMS: Mapping[str, Algorithm] = MappingProxyType({each.name: each for each in _TABLE})


_BY_MEMBER: Mapping[str, Algorithm] = MappingProxyType({each.member: each for each in _TABLE})


def named(name: str) -> Algorithm:
    """Return an algorithm by its name, or raise InvalidRequest."""
    found = ALGORITHMS.get(name.upper())
    if found is None:
        raise faults.invalid_request("Checksum algorithm provided is unsupported. Please try again with any of the "
                                     f"valid types: [{', '.join(ALGORITHMS)}]")  # fmt: skip
    return found


def given(request: Mapping[str, Any]) -> tuple[Algorithm, str] | None:
    """Return the one checksum that a request holds in its headers, or None."""
    found = [(each, request[member]) for member, each in _BY_MEMBER.items() if request.get(member)]
    if len(found) > 1:
        raise faults.invalid_request(
            "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."
        )
    for algorithm, text in found:
        if decoded(text, algorithm.size) is None:
            raise faults.invalid_request(f"Value for {algorithm.header} header is invalid.")
    return found[0] if found else None


def trailing(names: str) -> Algorithm | None:
    """Return the algorithm that a header x-amz-trailer announces, or None."""
    if not names:
        return None
    announced = {name.strip().lower() for name in names.split(",")}
    return next((each for each in _TABLE if each.header in announced), None)


def decoded(text: str, size: int) -> bytes | None:
    """Return the bytes of a checksum in base64, or None when it is not one of that size."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw if len(raw) == size else None


def encoded(raw: bytes) -> str:
    """Return a checksum as requests and results hold it."""
    return base64.b64encode(raw).decode()


def joined(algorithm: Algorithm, kind: str, parts: Sequence[Part]) -> Checksum:
    """Return the checksum of an object made of parts, whose own checksums are of that algorithm."""
    raws = [base64.b64decode(part.checksum) for part in parts]
    if kind == COMPOSITE:
        return Checksum(algorithm.name, kind, f"{encoded(algorithm.of(b''.join(raws)))}-{len(parts)}")
    assert algorithm.combine is not None, "uploads of other algorithms are composite"
    sizes = (part.blob.size for part in parts)
    return Checksum(algorithm.name, kind, encoded(_combined(algorithm.combine, algorithm.size, raws, sizes)))


def _combined(combine: Combine, size: int, raws: Iterable[bytes], lengths: Iterable[int]) -> bytes:
    value = 0
    for raw, length in zip(raws, lengths, strict=True):
        value = combine(value, int.from_bytes(raw, "big"), length)
    return value.to_bytes(size, "big")


def told(checksum: Checksum) -> dict[str, str]:
    """Return the members of a result that hold a checksum."""
    if not checksum.algorithm:
        return {}
    return {f"Checksum{checksum.algorithm}": checksum.value, "ChecksumType": checksum.type}
