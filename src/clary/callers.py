"""As whom controllers and agents call operations: each hands them one way in, with no more rights than AWS gives it.

They know these by the Protocols that they declare themselves.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from clary.access.principal import Principal, service_principal
from clary.resources.event_schedules import Action
from clary.resources.scaling_role import scaling_role
from clary.server.internal import SESSION_S, InternalCaller
from clary.server.universal import call_named
from clary.services.operation import Client


@dataclass(frozen=True, slots=True)
class ExecutionRoles:
    """Takes on execution roles for the agent; see agent.tools.Roles."""

    caller: InternalCaller

    def client(self, service: str, region: str, role_arn: str, session_name: str) -> Any:
        """Return a client that acts as a session of the role."""
        return self.caller.as_role(service, region, role_arn, session_name)

    def credentials(self, role_arn: str, session_name: str, duration_s: int) -> Mapping[str, str]:
        """Return temporary credentials of the role."""
        session = self.caller.session(role_arn, session_name, duration_s)
        return {
            "AccessKeyId": session.access_key,
            "SecretAccessKey": session.secret,
            "Token": session.token,
            "Expiration": datetime.fromtimestamp(session.expires, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "RoleArn": role_arn,
        }


@dataclass(frozen=True, slots=True)
class AlarmTopics:
    """Publishes for alarms; see controllers.alarm_actions.Topics."""

    caller: InternalCaller

    def publish(self, alarm_arn: str, topic_arn: str, subject: str, message: str) -> None:
        """Publish as CloudWatch, which the topic's own policy must let in."""
        region = topic_arn.split(":")[3]
        sns = self.caller.client("sns", region, service_principal("cloudwatch", alarm_arn))
        sns("Publish", TopicArn=topic_arn, Subject=subject, Message=message)


@dataclass(frozen=True, slots=True)
class ScalingClients:
    """Reaches services for scaling; see controllers.scaling_clients.Clients."""

    caller: InternalCaller

    def client(self, service: str, account: str, region: str) -> Any:
        """Return a client that acts as Application Auto Scaling does in an account."""
        return self.caller.client(service, region, scaling_role(account))


@dataclass(frozen=True, slots=True)
class EventSenders:
    """Who delivers events and makes scheduled calls; see the Caller of controllers.event_targets and event_calls."""

    caller: InternalCaller
    services: Collection[str]

    def client(self, service: str, region: str, principal: Principal) -> Client:
        """Return a client that acts as `principal`."""
        return self.caller.client(service, region, principal)

    def session(self, role_arn: str, rule_arn: str) -> Principal:
        """Return a session of a role that trusts EventBridge on behalf of a rule."""
        taker = service_principal("events", rule_arn)
        return self.caller.session(role_arn, "EventBridge", SESSION_S, taker=taker).principal

    def scheduled(self, role_arn: str, schedule_arn: str) -> Principal:
        """Return a session of a role that trusts EventBridge Scheduler on behalf of a schedule."""
        taker = service_principal("scheduler", schedule_arn)
        return self.caller.session(role_arn, "EventBridgeScheduler", SESSION_S, taker=taker).principal

    def call(self, action: Action, region: str, principal: Principal, params: Mapping[str, Any]) -> None:
        """Call any operation with parameters as JSON has them."""
        call_named(self.caller, self.services, (action.service, action.operation), (region, principal), params)
