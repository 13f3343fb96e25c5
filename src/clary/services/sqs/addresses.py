"""Where queues are found: by URL and by ARN, and who may do what with them."""

from __future__ import annotations

from urllib.parse import urlsplit

from clary.access.context import resource_context
from clary.access.policy import Policy, parse
from clary.core.ids import Arn
from clary.services.operation import Call, Platform
from clary.services.resource_policies import Guarded, authorise
from clary.services.sqs.faults import InvalidValue, NoSuchQueue
from clary.store.queues import Queue

BATCHED = ("SendMessageBatch", "DeleteMessageBatch", "ChangeMessageVisibilityBatch")


def url_of(platform: Platform, call: Call, queue: Queue) -> str:
    """Return the URL of a queue, at the host that the caller came to, the way they came."""
    own = f"{platform.settings.host}:{platform.settings.port}"
    host = call.http.headers.get("host") if call.http else ""
    scheme = "https" if call.http and call.http.secure else "http"
    return f"{scheme}://{host or own}/{queue.account}/{queue.name}"


def reach(platform: Platform, call: Call, url: str) -> Queue:
    """Return the queue of a URL if the caller may do to it what it calls for; else raise a ServiceError."""
    parts = urlsplit(url).path.strip("/").split("/")
    if len(parts) == 1:
        parts = [call.account, *parts]  # the AWS CLI's users like to give the name alone
    if len(parts) != 2 or not all(parts):
        raise InvalidValue(f"The address {url} is not valid for this endpoint.", code="InvalidAddress", status=404)
    return require(platform, call, *parts)


def require(platform: Platform, call: Call, account: str, name: str) -> Queue:
    """Return a queue if the caller may do to it what it calls for; else raise a ServiceError."""
    queue = platform.store.queues(account, call.region).find(name)
    if queue is None:
        if account == call.account:
            authorise(call, action_of(call), Guarded(call.arn(name, service="sqs"), account))
        raise NoSuchQueue
    tags = resource_context(queue.tags, "sqs")
    authorise(call, action_of(call), Guarded(queue.arn, queue.account, policies_of(queue)), tags)
    return queue


def by_arn(platform: Platform, call: Call, text: str) -> Queue | None:
    """Return a queue of the caller's region by its ARN; None if there is none."""
    arn = Arn.parse(text)
    if arn is None or arn.service != "sqs" or arn.region != call.region:
        return None
    return platform.store.queues(arn.account, arn.region).find(arn.resource)


def action_of(call: Call) -> str:
    """Return the action that IAM knows an operation by; batches bear the name of their single sibling."""
    return f"sqs:{call.operation.removesuffix('Batch') if call.operation in BATCHED else call.operation}"


def policies_of(queue: Queue) -> tuple[Policy, ...]:
    """Return the queue's own policy, if it has one."""
    text = queue.attributes.get("Policy")
    return (parse(text, "resource"),) if text else ()
