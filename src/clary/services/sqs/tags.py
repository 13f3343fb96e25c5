"""The tags of queues."""

from __future__ import annotations

from collections.abc import Mapping

from clary.services.operation import Call, Operations, Params, Result, operation
from clary.services.sqs.addresses import reach
from clary.services.sqs.faults import InvalidValue

TAGS_MAX = 50
KEY_MAX, VALUE_MAX = 128, 256


class Tags(Operations):
    """TagQueue and its siblings."""

    @operation("TagQueue")
    def tag(self, call: Call, request: Params) -> Result:
        """Add tags, or give them new values."""
        queue = reach(self.platform, call, request["QueueUrl"])
        queues = self.platform.store.queues(queue.account, queue.region)
        queues.change(queue, tags=lambda tags: checked_tags(tags, request["Tags"]))
        return None

    @operation("UntagQueue")
    def untag(self, call: Call, request: Params) -> Result:
        """Take tags away."""
        queue = reach(self.platform, call, request["QueueUrl"])
        gone = set(request["TagKeys"])
        queues = self.platform.store.queues(queue.account, queue.region)
        queues.change(queue, tags=lambda tags: {key: value for key, value in tags.items() if key not in gone})
        return None

    @operation("ListQueueTags")
    def list(self, call: Call, request: Params) -> Result:
        """Return all tags."""
        return {"Tags": reach(self.platform, call, request["QueueUrl"]).tags}


def checked_tags(old: Mapping[str, str], new: Mapping[str, str]) -> dict[str, str]:
    """Return both as one, or raise InvalidValue."""
    for key, value in new.items():
        if not 1 <= len(key) <= KEY_MAX or len(value) > VALUE_MAX or key.lower().startswith("aws:"):
            raise InvalidValue(f"Value {key} for parameter Tags is invalid.")
    tags = {**old, **new}
    if len(tags) > TAGS_MAX:
        raise InvalidValue(f"Too many tags added for queue. Maximum is {TAGS_MAX}.")
    return tags
