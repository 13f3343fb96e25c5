"""What an agent works with, handed down by main."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from clary.agent.packages import Packages
from clary.compute.admission import Capacity, Policy
from clary.compute.backend import Backend
from clary.core.clock import Clock
from clary.store.store import Store


class Client(Protocol):
    """Calls operations of one service as one role."""

    def __call__(self, operation: str, /, **params: Any) -> dict[str, Any]:
        """Return the operation's result, or raise its ServiceError."""


class Roles(Protocol):
    """Takes on execution roles on behalf of instances."""

    def client(self, service: str, region: str, role_arn: str, session_name: str) -> Client:
        """Return a client that acts as a session of the role."""

    def credentials(self, role_arn: str, session_name: str, duration_s: int) -> Mapping[str, str]:
        """Return temporary credentials of the role, in ECS's form: AccessKeyId, SecretAccessKey, Token, Expiration."""


@dataclass(frozen=True, slots=True)
class Tools:
    """The agent's hands: where it keeps files, what runs instances, and who they may act as."""

    store: Store
    backend: Backend
    roles: Roles
    clock: Clock
    home: Path
    work: Path  # one folder an instance: its /opt/ml and the marks of its phases
    capacity: Capacity
    policy: Policy
    egress: bool
    packages: Packages
    doorbell: Path
