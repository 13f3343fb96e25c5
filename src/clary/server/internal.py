"""The internal caller: services, jobs and models call operations on the same path as clients do."""

from __future__ import annotations

from dataclasses import dataclass

from clary.access.principal import Principal
from clary.server.perform import InternalClient, Performer
from clary.services.iam.principals import Principals
from clary.services.operation import Client

SESSION_S = 3600


@dataclass(frozen=True, slots=True)
class InternalCaller:
    """Hands out clients that act as a principal; see services.operation.Caller."""

    performer: Performer
    principals: Principals

    def client(self, service: str, region: str, principal: Principal) -> Client:
        """Return a client that acts as `principal`."""
        return InternalClient(self.performer, self, self.performer.registry.service(service), region, principal)

    def as_role(self, service: str, region: str, role_arn: str, session_name: str) -> Client:
        """Return a client that acts as a new session of a role."""
        session = self.principals.role_session(role_arn, session_name, SESSION_S)
        return self.client(service, region, session.principal)
