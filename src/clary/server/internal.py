"""The internal caller: services, jobs and models call operations on the same path as clients do."""

from __future__ import annotations

from dataclasses import dataclass

from clary.access.decide import Requirement, decide
from clary.access.principal import Principal, service_principal
from clary.core.errors import AccessDenied
from clary.server.perform import InternalClient, Performer
from clary.services.iam.principals import Principals, Session
from clary.services.operation import Client

SESSION_S = 3600
SAGEMAKER = service_principal("sagemaker", "")
"""Who takes execution roles on; a role's trust policy must name it."""


@dataclass(frozen=True, slots=True)
class InternalCaller:
    """Hands out clients that act as a principal; see services.operation.Caller."""

    performer: Performer
    principals: Principals

    def client(self, service: str, region: str, principal: Principal) -> Client:
        """Return a client that acts as `principal`."""
        return InternalClient(self.performer, self, self.performer.registry.service(service), region, principal)

    def as_role(self, service: str, region: str, role_arn: str, session_name: str) -> Client:
        """Return a client that acts as a new session of a role, or raise AccessDenied."""
        return self.client(service, region, self.session(role_arn, session_name, SESSION_S).principal)

    def session(self, role_arn: str, session_name: str, duration_s: float, *, taker: Principal = SAGEMAKER) -> Session:
        """Return a new session of a role that trusts the service which takes it on, or raise AccessDenied."""
        role = self.principals.find_role(role_arn)
        if role is not None:
            trust = self.principals.library.parsed(role.spec["Trust"], "trust")
            decision = decide(taker, Requirement("sts:AssumeRole", role_arn, {}), [trust])
            if not decision.allowed:
                raise AccessDenied(decision.message)
        return self.principals.role_session(role_arn, session_name, duration_s)
