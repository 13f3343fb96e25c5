"""The tags of buses and rules."""

from __future__ import annotations

from collections.abc import Mapping

from clary.core.ids import Arn
from clary.resources.event_rules import RULE, record_name
from clary.services.events.faults import Invalid, NotFound
from clary.services.events.reach import TAG, TAGS_MAX, bus_named, tag_attributes
from clary.services.operation import Call, Operations, Params, Result, operation
from clary.store.records import Change, Record


class Tags(Operations):
    """TagResource and its siblings."""

    @operation("TagResource")
    def tag(self, call: Call, request: Params) -> Result:
        """Add tags, or give them new values."""
        record = _record(call, request["ResourceARN"])
        tags = {**call.store.records.attributes(record.uid), **tag_attributes(request["Tags"])}
        if len(tags) > TAGS_MAX:
            raise Invalid(f"A resource can have up to {TAGS_MAX} tags.")
        return _write(call, record, tags)

    @operation("UntagResource")
    def untag(self, call: Call, request: Params) -> Result:
        """Take tags away."""
        record = _record(call, request["ResourceARN"])
        gone = {TAG + key for key in request["TagKeys"]}
        tags = call.store.records.attributes(record.uid)
        return _write(call, record, {name: value for name, value in tags.items() if name not in gone})

    @operation("ListTagsForResource")
    def list(self, call: Call, request: Params) -> Result:
        """Return all tags."""
        tags = call.store.records.attributes(_record(call, request["ResourceARN"]).uid)
        return {"Tags": [{"Key": name.removeprefix(TAG), "Value": value} for name, value in tags.items()]}


def _record(call: Call, text: str) -> Record:
    arn = Arn.parse(text)
    noun, _, name = arn.resource.partition("/") if arn else ("", "", "")
    if arn is None or (arn.account, arn.region) != (call.account, call.region):
        raise NotFound(f"Resource {text} does not exist.")
    if noun == "event-bus":
        return bus_named(call.store.records, name)
    rule = call.store.records.find(RULE, record_name(arn)) if noun == "rule" else None
    if rule is None:
        raise NotFound(f"Rule {name} does not exist on EventBus {record_name(arn).partition('/')[0]}.")
    return rule


def _write(call: Call, record: Record, tags: Mapping[str, str]) -> Result:
    call.store.records.update(record, Change(attributes=tags))
    return {}
