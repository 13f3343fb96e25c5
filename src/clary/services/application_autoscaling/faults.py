"""The errors of Application Auto Scaling that no other service has."""

from __future__ import annotations

from clary.core.errors import ServiceError
from clary.resources.scaling import Scalable


class ObjectNotFound(ServiceError):
    """There is no such target, policy or scheduled action."""

    code = "ObjectNotFoundException"
    status = 400


class LimitExceeded(ServiceError):
    """A quota is used up."""

    code = "LimitExceededException"
    status = 400


class InvalidNextToken(ServiceError):
    """The token is none of ours, or belongs to another query."""

    code = "InvalidNextTokenException"
    status = 400


def not_found(noun: str, scalable: Scalable, verb: str = "found") -> ObjectNotFound:
    """Return the error that says what is not there, in AWS's words."""
    return ObjectNotFound(
        f"No {noun} {verb} for service namespace: {scalable.namespace}, resource ID: {scalable.resource}, "
        f"scalable dimension: {scalable.dimension}"
    )
