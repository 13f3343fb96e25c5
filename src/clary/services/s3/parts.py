"""The parts of multipart uploads: sent, or copied from objects."""

from __future__ import annotations

from typing import Any

from clary.services.operation import Call, Operations, Params, Result, operation
from clary.services.s3 import checksums, faults, ranges, writing
from clary.services.s3.checksums import Algorithm
from clary.services.s3.copies import open_source
from clary.services.s3.ownership import canonical_id, key_of, own_bucket, owner
from clary.services.s3.writing import Received
from clary.store.blobs import Blob, Draft
from clary.store.objects import Part
from clary.store.records import Record
from clary.store.uploads import Upload

PART_NUMBER_MAX = 10_000
PARTS_PAGE_MAX = 1000


class Parts(Operations):
    """Receives and lists parts."""

    @operation("UploadPart")
    def put(self, call: Call, request: Params) -> Result:
        """Store a part; one of the same number is replaced."""
        bucket = own_bucket(call, request)
        upload, number = upload_of(call, bucket, request), _number(request)
        algorithm = algorithm_of(upload)
        expected = writing.expected(call, request, algorithm.name)
        if upload.checksum_algorithm and expected.algorithm.name != upload.checksum_algorithm:
            raise faults.invalid_request(
                f"Checksum Type mismatch occurred, expected checksum Type: {upload.checksum_algorithm.lower()}, "
                f"actual checksum Type: {expected.algorithm.name.lower()}"
            )
        with call.store.blobs.draft(group_of(upload)) as draft:
            received = writing.receive(draft, request.get("Body", b""), expected, algorithm)
            _land(call, bucket, draft, upload, number, received)
        told = {expected.algorithm.member: received.checksums[expected.algorithm.name]}
        return {"ETag": f'"{received.etag}"', **told}

    @operation("UploadPartCopy")
    def copy(self, call: Call, request: Params) -> Result:
        """Store a part that is an object, or a range of one."""
        bucket = own_bucket(call, request)
        upload, number = upload_of(call, bucket, request), _number(request)
        source = open_source(call, request)
        size = source.version.size
        span = ranges.copied(request["CopySourceRange"], size) if request.get("CopySourceRange") else (0, size)
        algorithm = algorithm_of(upload)
        with call.store.blobs.draft(group_of(upload)) as draft:
            received = writing.fill(draft, source.reader.pieces(*span), algorithm)
            _land(call, bucket, draft, upload, number, received)
        told: dict[str, Any] = {"ETag": f'"{received.etag}"', "LastModified": call.now}
        if upload.checksum_algorithm:
            told[algorithm.member] = received.checksums[algorithm.name]
        return {"CopyPartResult": told, **source.version_id}

    @operation("ListParts")
    def list(self, call: Call, request: Params) -> Result:
        """Return a page of the parts that came so far."""
        bucket = own_bucket(call, request)
        upload = upload_of(call, bucket, request)
        after, limit = page_of(request)
        parts = call.store.uploads.parts(upload.id, after=after, limit=limit + 1)
        shown = parts[:limit]
        result = {
            "Bucket": bucket.name,
            "Key": upload.key,
            "UploadId": upload.id,
            "PartNumberMarker": after,
            "NextPartNumberMarker": shown[-1].number if shown else after,
            "MaxParts": limit,
            "IsTruncated": bool(shown) and len(parts) > limit,
            "Parts": [_listed(upload, part) for part in shown],
            "Initiator": {"ID": upload.initiator or canonical_id(bucket.account)},
            "Owner": owner(bucket),
            "StorageClass": upload.about["StorageClass"],
        }
        return {**result, **checksum_of(upload)}


def page_of(request: Params) -> tuple[int, int]:
    """Return the part that a page comes after and how many it holds at most, or raise InvalidArgument."""
    after, limit = request.get("PartNumberMarker", 0), request.get("MaxParts", PARTS_PAGE_MAX)
    if limit < 0 or after < 0:
        raise faults.invalid_argument("Argument max-parts and part-number-marker must not be negative", "max-parts")
    return after, min(limit, PARTS_PAGE_MAX)


def upload_of(call: Call, bucket: Record, request: Params) -> Upload:
    """Return the open upload that a request names, or raise NoSuchUpload."""
    upload = call.store.uploads.find(bucket.uid, key_of(request), request["UploadId"])
    if upload is None:
        raise faults.no_such_upload(request["UploadId"])
    return upload


def algorithm_of(upload: Upload) -> Algorithm:
    """Return the algorithm whose checksums make that of the object; "" was chosen by nobody."""
    return checksums.named(upload.checksum_algorithm or checksums.DEFAULT)


def checksum_of(upload: Upload) -> dict[str, str]:
    """Return the members that tell what checksum the client chose."""
    if not upload.checksum_algorithm:
        return {}
    return {"ChecksumAlgorithm": upload.checksum_algorithm, "ChecksumType": upload.checksum_type}


def group_of(upload: Upload) -> str:
    """Return the group of the upload's blobs, which will be read together; the id ends at random."""
    return upload.id[-2:]


def _number(request: Params) -> int:
    number: int = request["PartNumber"]
    if not 1 <= number <= PART_NUMBER_MAX:
        text = f"Part number must be an integer between 1 and {PART_NUMBER_MAX}, inclusive"
        raise faults.invalid_argument(text, "partNumber", str(number))
    return number


def _land(call: Call, bucket: Record, draft: Draft, upload: Upload, number: int, received: Received) -> None:
    def write(blob: Blob) -> list[str]:
        checksum = received.checksums[algorithm_of(upload).name]
        return call.store.uploads.add_part(upload, Part(number, blob, received.etag, call.now, checksum))

    call.store.blobs.remove(writing.land(bucket, draft, write))


def _listed(upload: Upload, part: Part) -> dict[str, Any]:
    checksum = {f"Checksum{upload.checksum_algorithm}": part.checksum} if upload.checksum_algorithm else {}
    return {
        "PartNumber": part.number,
        "LastModified": part.modified,
        "ETag": f'"{part.etag}"',
        "Size": part.blob.size,
        **checksum,
    }
