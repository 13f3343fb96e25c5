"""The tags of topics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from clary.core.errors import ServiceError
from clary.services.operation import Call, Operations, Params, Result, operation
from clary.services.sns.faults import InvalidParameter, NotFound
from clary.services.sns.reach import reach
from clary.store.records import Change, Record

TAG = "tag:"
TAGS_MAX = 50


class Tags(Operations):
    """TagResource and its siblings."""

    @operation("TagResource")
    def tag(self, call: Call, request: Params) -> Result:
        """Add tags, or give them new values."""
        topic = self._topic(call, request)
        self._change(topic, {**self._tags(topic), **tag_attributes(request["Tags"])})
        return {}

    @operation("UntagResource")
    def untag(self, call: Call, request: Params) -> Result:
        """Take tags away."""
        topic = self._topic(call, request)
        gone = {TAG + key for key in request["TagKeys"]}
        self._change(topic, {name: value for name, value in self._tags(topic).items() if name not in gone})
        return {}

    @operation("ListTagsForResource")
    def list(self, call: Call, request: Params) -> Result:
        """Return all tags."""
        tags = self._tags(self._topic(call, request))
        return {"Tags": [{"Key": name.removeprefix(TAG), "Value": value} for name, value in tags.items()]}

    def _topic(self, call: Call, request: Params) -> Record:
        try:
            return reach(self.platform, call, request["ResourceArn"])
        except NotFound:
            raise ServiceError("Resource does not exist", code="ResourceNotFound", status=404) from None

    def _tags(self, topic: Record) -> Mapping[str, str]:
        return self.platform.store.records(topic.account, topic.region).attributes(topic.uid)

    def _change(self, topic: Record, tags: Mapping[str, str]) -> None:
        if len(tags) > TAGS_MAX:
            text = f"Could not complete request: tag quota of per resource exceeded ({TAGS_MAX})"
            raise ServiceError(text, code="TagLimitExceeded", status=400)
        self.platform.store.records(topic.account, topic.region).update(topic, Change(attributes=tags))


def tag_attributes(tags: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Return tags as attributes of a record, or raise InvalidParameter."""
    keys = [tag["Key"] for tag in tags]
    if len(set(keys)) < len(keys) or any(key.lower().startswith("aws:") for key in keys):
        raise InvalidParameter("Tags Reason: Duplicated or reserved keys are not allowed.")
    return {TAG + tag["Key"]: tag["Value"] for tag in tags}
