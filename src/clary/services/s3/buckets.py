"""Buckets: names that stand once in the whole world, each owned by one account in one region."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from clary.core.errors import ServiceError
from clary.resources.lifecycle import BUCKET
from clary.services.operation import Call, Operations, Params, Result, operation
from clary.services.s3 import faults, metadata
from clary.services.s3.ownership import canonical_id, own_bucket
from clary.services.s3.tags import BUCKET_TAGS_MAX, checked
from clary.store.query import PAGE_MAX, Query
from clary.store.records import NameTaken, Record

BUCKETS_PAGE_MAX = 10_000
HOME_REGION = "us-east-1"
TRIES_MAX = 5
"""How often a new bucket may meet the remains of an old one."""
_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_IP = re.compile(r"\d+\.\d+\.\d+\.\d+")
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")
_PREFIXES = ("xn--", "sthree-", "amzn-s3-demo-")
_SUFFIXES = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")


class Buckets(Operations):
    """Creates, finds and deletes buckets."""

    @operation("CreateBucket")
    def create(self, call: Call, request: Params) -> Result:
        """Create a bucket; in us-east-1 one's own again is no error, as in AWS."""
        name = request["Bucket"]
        _check_name(name)
        metadata.refuse_unbuilt(request)
        if request.get("ObjectLockEnabledForBucket"):
            raise faults.not_implemented("x-amz-bucket-object-lock-enabled")
        region = _region(call, request.get("CreateBucketConfiguration", {}))
        tags = checked(
            [(each["Key"], each["Value"]) for each in request.get("CreateBucketConfiguration", {}).get("Tags", ())],
            BUCKET_TAGS_MAX,
        )
        self._create(call, name, region, tags)
        return {"Location": f"/{name}", "BucketArn": f"arn:aws:s3:::{name}"}

    @operation("HeadBucket")
    def head(self, call: Call, request: Params) -> Result:
        """Return where a bucket lies."""
        bucket = own_bucket(call, request)
        return {
            "BucketRegion": bucket.spec["Region"],
            "AccessPointAlias": False,
            "BucketArn": f"arn:aws:s3:::{bucket.name}",
        }

    @operation("GetBucketLocation")
    def location(self, call: Call, request: Params) -> Result:
        """Return the region of a bucket, empty for us-east-1."""
        region = own_bucket(call, request).spec["Region"]
        return {"LocationConstraint": "" if region == HOME_REGION else region}

    @operation("ListBuckets")
    def list(self, call: Call, request: Params) -> Result:
        """Return the account's buckets by name."""
        limit = request.get("MaxBuckets", BUCKETS_PAGE_MAX)
        if not 1 <= limit <= BUCKETS_PAGE_MAX:
            raise faults.invalid_argument("Argument max-buckets must be an integer between 1 and 10000.", "max-buckets")
        found = _after(_buckets(call, request.get("Prefix", "")), request)
        shown = list(islice(found, limit))
        result: dict[str, Any] = {
            "Buckets": [_listed(each) for each in shown],
            "Owner": {"ID": canonical_id(call.account)},
        }
        if request.get("Prefix"):
            result["Prefix"] = request["Prefix"]
        if next(found, None) is not None:
            result["ContinuationToken"] = base64.urlsafe_b64encode(shown[-1].name.encode()).decode()
        return result

    @operation("DeleteBucket")
    def delete(self, call: Call, request: Params) -> Result:
        """Delete a bucket that is empty."""
        bucket = own_bucket(call, request)
        if not call.store.objects.close_bucket(bucket.uid):
            text = "The bucket you tried to delete is not empty"
            raise ServiceError(text, code="BucketNotEmpty", status=409, BucketName=bucket.name)
        self._forget(bucket)
        return None

    def _create(self, call: Call, name: str, region: str, tags: dict[str, str]) -> None:
        records = self.platform.store.records(call.account, region)
        attributes = {f"tag:{key}": value for key, value in tags.items()}
        for _ in range(TRIES_MAX):
            try:
                bucket = records.create(BUCKET, name, {"Region": region, "Tags": tags}, attributes=attributes)
            except NameTaken as taken:
                if self._stands(call, taken.record):
                    _meet(call, taken.record, region)
                    return
                self._forget(taken.record)
            else:
                call.store.objects.open_bucket(bucket.uid, call.account)
                return
        raise faults.conflict()

    def _stands(self, call: Call, bucket: Record) -> bool:
        """Return False for a bucket of this account that nothing can be in: who made or deleted it died half-way."""
        return bucket.account != call.account or call.store.objects.has_bucket(bucket.uid)

    def _forget(self, bucket: Record) -> None:
        """Remove the record, however often somebody writes to it meanwhile: its contents are closed already."""
        records = self.platform.store.records(bucket.account, bucket.region)
        with records.together() as together:
            found = together.find(BUCKET, bucket.name)
            if found is not None and found.uid == bucket.uid:
                together.remove(found)


def _meet(call: Call, bucket: Record, region: str) -> None:
    """Answer a CreateBucket whose name is taken."""
    if bucket.account != call.account:
        text = (
            "The requested bucket name is not available. The bucket namespace is shared by all users of the "
            "system. Please select a different name and try again."
        )
        raise ServiceError(text, code="BucketAlreadyExists", status=409, BucketName=bucket.name)
    if (region, bucket.spec["Region"]) != (HOME_REGION, HOME_REGION):
        text = "Your previous request to create the named bucket succeeded and you already own it."
        raise ServiceError(text, code="BucketAlreadyOwnedByYou", status=409, BucketName=bucket.name)


def _buckets(call: Call, prefix: str) -> Iterator[Record]:
    token = ""
    while True:
        page = call.store.records.page(BUCKET, Query(name_prefix=prefix, sort="name", limit=PAGE_MAX, token=token))
        yield from page.items
        token = page.next_token
        if not token:
            return


def _after(buckets: Iterable[Record], request: Params) -> Iterator[Record]:
    """Give the buckets behind a continuation token, of one region if one is named."""
    try:
        after = base64.urlsafe_b64decode(request.get("ContinuationToken", "")).decode()
    except ValueError:
        raise faults.invalid_argument("The continuation token provided is incorrect", "continuation-token") from None
    region = request.get("BucketRegion")
    return (each for each in buckets if each.name > after and region in (None, each.spec["Region"]))


def _listed(bucket: Record) -> dict[str, Any]:
    return {
        "Name": bucket.name,
        "CreationDate": bucket.created,
        "BucketRegion": bucket.spec["Region"],
        "BucketArn": f"arn:aws:s3:::{bucket.name}",
    }


def _check_name(name: str) -> None:
    wrong = (
        not _NAME.fullmatch(name)
        or ".." in name
        or _IP.fullmatch(name)
        or name.startswith(_PREFIXES)
        or name.endswith(_SUFFIXES)
    )
    if wrong:
        raise ServiceError("The specified bucket is not valid.", code="InvalidBucketName", status=400, BucketName=name)


def _region(call: Call, configuration: Params) -> str:
    """Return the region of a new bucket, or raise IllegalLocationConstraintException or InvalidLocationConstraint."""
    wanted = configuration.get("LocationConstraint") or ""
    wanted = "eu-west-1" if wanted == "EU" else wanted
    if wanted == HOME_REGION or (wanted and not _REGION.fullmatch(wanted)):
        raise ServiceError(
            "The specified location-constraint is not valid", code="InvalidLocationConstraint", status=400
        )
    if call.region == HOME_REGION:
        return wanted or HOME_REGION
    if wanted != call.region:
        raise ServiceError(
            f"The {wanted or 'unspecified'} location constraint is incompatible for the region specific endpoint "
            "this request was sent to.",
            code="IllegalLocationConstraintException",
            status=400,
        )
    return wanted
