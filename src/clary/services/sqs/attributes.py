"""The attributes of queues: read and set."""

from __future__ import annotations

from collections.abc import Mapping

from clary.services.operation import Call, Operations, Params, Result, operation
from clary.services.sqs.addresses import reach
from clary.services.sqs.faults import InvalidAttributeName
from clary.services.sqs.rules import check
from clary.store.queue_messages import Messages
from clary.store.queues import DEFAULTS, FIFO_DEFAULTS, Queue

COUNTED = {
    "ApproximateNumberOfMessages": "visible",
    "ApproximateNumberOfMessagesNotVisible": "in_flight",
    "ApproximateNumberOfMessagesDelayed": "delayed",
}


class Attributes(Operations):
    """GetQueueAttributes and SetQueueAttributes."""

    @operation("GetQueueAttributes")
    def get(self, call: Call, request: Params) -> Result:
        """Return the attributes that are asked for."""
        queue = reach(self.platform, call, request["QueueUrl"])
        asked = request.get("AttributeNames", ())
        known = _fixed(queue)
        unknown = [name for name in asked if name not in known and name not in COUNTED and name not in OPTIONAL]
        if unknown:
            raise InvalidAttributeName(unknown[0])
        if "All" in asked or COUNTED.keys() & set(asked):
            store = self.platform.store
            messages = Messages(store.queue_archive.database, store.words, queue, int(call.now * 1000))
            counts = messages.counts()
            known |= {name: str(getattr(counts, member)) for name, member in COUNTED.items()}
        return {"Attributes": known if "All" in asked else {name: known[name] for name in asked if name in known}}

    @operation("SetQueueAttributes")
    def set(self, call: Call, request: Params) -> Result:
        """Set some attributes; the others stay as they are, and an empty document is taken away."""
        queue = reach(self.platform, call, request["QueueUrl"])
        given = request["Attributes"]
        if "FifoQueue" in given and not queue.fifo:
            raise InvalidAttributeName("FifoQueue")
        check(self.platform, call, queue.name, given)

        def changed(attributes: Mapping[str, str]) -> Mapping[str, str]:
            return {name: value for name, value in {**attributes, **given}.items() if value}

        self.platform.store.queues(queue.account, queue.region).change(queue, attributes=changed)
        return None


def _fixed(queue: Queue) -> dict[str, str]:
    defaults = {**DEFAULTS, **(FIFO_DEFAULTS if queue.fifo else {})}
    return {
        "QueueArn": queue.arn,
        "CreatedTimestamp": str(queue.created_ms // 1000),
        "LastModifiedTimestamp": str(queue.modified_ms // 1000),
        **{name: queue.attributes.get(name, default) for name, default in defaults.items()},
        **queue.attributes,
    }


OPTIONAL = frozenset(
    ("All", "Policy", "RedrivePolicy", "RedriveAllowPolicy", "FifoQueue", "KmsMasterKeyId",
     "KmsDataKeyReusePeriodSeconds", *FIFO_DEFAULTS)
)  # fmt: skip
"""Attributes that a queue may be without."""
