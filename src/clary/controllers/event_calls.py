"""Makes the calls of EventBridge Scheduler: as the role that the schedule names, again and again as its policy says.

EventBridge Scheduler user guide, «Managing targets»: templated targets of queues, topics and buses, and universal
ones that name any operation.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from clary.access.principal import Principal
from clary.controllers.deliveries import Client
from clary.controllers.event_failures import Failed, bury, failure_of, put_off
from clary.core.clock import Clock, iso8601
from clary.core.errors import ServiceError
from clary.core.ids import Arn
from clary.resources.event_rules import Target
from clary.resources.event_schedules import DEFAULT_GROUP, Action, action_of
from clary.store.deliveries import Deliveries, Delivery
from clary.store.series import Datum
from clary.store.store import Store

log = logging.getLogger(__name__)

SCHEME = "arn:aws:scheduler:"
NAMESPACE = "AWS/Scheduler"


class Caller(Protocol):
    """Hands out clients, and takes on the roles of schedules."""

    def client(self, service: str, region: str, principal: Principal) -> Client:
        """Return a client that acts as `principal`."""

    def scheduled(self, role_arn: str, schedule_arn: str) -> Principal:
        """Return a session of a role that trusts EventBridge Scheduler, or raise AccessDenied."""

    def call(self, action: Action, region: str, principal: Principal, params: Mapping[str, Any]) -> None:
        """Call any operation with parameters as JSON has them, or raise a ServiceError."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a schedule."""

    schedule: Arn
    target: Target
    due: float
    group: str
    delivery: Delivery

    @classmethod
    def read(cls, delivery: Delivery) -> Call:
        """Return the call that a delivery holds."""
        schedule, content = Arn.parse(delivery.subscription_arn), json.loads(delivery.content)
        assert schedule is not None, "calls are kept under the ARN of their schedule"
        group = content.get("group", DEFAULT_GROUP)
        return cls(schedule, Target.read(content["target"]), content["due"], group, delivery)

    @property
    def input(self) -> str:
        """Return what the target is told, its context attributes filled in."""
        text = str(self.target.told.get("Input", "{}"))
        given = {
            "schedule-arn": str(self.schedule),
            "scheduled-time": iso8601(self.due),
            "execution-id": self.delivery.message_id,
            "attempt-number": str(self.delivery.tries + 1),
        }
        for name, value in given.items():
            text = text.replace(f"<aws.scheduler.{name}>", value)
        return text


@dataclass(frozen=True, slots=True)
class CallCourier:
    """Makes one call; see controllers.rounds.Courier."""

    store: Store
    caller: Caller
    clock: Clock

    @property
    def deliveries(self) -> Deliveries:
        """Return what is to be called."""
        return self.store.event_deliveries

    def deliver(self, delivery: Delivery) -> None:
        """Try a call once: it is made, put off, or given up for the queue of dead letters."""
        call = Call.read(delivery)
        self._count(call, "InvocationAttemptCount")
        try:
            self._make(call)
        except ServiceError as error:
            self._failed(call, failure_of(error))
        else:
            self._done(call)

    def _make(self, call: Call) -> None:
        sender = self.caller.scheduled(call.target.role, str(call.schedule))
        action = action_of(call.target.told)
        if action is not None:
            self.caller.call(action, call.schedule.region, sender, json.loads(call.input))
            return
        place = Arn.parse(call.target.arn)
        assert place is not None, "a target's ARN was checked when the schedule was made"
        operation, params = _templated(call, place)
        answer = self.caller.client(place.service, place.region, sender)(operation, **params)
        for entry in answer.get("Entries", ()):
            if "ErrorCode" in entry:
                raise ServiceError(entry["ErrorMessage"], code=entry["ErrorCode"], status=400)

    def _failed(self, call: Call, failed: Failed) -> None:
        log.info("a call of %s failed: %s", call.schedule, failed)
        self._count(call, "TargetErrorCount")
        exhausted = put_off(self.deliveries, call.delivery, call.target.retries, failed, self.clock())
        if exhausted is None:
            return
        self._count(call, "InvocationDroppedCount")
        if call.target.dead_letters:
            self._bury(call, failed, exhausted)
        self._done(call)

    def _bury(self, call: Call, failed: Failed, exhausted: str) -> None:
        """Send a call to its queue of dead letters, as the schedule's role."""
        told = {
            "SCHEDULE_ARN": str(call.schedule),
            "TARGET_ARN": call.target.arn,
            "EXHAUSTED_RETRY_CONDITION": exhausted,
            "RETRY_ATTEMPTS": str(call.delivery.tries),
            "EXECUTION_ID": call.delivery.message_id,
            "SCHEDULED_TIME": iso8601(call.due),
        }
        try:
            sender = self.caller.scheduled(call.target.role, str(call.schedule))
            queue = self.caller.client("sqs", call.target.dead_letters.split(":")[3], sender)
            bury(queue, call.target.dead_letters, call.input, failed, told)
        except ServiceError as error:
            log.warning("%s has no dead letter of a call: %s", call.schedule, error.message)
            self._count(call, "InvocationsFailedToBeSentToDeadLetterCount")
        else:
            self._count(call, "InvocationsSentToDeadLetterCount")

    def _done(self, call: Call) -> None:
        self.deliveries.done(call.delivery, int(self.clock() * 1000))

    def _count(self, call: Call, name: str) -> None:
        datum = Datum(name, (("ScheduleGroup", call.group),), self.clock(), values=(1.0,), unit="Count")
        self.store.series(call.schedule.account, call.schedule.region).put(NAMESPACE, [datum])


def _templated(call: Call, place: Arn) -> tuple[str, dict[str, Any]]:
    """Return the operation of a queue, topic or bus, and its parameters."""
    if place.service == "sqs":
        params = {"QueueUrl": f"/{place.account}/{place.resource}", "MessageBody": call.input}
        group = call.target.told.get("SqsParameters", {}).get("MessageGroupId")
        return "SendMessage", {**params, "MessageGroupId": group} if group else params
    if place.service == "sns":
        return "Publish", {"TopicArn": call.target.arn, "Message": call.input}
    told = call.target.told["EventBridgeParameters"]
    entry = {"Source": told["Source"], "DetailType": told["DetailType"], "Detail": call.input}
    return "PutEvents", {"Entries": [{**entry, "EventBusName": call.target.arn}]}
