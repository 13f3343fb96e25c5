"""Multipart uploads: begun, completed without a copy of their bytes, or aborted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from clary.services.operation import Call, Operations, Params, Result, operation
from clary.services.s3 import checksums, completion, conditions, faults, metadata, tags, writing
from clary.services.s3.listings import Encode, encoder, limit_of, slice_of
from clary.services.s3.ownership import canonical_id, key_of, own_bucket, owner, version_id, versioning
from clary.services.s3.parts import checksum_of, upload_of
from clary.store.objects import Version
from clary.store.records import Record
from clary.store.uploads import PartsMoved, Upload, new_upload_id

TRIES_MAX = 5
"""How often parts may be replaced while their upload is being completed."""


class Uploads(Operations):
    """Begins, completes, aborts and lists uploads."""

    @operation("CreateMultipartUpload")
    def create(self, call: Call, request: Params) -> Result:
        """Begin an upload."""
        bucket, key = own_bucket(call, request), key_of(request)
        algorithm, kind = _checksum(request)
        upload = Upload(
            id=new_upload_id(call.now),
            bucket=bucket.uid,
            key=key,
            initiated=call.now,
            initiator="" if call.principal.sort == "Root" else call.principal.arn,
            checksum_algorithm=algorithm,
            checksum_type=kind,
            about=metadata.about(request),
            tags=tags.from_header(request.get("Tagging", "")),
        )
        with writing.refusals(bucket):
            call.store.uploads.create(upload)
        return {"Bucket": bucket.name, "Key": key, "UploadId": upload.id, **checksum_of(upload)}

    @operation("CompleteMultipartUpload")
    def complete(self, call: Call, request: Params) -> Result:
        """Make an object of the parts; asked again after it was done, the answer is the same."""
        bucket, key = own_bucket(call, request), key_of(request)
        done = call.store.uploads.completed(bucket.uid, key, request["UploadId"])
        if done is not None:
            return _completed(call, bucket, done)
        upload = upload_of(call, bucket, request)
        check = conditions.on_write(request)
        for _ in range(TRIES_MAX):
            parts = completion.chosen(upload, call.store.uploads.parts(upload.id), request)
            new = completion.assembled(upload, parts, request, call.now)
            try:
                with writing.refusals(bucket):
                    written = call.store.uploads.complete(upload, new, parts, versioning(bucket), check=check)
            except PartsMoved:
                continue
            call.store.blobs.remove(written.freed)
            assert written.version is not None
            return _completed(call, bucket, written.version)
        raise faults.conflict()

    @operation("AbortMultipartUpload")
    def abort(self, call: Call, request: Params) -> Result:
        """Forget an upload and its parts."""
        bucket = own_bucket(call, request)
        with writing.refusals(bucket):
            call.store.blobs.remove(call.store.uploads.abort(upload_of(call, bucket, request)))
        return None

    @operation("ListMultipartUploads")
    def list(self, call: Call, request: Params) -> Result:
        """Return a page of the uploads that are open."""
        bucket = own_bucket(call, request)
        limit, encode = limit_of(request, "MaxUploads"), encoder(request)
        key = request.get("KeyMarker", "")
        mark = request.get("UploadIdMarker", "") if key else ""
        page = call.store.uploads.page(bucket.uid, slice_of(request, after=key, after_id=mark, limit=limit))
        result: dict[str, Any] = {
            "Bucket": bucket.name,
            "KeyMarker": encode(key),
            "UploadIdMarker": mark,
            "MaxUploads": limit,
            "IsTruncated": page.truncated,
            "Prefix": encode(request.get("Prefix", "")),
            "CommonPrefixes": [{"Prefix": encode(each)} for each in page.prefixes],
            "Uploads": [_listed(each, bucket, encode) for each in page.items],
        }
        result |= {name: encode(request[name]) for name in ("Delimiter",) if request.get(name)}
        result |= {name: request[name] for name in ("EncodingType",) if request.get(name)}
        return {**result, **_next(page.items, page.last, encode)} if page.truncated else result


def _checksum(request: Params) -> tuple[str, str]:
    """Return algorithm and type that the client chose, or two empty texts."""
    name, kind = request.get("ChecksumAlgorithm", ""), request.get("ChecksumType", "")
    if not name:
        if kind:
            raise faults.invalid_request("The x-amz-checksum-type header can only be used with the "
                                         "x-amz-checksum-algorithm header.")  # fmt: skip
        return "", ""
    algorithm = checksums.named(name)
    kind = kind or algorithm.default_type
    fits = algorithm.composite if kind == checksums.COMPOSITE else algorithm.combine is not None
    if not fits or kind not in (checksums.COMPOSITE, checksums.FULL):
        raise faults.invalid_request(
            f"The {kind} checksum type cannot be used with the {algorithm.name.lower()} checksum algorithm."
        )
    return algorithm.name, kind


def _completed(call: Call, bucket: Record, version: Version) -> dict[str, Any]:
    host = call.http.headers.get("host") if call.http is not None else ""
    path = f"/{bucket.name}/{version.key}"
    return {
        "Location": f"http://{host}{path}" if host else path,
        "Bucket": bucket.name,
        "Key": version.key,
        "ETag": f'"{version.etag}"',
        **checksums.told(version.checksum),
        **version_id(bucket, version),
    }


def _listed(upload: Upload, bucket: Record, encode: Encode) -> dict[str, Any]:
    return {
        "UploadId": upload.id,
        "Key": encode(upload.key),
        "Initiated": upload.initiated,
        "StorageClass": upload.about["StorageClass"],
        "Owner": owner(bucket),
        "Initiator": {"ID": upload.initiator or canonical_id(bucket.account)},
        **checksum_of(upload),
    }


def _next(items: Sequence[Upload], last: str, encode: Encode) -> Mapping[str, str]:
    mark = items[-1].id if items and items[-1].key == last else ""
    return {"NextKeyMarker": encode(last), "NextUploadIdMarker": mark}
