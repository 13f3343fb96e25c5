"""Tags of log groups, through the older and the newer operations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from clary.core.errors import ServiceError
from clary.services.logs.faults import told
from clary.services.logs.names import group_of
from clary.services.operation import Call, Operations, Params, Result, operation

TAGS_MAX = 50


class Tags(Operations):
    """Tags of a log group."""

    @operation("TagLogGroup")
    def tag_group(self, call: Call, request: Params) -> Result:
        """Add tags to a group, by name."""
        _add(call, request["logGroupName"], request["tags"])
        return None

    @operation("UntagLogGroup")
    def untag_group(self, call: Call, request: Params) -> Result:
        """Remove tags from a group, by name."""
        _remove(call, request["logGroupName"], request["tags"])
        return None

    @operation("ListTagsLogGroup")
    def list_of_group(self, call: Call, request: Params) -> Result:
        """Return the tags of a group, by name."""
        return {"tags": _tags(call, request["logGroupName"])}

    @operation("TagResource")
    def tag(self, call: Call, request: Params) -> Result:
        """Add tags to a group, by ARN."""
        _add(call, group_of(call, request["resourceArn"]), request["tags"])
        return None

    @operation("UntagResource")
    def untag(self, call: Call, request: Params) -> Result:
        """Remove tags from a group, by ARN."""
        _remove(call, group_of(call, request["resourceArn"]), request["tagKeys"])
        return None

    @operation("ListTagsForResource")
    def list(self, call: Call, request: Params) -> Result:
        """Return the tags of a group, by ARN."""
        return {"tags": _tags(call, group_of(call, request["resourceArn"]))}


def _tags(call: Call, group: str) -> dict[str, str]:
    with told():
        return dict(call.store.logs.group(group).tags)


def _add(call: Call, group: str, tags: Mapping[str, str]) -> None:
    def added(there: Mapping[str, str]) -> Mapping[str, str]:
        together = {**there, **tags}
        if len(together) > TAGS_MAX:
            raise ServiceError(f"A resource can have up to {TAGS_MAX} tags.", code="TooManyTagsException", status=400)
        return together

    with told():
        call.store.logs.tag(group, added)


def _remove(call: Call, group: str, keys: Iterable[str]) -> None:
    gone = set(keys)
    with told():
        call.store.logs.tag(group, lambda there: {key: value for key, value in there.items() if key not in gone})
