"""The tags of buses and rules."""

from __future__ import annotations

from clary.core.ids import Arn
from clary.resources.event_rules import RULE, record_name
from clary.services.events.faults import NotFound
from clary.services.events.reach import bus_named
from clary.services.operation import Call, Operations, Params, Result, operation
from clary.services.record_tags import tag, tags_of, untag
from clary.store.records import Record


class Tags(Operations):
    """TagResource and its siblings."""

    @operation("TagResource")
    def tag(self, call: Call, request: Params) -> Result:
        """Add tags, or give them new values."""
        tag(call, _record(call, request["ResourceARN"]), request["Tags"])
        return {}

    @operation("UntagResource")
    def untag(self, call: Call, request: Params) -> Result:
        """Take tags away."""
        untag(call, _record(call, request["ResourceARN"]), request["TagKeys"])
        return {}

    @operation("ListTagsForResource")
    def list(self, call: Call, request: Params) -> Result:
        """Return all tags."""
        return {"Tags": tags_of(call, _record(call, request["ResourceARN"]))}


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
