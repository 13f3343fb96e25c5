"""The tags of schedule groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from clary.core.ids import Arn
from clary.resources.event_schedules import SCHEDULE_GROUP
from clary.services.operation import Call, Operations, Params, Result, operation
from clary.services.scheduler.faults import Invalid, NotFound
from clary.store.records import Change, Record

TAG = "tag:"
TAGS_MAX = 50


class Tags(Operations):
    """TagResource and its siblings."""

    @operation("TagResource")
    def tag(self, call: Call, request: Params) -> Result:
        """Add tags, or give them new values."""
        group = _group(call, request["ResourceArn"])
        return _write(call, group, {**call.store.records.attributes(group.uid), **tag_attributes(request["Tags"])})

    @operation("UntagResource")
    def untag(self, call: Call, request: Params) -> Result:
        """Take tags away."""
        group = _group(call, request["ResourceArn"])
        gone = {TAG + key for key in request["TagKeys"]}
        tags = call.store.records.attributes(group.uid)
        return _write(call, group, {name: value for name, value in tags.items() if name not in gone})

    @operation("ListTagsForResource")
    def list(self, call: Call, request: Params) -> Result:
        """Return all tags."""
        tags = call.store.records.attributes(_group(call, request["ResourceArn"]).uid)
        return {"Tags": [{"Key": name.removeprefix(TAG), "Value": value} for name, value in tags.items()]}


def tag_attributes(tags: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Return tags as attributes of a record, or raise Invalid."""
    keys = [tag["Key"] for tag in tags]
    if len(set(keys)) < len(keys) or any(key.lower().startswith("aws:") for key in keys):
        raise Invalid("Tag keys must be unique, and may not start with aws:.")
    return {TAG + tag["Key"]: tag["Value"] for tag in tags}


def _group(call: Call, text: str) -> Record:
    arn = Arn.parse(text)
    mine = arn is not None and (arn.account, arn.region) == (call.account, call.region)
    name = arn.resource.removeprefix("schedule-group/") if arn is not None else text
    group = call.store.records.find(SCHEDULE_GROUP, name) if mine else None
    if group is None:
        raise NotFound(f"Schedule group {name} does not exist.")
    return group


def _write(call: Call, group: Record, tags: Mapping[str, str]) -> Result:
    if len(tags) > TAGS_MAX:
        raise Invalid(f"A resource can have up to {TAGS_MAX} tags.")
    call.store.records.update(group, Change(attributes=tags))
    return {}
