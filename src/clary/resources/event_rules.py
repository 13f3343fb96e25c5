"""Buses, rules, archives and replays as nouns: what they are called, and what a rule sends where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from clary.core.ids import Arn, arn
from clary.store.records import Kind, Record

EVENT_BUS = Kind("events", "event-bus")
RULE = Kind("events", "rule")
ARCHIVE = Kind("events", "archive")
REPLAY = Kind("events", "replay")
DEFAULT_BUS = "default"
ENABLED, DISABLED = "ENABLED", "DISABLED"
DAY_S = 24 * 3600
BACKOFF_MAX_S = 512.0
"""With it, AWS's 185 attempts at most take a day."""
MARK = "|"
"""What a rule's ARN and its target's id are joined by: neither may hold it."""


class ReplayState(StrEnum):
    """ReplayState."""

    STARTING = "STARTING"
    RUNNING = "RUNNING"
    CANCELLING = "CANCELLING"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"
    FAILED = "FAILED"

    @property
    def final(self) -> bool:
        """Say whether the replay is over."""
        return self in (ReplayState.COMPLETED, ReplayState.CANCELLED, ReplayState.FAILED)


@dataclass(frozen=True, slots=True)
class Retries:
    """How often and how long a delivery is tried again; EventBridge user guide, «Retrying event delivery»."""

    attempts_max: int = 185
    age_s_max: float = DAY_S

    def exhausted(self, tries: int, age_s: float) -> str:
        """Return the name of the condition that ends the tries, '' if there is none yet."""
        if tries > self.attempts_max:
            return "MaximumRetryAttempts"
        return "MaximumEventAgeInSeconds" if age_s >= self.age_s_max else ""

    def delay_s(self, tries: int) -> float:
        """Return how long to wait after so many tries that failed."""
        return float(min(2.0 ** min(tries - 1, 16), BACKOFF_MAX_S))


@dataclass(frozen=True, slots=True)
class Target:
    """One target of a rule, as the API was told it."""

    id: str
    arn: str
    told: Mapping[str, Any] = field(repr=False)

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> Target:
        """Return the target that a rule's spec holds."""
        return cls(told["Id"], told["Arn"], told)

    @property
    def role(self) -> str:
        """Return the role that delivers, '' if EventBridge itself does."""
        return str(self.told.get("RoleArn", ""))

    @property
    def dead_letters(self) -> str:
        """Return the ARN of the queue for what cannot be delivered, or ''."""
        return str(self.told.get("DeadLetterConfig", {}).get("Arn", ""))

    @property
    def retries(self) -> Retries:
        """Return how a delivery is tried again."""
        policy = self.told.get("RetryPolicy", {})
        return Retries(policy.get("MaximumRetryAttempts", 185), policy.get("MaximumEventAgeInSeconds", DAY_S))


@dataclass(frozen=True, slots=True)
class Rule:
    """What is wanted of a bus, or when, and who is told."""

    name: str
    bus: str
    uid: str
    account: str
    region: str
    enabled: bool
    pattern: str
    schedule: str
    since: float  # when the schedule began to run
    targets: Mapping[str, Target]
    record: Record = field(repr=False)

    @classmethod
    def read(cls, record: Record) -> Rule:
        """Return the rule that a record holds."""
        bus, _, name = record.name.partition("/")
        return cls(
            name=name,
            bus=bus,
            uid=record.uid,
            account=record.account,
            region=record.region,
            enabled=record.spec["State"] != DISABLED,
            pattern=record.spec.get("EventPattern", ""),
            schedule=record.spec.get("ScheduleExpression", ""),
            since=record.spec["since"],
            targets={each["Id"]: Target.read(each) for each in record.spec["Targets"]},
            record=record,
        )

    @property
    def arn(self) -> str:
        """The rule's ARN."""
        return rule_arn(self.account, self.region, self.bus, self.name)

    def addresses(self) -> list[str]:
        """Return what deliveries to each of its targets are kept under."""
        return [f"{self.arn}{MARK}{target}" for target in self.targets]


def rule_arn(account: str, region: str, bus: str, name: str) -> str:
    """Return the ARN of a rule; the default bus is left out of it."""
    place = name if bus == DEFAULT_BUS else f"{bus}/{name}"
    return arn("events", region, account, f"rule/{place}")


def bus_arn(account: str, region: str, name: str) -> str:
    """Return the ARN of an event bus."""
    return arn("events", region, account, f"event-bus/{name}")


def record_name(rule: Arn) -> str:
    """Return what a rule is called in the store, given its ARN."""
    name = rule.resource.removeprefix("rule/")
    return name if "/" in name else f"{DEFAULT_BUS}/{name}"
