"""How scaling reaches other services: as Application Auto Scaling's service-linked role in an account."""

from __future__ import annotations

from typing import Any, Protocol

from clary.core.errors import ValidationError
from clary.resources.scaling import Scalable
from clary.resources.scaling_capacity import Capacity, capacity_of, endpoint_of


class Client(Protocol):
    """Calls operations of one service as one principal."""

    def __call__(self, operation: str, /, **params: Any) -> dict[str, Any]:
        """Return the operation's result, or raise its ServiceError."""


class Clients(Protocol):
    """Hands out clients that act as the role."""

    def client(self, service: str, account: str, region: str) -> Client:
        """Return a client of a service in an account's region."""


def read_capacity(sagemaker: Client, scalable: Scalable) -> Capacity | None:
    """Return how much there is of a resource, None if it is gone."""
    name = endpoint_of(scalable)
    if name is None:
        return None
    try:
        return capacity_of(scalable, sagemaker("DescribeEndpoint", EndpointName=name))
    except ValidationError:
        return None
