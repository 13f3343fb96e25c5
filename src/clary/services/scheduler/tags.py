"""The tags of schedule groups."""

from __future__ import annotations

from clary.core.ids import Arn
from clary.resources.event_schedules import SCHEDULE_GROUP
from clary.services.operation import Call, Operations, Params, Result, operation
from clary.services.record_tags import tag, tags_of, untag
from clary.services.scheduler.faults import NotFound
from clary.store.records import Record


class Tags(Operations):
    """TagResource and its siblings."""

    @operation("TagResource")
    def tag(self, call: Call, request: Params) -> Result:
        """Add tags, or give them new values."""
        tag(call, _group(call, request["ResourceArn"]), request["Tags"])
        return {}

    @operation("UntagResource")
    def untag(self, call: Call, request: Params) -> Result:
        """Take tags away."""
        untag(call, _group(call, request["ResourceArn"]), request["TagKeys"])
        return {}

    @operation("ListTagsForResource")
    def list(self, call: Call, request: Params) -> Result:
        """Return all tags."""
        return {"Tags": tags_of(call, _group(call, request["ResourceArn"]))}


def _group(call: Call, text: str) -> Record:
    arn = Arn.parse(text)
    mine = arn is not None and (arn.account, arn.region) == (call.account, call.region)
    name = arn.resource.removeprefix("schedule-group/") if arn is not None else text
    group = call.store.records.find(SCHEDULE_GROUP, name) if mine else None
    if group is None:
        raise NotFound(f"Schedule group {name} does not exist.")
    return group
