"""Queues: made, found, listed, emptied and deleted."""

from __future__ import annotations

import re
from typing import Any

from clary.core.errors import ServiceError
from clary.services.operation import Call, Operations, Params, Result, operation
from clary.services.page_tokens import BadToken, place_of, token_of
from clary.services.sqs.addresses import reach, require, url_of
from clary.services.sqs.faults import InvalidValue
from clary.services.sqs.rules import check
from clary.services.sqs.tags import checked_tags
from clary.store.queue_messages import Messages
from clary.store.queues import Taken

NAME = re.compile(r"[A-Za-z0-9_-]{1,80}|[A-Za-z0-9_-]{1,75}\.fifo")
LIST_MAX = 1000


class Queues(Operations):
    """CreateQueue and its siblings."""

    @operation("CreateQueue")
    def create(self, call: Call, request: Params) -> Result:
        """Make a queue; the same request again returns the same queue."""
        name, attributes = request["QueueName"], dict(request.get("Attributes", {}))
        _check_name(name, fifo=attributes.get("FifoQueue") == "true")
        check(self.platform, call, name, attributes)
        queues = self.platform.store.queues(call.account, call.region)
        try:
            queue = queues.create(name, attributes, checked_tags({}, request.get("tags", {})))
        except Taken as taken:
            queue = taken.queue
            for attribute, value in attributes.items():
                if queue.get(attribute) != value:
                    text = f"A queue already exists with the same name and a different value for attribute {attribute}"
                    raise ServiceError(text, code="QueueNameExists", status=400) from None
        return {"QueueUrl": url_of(self.platform, call, queue)}

    @operation("GetQueueUrl")
    def url(self, call: Call, request: Params) -> Result:
        """Return the URL of a queue of one's own, or of another account that lets one."""
        queue = require(
            self.platform, call, request.get("QueueOwnerAWSAccountId") or call.account, request["QueueName"]
        )
        return {"QueueUrl": url_of(self.platform, call, queue)}

    @operation("ListQueues")
    def list(self, call: Call, request: Params) -> Result:
        """Return the URLs of queues by name; in pages where MaxResults asks for them."""
        prefix, limit = request.get("QueueNamePrefix", ""), request.get("MaxResults", LIST_MAX)
        if not 1 <= limit <= LIST_MAX:
            raise InvalidValue(f"Value for parameter MaxResults is invalid. Reason: Must be between 1 and {LIST_MAX}.")
        queues = self.platform.store.queues(call.account, call.region)
        found = queues.named(prefix, after(prefix, request), limit + 1)
        answer: dict[str, Any] = {"QueueUrls": [url_of(self.platform, call, each) for each in found[:limit]]}
        if len(found) > limit and "MaxResults" in request:
            answer["NextToken"] = token_of({"of": prefix}, [found[limit - 1].name])
        return answer

    @operation("PurgeQueue")
    def purge(self, call: Call, request: Params) -> Result:
        """Delete every message at once."""
        queue = reach(self.platform, call, request["QueueUrl"])
        store = self.platform.store
        Messages(store.queue_archive.database, store.words, queue, int(call.now * 1000)).purge()
        return None

    @operation("DeleteQueue")
    def delete(self, call: Call, request: Params) -> Result:
        """Forget a queue with all its messages; unlike AWS's, its name is free at once."""
        queue = reach(self.platform, call, request["QueueUrl"])
        self.platform.store.queues(queue.account, queue.region).delete(queue)
        return None


def after(query: str, request: Params) -> str:
    """Return the name that a page goes on behind, or raise InvalidValue."""
    if "NextToken" not in request:
        return ""
    try:
        return str(place_of({"of": query}, request["NextToken"])[0])
    except BadToken:
        raise InvalidValue("Invalid or expired next token.") from None


def _check_name(name: str, *, fifo: bool) -> None:
    if not NAME.fullmatch(name):
        raise InvalidValue(
            "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length",
        )
    if fifo is not name.endswith(".fifo"):
        raise InvalidValue(
            "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, "
            "must end with .fifo suffix and be 1 to 80 in length."
        )
