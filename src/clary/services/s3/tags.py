"""Tags of buckets and objects, and the rules they obey."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import parse_qsl

from clary.core.errors import ServiceError
from clary.services.operation import Call, Operations, Params, Result, operation
from clary.services.s3 import faults
from clary.services.s3.ownership import configure, key_of, own_bucket, version_id
from clary.services.s3.reading import stored

OBJECT_TAGS_MAX = 10
BUCKET_TAGS_MAX = 50
NAME_MAX = 128
VALUE_MAX = 256


class Tags(Operations):
    """Reads and writes the tags of buckets and objects."""

    @operation("PutBucketTagging")
    def put_of_bucket(self, call: Call, request: Params) -> Result:
        """Replace the tags of a bucket."""
        bucket = own_bucket(call, request)
        tags = checked(_pairs(request["Tagging"]["TagSet"]), BUCKET_TAGS_MAX)
        attributes = {f"tag:{name}": value for name, value in tags.items()}
        configure(call, bucket.name, {"Tags": tags}, attributes)
        return None

    @operation("GetBucketTagging")
    def get_of_bucket(self, call: Call, request: Params) -> Result:
        """Return the tags of a bucket."""
        tags = own_bucket(call, request).spec.get("Tags")
        if not tags:
            raise ServiceError("The TagSet does not exist", code="NoSuchTagSet", status=404)
        return {"TagSet": listed(tags)}

    @operation("DeleteBucketTagging")
    def delete_of_bucket(self, call: Call, request: Params) -> Result:
        """Remove all tags of a bucket."""
        bucket = own_bucket(call, request)
        configure(call, bucket.name, {"Tags": None}, {})
        return None

    @operation("PutObjectTagging")
    def put_of_object(self, call: Call, request: Params) -> Result:
        """Replace the tags of an object's version."""
        return self._set(call, request, checked(_pairs(request["Tagging"]["TagSet"]), OBJECT_TAGS_MAX))

    @operation("GetObjectTagging")
    def get_of_object(self, call: Call, request: Params) -> Result:
        """Return the tags of an object's version."""
        bucket = own_bucket(call, request)
        version = stored(call, bucket, key_of(request), request.get("VersionId", ""))
        return {**version_id(bucket, version), "TagSet": listed(version.tags)}

    @operation("DeleteObjectTagging")
    def delete_of_object(self, call: Call, request: Params) -> Result:
        """Remove all tags of an object's version."""
        return self._set(call, request, {})

    def _set(self, call: Call, request: Params, tags: Mapping[str, str]) -> Result:
        bucket = own_bucket(call, request)
        key = key_of(request)
        version = stored(call, bucket, key, request.get("VersionId", ""))
        if not call.store.objects.tag(version, tags):
            raise faults.no_such_key(key)
        return version_id(bucket, version)


def from_header(text: str) -> dict[str, str]:
    """Return the tags of an x-amz-tagging header, which is written like a query string."""
    try:
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict")
    except ValueError:
        raise faults.invalid_argument("The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query "
                                      "parameters without tag name duplicates.", "x-amz-tagging") from None  # fmt: skip
    return checked(pairs, OBJECT_TAGS_MAX)


def listed(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Return tags as a TagSet."""
    return [{"Key": name, "Value": value} for name, value in sorted(tags.items())]


def checked(pairs: Iterable[tuple[str, str]], count_max: int) -> dict[str, str]:
    """Return tags by name, or raise InvalidTag or BadRequest."""
    tags: dict[str, str] = {}
    for name, value in pairs:
        if name in tags:
            raise _invalid("Cannot provide multiple Tags with the same key")
        if not 0 < len(name) <= NAME_MAX:
            raise _invalid("The TagKey you have provided is invalid")
        if len(value) > VALUE_MAX:
            raise _invalid("The TagValue you have provided is invalid")
        if name.lower().startswith("aws:"):
            raise _invalid("System tags cannot be added/updated by requester")
        tags[name] = value
    if len(tags) > count_max:
        noun = "Object" if count_max == OBJECT_TAGS_MAX else "Bucket"
        raise ServiceError(f"{noun} tags cannot be greater than {count_max}", code="BadRequest", status=400)
    return tags


def _pairs(tag_set: Sequence[Mapping[str, str]]) -> list[tuple[str, str]]:
    return [(each.get("Key", ""), each.get("Value", "")) for each in tag_set]


def _invalid(text: str) -> ServiceError:
    return ServiceError(text, code="InvalidTag", status=400)
