from __future__ import annotations

import base64
import hashlib
import random
import zlib

import pytest

from clary.core.errors import ServiceError
from clary.services.s3.checksums import ALGORITHMS, COMPOSITE, FULL, encoded, given, joined, named, trailing
from clary.store.blobs import Blob
from clary.store.objects import Part

# Of b"123456789": the check values of the catalogue of parametrised CRC algorithms, and of the algorithms' standards.
CHECKS = {
    "CRC32": "cbf43926",
    "CRC32C": "e3069283",
    "CRC64NVME": "ae8b14860a799888",
    "SHA1": "f7c3bc1d808e04732adf679965ccc34ca7ae3441",
    "SHA256": "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225",
    "MD5": "25f9e794323b453885f5181f1b624d0b",
    "XXHASH64": "8cb841db40e6ae83",
}


@pytest.mark.parametrize(("name", "value"), CHECKS.items())
def test_an_algorithm_gives_its_check_value_however_the_bytes_are_cut(name: str, value: str) -> None:
    algorithm = ALGORITHMS[name]
    assert algorithm.of(b"123456789").hex() == value
    digest = algorithm.start()
    for piece in (b"1234", b"", b"56789"):
        digest.update(piece)
    assert digest.digest().hex() == value


@pytest.mark.parametrize("name", ALGORITHMS)
def test_every_algorithm_gives_as_many_bytes_as_it_says(name: str) -> None:
    assert len(ALGORITHMS[name].of(b"x")) == ALGORITHMS[name].size


@pytest.mark.parametrize("name", [each.name for each in ALGORITHMS.values() if each.combine])
def test_crcs_of_parts_make_that_of_the_whole(name: str) -> None:
    algorithm, draw = ALGORITHMS[name], random.Random(4)
    datas = [draw.randbytes(size) for size in (1000, 1, 0, 333)]
    parts = [Part(at, Blob("", len(data)), "", 0.0, encoded(algorithm.of(data))) for at, data in enumerate(datas, 1)]
    assert joined(algorithm, FULL, parts).value == encoded(algorithm.of(b"".join(datas)))


def test_a_composite_checksum_is_that_of_the_parts_checksums() -> None:
    algorithm = ALGORITHMS["SHA256"]
    parts = [Part(at, Blob("", 1), "", 0.0, encoded(algorithm.of(data))) for at, data in ((1, b"a"), (2, b"b"))]
    both = hashlib.sha256(b"a").digest() + hashlib.sha256(b"b").digest()
    assert joined(algorithm, COMPOSITE, parts).value == base64.b64encode(hashlib.sha256(both).digest()).decode() + "-2"


def test_one_checksum_may_be_given_and_it_must_be_one() -> None:
    value = base64.b64encode(zlib.crc32(b"x").to_bytes(4, "big")).decode()
    assert given({"ChecksumCRC32": value}) == (ALGORITHMS["CRC32"], value)
    assert given({}) is None
    for wrong in ({"ChecksumCRC32": value, "ChecksumSHA1": "x"}, {"ChecksumCRC32": "AA=="}, {"ChecksumSHA1": "é"}):
        with pytest.raises(ServiceError) as refused:
            given(wrong)
        assert refused.value.code == "InvalidRequest"


def test_algorithms_are_found_by_name_and_by_trailer() -> None:
    assert named("crc32c").name == "CRC32C"
    assert trailing("x-other, X-Amz-Checksum-Sha256") is ALGORITHMS["SHA256"]
    assert trailing("") is None
    with pytest.raises(ServiceError, match="unsupported"):
        named("CRC16")
