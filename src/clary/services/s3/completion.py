"""What CompleteMultipartUpload asks of a list of parts, and what object they make. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from clary.core.errors import ServiceError
from clary.services.s3 import checksums, faults
from clary.services.s3.parts import PART_NUMBER_MAX, algorithm_of
from clary.store.objects import Checksum, New, Part
from clary.store.uploads import Upload

PART_BYTES_MIN = 5 * 1024**2
"""Of every part but the last."""


def chosen(upload: Upload, stored: Sequence[Part], request: Mapping[str, Any]) -> list[Part]:
    """Return the parts that a request names, or raise why they do not make an object."""
    named = request.get("MultipartUpload", {}).get("Parts", ())
    if not 1 <= len(named) <= PART_NUMBER_MAX or any("PartNumber" not in each for each in named):
        raise faults.malformed_xml()
    if any(one["PartNumber"] >= two["PartNumber"] for one, two in pairwise(named)):
        text = "The list of parts was not in ascending order. Parts must be ordered by part number."
        raise ServiceError(text, code="InvalidPartOrder", status=400)
    by_number = {part.number: part for part in stored}
    parts = [_matching(upload, by_number.get(each["PartNumber"]), each) for each in named]
    for part in parts[:-1]:
        if part.blob.size < PART_BYTES_MIN:
            raise _too_small(part)
    return parts


def assembled(upload: Upload, parts: Sequence[Part], request: Mapping[str, Any], now: float) -> New:
    """Return the object that the parts make, or raise when it is not the one that the client expects."""
    size = sum(part.blob.size for part in parts)
    expected_size = request.get("MpuObjectSize")
    if expected_size is not None and expected_size != size:
        raise faults.invalid_request(
            f"The provided 'x-amz-mp-object-size' header value {expected_size} does not match what was computed: {size}"
        )
    etags = b"".join(bytes.fromhex(part.etag) for part in parts)
    digest = checksums.md5()
    digest.update(etags)
    return New(
        key=upload.key,
        size=size,
        etag=f"{digest.digest().hex()}-{len(parts)}",
        modified=now,
        checksum=_checksum(upload, parts, request),
        about=upload.about,
        tags=upload.tags,
        parts=len(parts),
        upload=upload.id,
    )


def _matching(upload: Upload, part: Part | None, named: Mapping[str, Any]) -> Part:
    """Return the part if it is the one that is named."""
    etag = named.get("ETag", "").strip('"')
    member = algorithm_of(upload).member
    if part is None or etag != part.etag or named.get(member, part.checksum) != part.checksum:
        raise ServiceError(
            "One or more of the specified parts could not be found.  The part may not have been uploaded, or the "
            "specified entity tag may not match the part's entity tag.",
            code="InvalidPart",
            status=400,
            UploadId=upload.id,
            PartNumber=named["PartNumber"],
            ETag=etag,
        )
    if upload.checksum_type == checksums.COMPOSITE and member not in named:
        raise faults.invalid_request(
            f"The upload was created using a {upload.checksum_algorithm.lower()} checksum. The complete request must "
            f"include the checksum for each part. It was missing for part {part.number} in the request."
        )
    return part


def _checksum(upload: Upload, parts: Sequence[Part], request: Mapping[str, Any]) -> Checksum:
    algorithm = algorithm_of(upload)
    kind = upload.checksum_type or checksums.FULL
    if request.get("ChecksumType", kind) != kind:
        raise faults.invalid_request(
            f"Checksum Type mismatch occurred, expected checksum Type: {kind}, actual checksum Type: "
            f"{request['ChecksumType']}"
        )
    checksum = checksums.joined(algorithm, kind, parts)
    expected = request.get(algorithm.member, "")
    if expected and expected not in (checksum.value, checksum.value.partition("-")[0]):
        text = f"The {algorithm.name} you specified did not match the calculated checksum."
        raise ServiceError(text, code="BadDigest", status=400)
    return checksum


def _too_small(part: Part) -> ServiceError:
    return ServiceError(
        "Your proposed upload is smaller than the minimum allowed size",
        code="EntityTooSmall",
        status=400,
        ProposedSize=part.blob.size,
        MinSizeAllowed=PART_BYTES_MIN,
        PartNumber=part.number,
        ETag=part.etag,
    )
