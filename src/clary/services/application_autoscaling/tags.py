"""Tags of scalable targets."""

from __future__ import annotations

from collections.abc import Mapping

from clary.core.errors import ServiceError, ValidationError
from clary.resources.scaling import SCALABLE_TARGET, TARGET_ARN, Target
from clary.services.operation import Call, Operations, Params, Result, operation
from clary.store.query import Query
from clary.store.records import Change, Record, Records

TAG = "tag:"
TAGS_MAX = 50
RESERVED = "aws:"


class Tags(Operations):
    """TagResource and its siblings."""

    @operation("TagResource")
    def tag(self, call: Call, request: Params) -> Result:
        """Add tags, or give them other values."""
        with call.store.records.together() as records:
            target = _target(records, request["ResourceARN"])
            attributes = {**records.attributes(target.uid), **tag_attributes(request["Tags"])}
            if sum(name.startswith(TAG) for name in attributes) > TAGS_MAX:
                raise ServiceError(
                    f"A scalable target can have up to {TAGS_MAX} tags.",
                    code="TooManyTagsException", status=400, ResourceName=request["ResourceARN"],
                )  # fmt: skip
            records.update(target, Change(attributes=attributes))
        return {}

    @operation("UntagResource")
    def untag(self, call: Call, request: Params) -> Result:
        """Take tags away; those that are not there are passed over."""
        gone = {TAG + key for key in request["TagKeys"]}
        with call.store.records.together() as records:
            target = _target(records, request["ResourceARN"])
            kept = {name: value for name, value in records.attributes(target.uid).items() if name not in gone}
            records.update(target, Change(attributes=kept))
        return {}

    @operation("ListTagsForResource")
    def list(self, call: Call, request: Params) -> Result:
        """Return all tags."""
        attributes = call.store.records.attributes(_target(call.store.records, request["ResourceARN"]).uid)
        tags = {name.removeprefix(TAG): value for name, value in attributes.items() if name.startswith(TAG)}
        return {"Tags": tags}


def tag_attributes(tags: Mapping[str, str]) -> dict[str, str]:
    """Return tags as attributes of a record, or raise ValidationError."""
    if any(key.lower().startswith(RESERVED) for key in tags):
        raise ValidationError(f"Tag keys that begin with {RESERVED} are reserved.")
    if len(tags) > TAGS_MAX:
        raise ValidationError(f"A scalable target can have up to {TAGS_MAX} tags.")
    return {TAG + key: value for key, value in tags.items()}


def _target(records: Records, arn: str) -> Record:
    found = TARGET_ARN.fullmatch(arn)
    if found is not None:
        for record in records.page(SCALABLE_TARGET, Query(limit=1, attributes={"id": found[1]})).items:
            if Target.read(record).arn == arn:
                return record
    raise ServiceError(
        f"The specified resource does not exist: {arn}",
        code="ResourceNotFoundException", status=400, ResourceName=arn,
    )  # fmt: skip
