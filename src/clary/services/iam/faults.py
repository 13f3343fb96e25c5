"""IAM's errors, in its words."""

from __future__ import annotations

from clary.core.errors import ServiceError


def no_such_entity(message: str) -> ServiceError:
    """Return the error of a name that nothing bears."""
    return ServiceError(message, code="NoSuchEntity", status=404)


def not_found(noun: str, name: str) -> ServiceError:
    """Return the error of a user, group or role that is not there."""
    return no_such_entity(f"The {noun} with name {name} cannot be found.")


def policy_not_found(arn: str) -> ServiceError:
    """Return the error of a managed policy that is not there."""
    return no_such_entity(f"Policy {arn} was not found.")


def already_exists(message: str) -> ServiceError:
    """Return the error of a name that is taken."""
    return ServiceError(message, code="EntityAlreadyExists", status=409)


def delete_conflict(message: str) -> ServiceError:
    """Return the error of a thing that something still hangs on."""
    return ServiceError(message, code="DeleteConflict", status=409)


def limit_exceeded(message: str) -> ServiceError:
    """Return the error of one more than there may be."""
    return ServiceError(message, code="LimitExceeded", status=409)


def invalid_input(message: str) -> ServiceError:
    """Return the error of parameters that make no sense."""
    return ServiceError(message, code="InvalidInput", status=400)


def validation_error(message: str) -> ServiceError:
    """Return the error of parameters that break a rule."""
    return ServiceError(message, code="ValidationError", status=400)


def malformed_policy(message: str) -> ServiceError:
    """Return the error of a document that is no policy."""
    return ServiceError(message, code="MalformedPolicyDocument", status=400)


def unmodifiable(message: str) -> ServiceError:
    """Return the error of a thing that only AWS may change."""
    return ServiceError(message, code="UnmodifiableEntity", status=400)
