"""Delivers events to the targets of rules: queues, topics, log groups and other buses.

Each at least once. What a target is told is made at the delivery, of the rule as it is then.
"""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from clary.access.decide import Requirement, decide
from clary.access.principal import Principal, service_principal
from clary.controllers.deliveries import Client
from clary.controllers.event_failures import Failed, bury, failure_of, put_off
from clary.controllers.event_sources import Intake
from clary.core.clock import Clock, iso8601
from clary.core.errors import AccessDenied, ServiceError
from clary.core.ids import Arn, arn
from clary.resources.event_inputs import input_of
from clary.resources.event_metrics import (
    ATTEMPTS,
    BURIED,
    FAILED,
    INVOCATIONS,
    LOST,
    NAMESPACE,
    RETRIES,
    counted,
)  # fmt: skip
from clary.resources.event_rules import MARK, RULE, Rule, Target, record_name
from clary.resources.log_policy import LOG_POLICY, POLICIES_MAX, parsed
from clary.store.deliveries import Deliveries, Delivery
from clary.store.query import Query
from clary.store.store import Store

log = logging.getLogger(__name__)

HOPS_MAX = 5
SERVICE = "events"


class Caller(Protocol):
    """Hands out clients, and takes on the roles of targets."""

    def client(self, service: str, region: str, principal: Principal) -> Client:
        """Return a client that acts as `principal`."""

    def session(self, role_arn: str, rule_arn: str) -> Principal:
        """Return a session of a role that trusts EventBridge on behalf of a rule, or raise AccessDenied."""


@dataclass(frozen=True, slots=True)
class Message:
    """An event for one target."""

    rule: Rule
    target: Target
    event: str
    hops: int
    came_ms: int
    tries: int

    @property
    def role(self) -> str:
        """Return the role that delivers, the target's or else the rule's; '' if EventBridge itself does."""
        return self.target.role or str(self.rule.record.spec.get("RoleArn", ""))

    @property
    def input(self) -> str:
        """Return what the target is told."""
        given = {
            "aws.events.rule-arn": self.rule.arn,
            "aws.events.rule-name": self.rule.name,
            "aws.events.event.ingestion-time": iso8601(self.came_ms / 1000),
        }
        return input_of(self.target.told, self.event, given)


@dataclass(frozen=True, slots=True)
class EventCourier:
    """Makes one delivery; see controllers.rounds.Courier."""

    store: Store
    caller: Caller
    intake: Intake
    clock: Clock

    @property
    def deliveries(self) -> Deliveries:
        """Return what is to be delivered."""
        return self.store.event_deliveries

    def deliver(self, delivery: Delivery) -> None:
        """Try a delivery once; that of a target which is gone meanwhile is dropped."""
        message = self._message(delivery)
        if message is None:
            self._done(delivery)
            return
        tried = [ATTEMPTS, RETRIES] if message.tries else [ATTEMPTS]
        try:
            self._send(message)
        except Failed as failed:
            self._count(message, *tried)
            self._failed(delivery, message, failed)
        else:
            self._done(delivery)
            self._count(message, *tried, INVOCATIONS)

    def _message(self, delivery: Delivery) -> Message | None:
        rule_arn, _, target = delivery.subscription_arn.partition(MARK)
        place = Arn.parse(rule_arn)
        assert place is not None, "an address begins with the ARN of a rule"
        record = self.store.records(place.account, place.region).find(RULE, record_name(place))
        rule = None if record is None else Rule.read(record)
        if rule is None or target not in rule.targets:
            return None
        content = json.loads(delivery.content)
        return Message(
            rule, rule.targets[target], content["event"], content["hops"], delivery.published_ms, delivery.tries
        )

    def _send(self, message: Message) -> None:
        """Deliver a message, or raise Failed."""
        place = Arn.parse(message.target.arn)
        assert place is not None, "a target's ARN was checked when it was put"
        try:
            match place.service:
                case "sqs":
                    self._client(message, place)("SendMessage", **_for_queue(message, place))
                case "sns":
                    self._client(message, place)("Publish", TopicArn=message.target.arn, Message=message.input)
                case "logs":
                    self._log(message, place)
                case _:
                    self._forward(message, place)
        except ServiceError as error:
            raise failure_of(error) from error

    def _client(self, message: Message, place: Arn) -> Client:
        return self.caller.client(place.service, place.region, self._sender(message))

    def _sender(self, message: Message) -> Principal:
        if message.role:
            return self.caller.session(message.role, message.rule.arn)
        return service_principal(SERVICE, message.rule.arn)

    def _log(self, message: Message, place: Arn) -> None:
        """Write an event into a stream of a log group of the rule's own account, whose policies must let it in."""
        group = place.resource.removeprefix("log-group:").removesuffix(":*")
        stream = str(uuid.uuid5(uuid.NAMESPACE_URL, message.rule.arn))
        self._check_log(message, place, f"log-group:{group}:log-stream:{stream}")
        logs = self.caller.client("logs", place.region, _account(place.account))
        at_ms, text = _for_log(message.input, message.came_ms)
        try:
            logs("CreateLogStream", logGroupName=group, logStreamName=stream)
        except ServiceError as error:
            if error.code != "ResourceAlreadyExistsException":
                raise
        entry = {"timestamp": at_ms, "message": text}
        logs("PutLogEvents", logGroupName=group, logStreamName=stream, logEvents=[entry])

    def _check_log(self, message: Message, place: Arn, stream: str) -> None:
        if place.account != message.rule.account:
            raise Failed("NO_PERMISSIONS", "The log group belongs to another account.", permanent=True)
        page = self.store.records(place.account, place.region).page(LOG_POLICY, Query(limit=POLICIES_MAX))
        policies = parsed(page.items)
        for action in ("logs:CreateLogStream", "logs:PutLogEvents"):
            needed = Requirement(action, arn("logs", place.region, place.account, stream), {})
            decision = decide(service_principal(SERVICE, message.rule.arn), needed, policies, resource_must_allow=True)
            if not decision.allowed:
                raise AccessDenied(decision.message)

    def _forward(self, message: Message, place: Arn) -> None:
        """Pass an event on to another bus; without a role it is the rule's account that must be let in there."""
        if message.hops >= HOPS_MAX:
            raise Failed("THIRD_ACCOUNT_HOP_DETECTED", f"It was passed on {HOPS_MAX} times already.", permanent=True)
        sender = self._sender(message) if message.role else _account(message.rule.account)
        self.intake.forward(message.event, place, sender, message.hops + 1)

    def _failed(self, delivery: Delivery, message: Message, failed: Failed) -> None:
        log.info("delivery to %s failed: %s", message.target.arn, failed)
        exhausted = put_off(self.deliveries, delivery, message.target.retries, failed, self.clock())
        if exhausted is None:
            return
        self._count(message, FAILED)
        if message.target.dead_letters:
            self._bury(message, failed, exhausted)
        self._done(delivery)

    def _bury(self, message: Message, failed: Failed, exhausted: str) -> None:
        told = {
            "RULE_ARN": message.rule.arn,
            "TARGET_ARN": message.target.arn,
            "EXHAUSTED_RETRY_CONDITION": exhausted,
            "RETRY_ATTEMPTS": str(message.tries),
        }
        sender = service_principal(SERVICE, message.rule.arn)
        queue = self.caller.client("sqs", message.target.dead_letters.split(":")[3], sender)
        try:
            bury(queue, message.target.dead_letters, message.event, failed, told)
        except ServiceError as error:
            log.warning("%s has no dead letter of an event: %s", message.rule.arn, error.message)
            self._count(message, LOST)
        else:
            self._count(message, BURIED)

    def _done(self, delivery: Delivery) -> None:
        self.deliveries.done(delivery, int(self.clock() * 1000))

    def _count(self, message: Message, *names: str) -> None:
        rule, now = message.rule, self.clock()
        self.store.series(rule.account, rule.region).put(NAMESPACE, [counted(name, rule, now) for name in names])


def _for_queue(message: Message, place: Arn) -> Mapping[str, Any]:
    params = {"QueueUrl": f"/{place.account}/{place.resource}", "MessageBody": message.input}
    group = message.target.told.get("SqsParameters", {}).get("MessageGroupId")
    return {**params, "MessageGroupId": group} if group else params


def _for_log(told: str, came_ms: int) -> tuple[int, str]:
    """Return when and what to log: an input of a timestamp and a message says both."""
    try:
        given = json.loads(told)
    except ValueError:
        given = None
    if isinstance(given, dict) and given.keys() == {"timestamp", "message"} and isinstance(given["timestamp"], int):
        text = given["message"]
        return given["timestamp"], text if isinstance(text, str) else json.dumps(text)
    return came_ms, told


def _account(account: str) -> Principal:
    """Return an account as the sender of its own events."""
    return Principal(account, arn("iam", "", account, "root"), "Root", account)
