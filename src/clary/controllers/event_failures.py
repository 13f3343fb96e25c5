"""What becomes of a delivery of events.db that failed: another try, or the queue of dead letters.

EventBridge user guide, «Retrying event delivery» and «Using dead-letter queues»: what cannot succeed is given up at
once, anything else is tried again until its policy ends it.
"""

from __future__ import annotations

from collections.abc import Mapping

from clary.controllers.deliveries import Client, NotDelivered
from clary.core.errors import AccessDenied, ServiceError, Throttled
from clary.core.ids import Arn
from clary.resources.event_rules import Retries
from clary.store.deliveries import Deliveries, Delivery

ERROR_MAX = 1000
MISSING = ("ResourceNotFound", "NonExistentQueue", "NotFound")


class Failed(NotDelivered):
    """A delivery failed; `code` is what AWS calls it."""

    def __init__(self, code: str, message: str, *, permanent: bool) -> None:
        super().__init__(message, permanent=permanent)
        self.code = code


def failure_of(error: ServiceError) -> Failed:
    """Return what an error means for a delivery: whether another try may help, and what AWS calls it."""
    if isinstance(error, AccessDenied):
        return Failed("NO_PERMISSIONS", error.message, permanent=True)
    if isinstance(error, Throttled):
        return Failed("THROTTLING", error.message, permanent=False)
    if any(each in error.code for each in MISSING):
        return Failed("NO_RESOURCE", error.message, permanent=True)
    permanent = error.status < 500
    return Failed("INVALID_PARAMETER" if permanent else "ERROR_FROM_TARGET", error.message, permanent=permanent)


def put_off(deliveries: Deliveries, delivery: Delivery, retries: Retries, failed: Failed, now: float) -> str | None:
    """Put a delivery off and return None; or, where it is to be given up, return what exhausted its tries, if any."""
    if failed.permanent:
        return ""
    tries = delivery.tries + 1
    exhausted = retries.exhausted(tries, now - delivery.published_ms / 1000)
    if exhausted:
        return exhausted
    deliveries.put_off(delivery.id, int((now + retries.delay_s(tries)) * 1000))
    return None


def bury(queue: Client, arn: str, body: str, failed: Failed, told: Mapping[str, str]) -> None:
    """Send what could not be delivered to a queue of dead letters, with the reason, or raise ServiceError."""
    place = Arn.parse(arn)
    assert place is not None, "the ARN of a queue was checked when it was given"
    reasons = {**told, "ERROR_CODE": failed.code, "ERROR_MESSAGE": str(failed)[:ERROR_MAX]}
    attributes = {name: {"DataType": "String", "StringValue": value} for name, value in reasons.items() if value}
    url = f"/{place.account}/{place.resource}"
    queue("SendMessage", QueueUrl=url, MessageBody=body, MessageAttributes=attributes)
