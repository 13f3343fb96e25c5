"""The errors of EventBridge, in its own words."""

from __future__ import annotations

from clary.core.errors import ServiceError

QUOTA = "The requested resource exceeds the maximum number allowed."


class Invalid(ServiceError):
    """A parameter breaks a rule of the API."""

    code = "ValidationException"
    status = 400


class NotFound(ServiceError):
    """There is no such bus, rule, archive or replay."""

    code = "ResourceNotFoundException"
    status = 400


class AlreadyExists(ServiceError):
    """The name is taken."""

    code = "ResourceAlreadyExistsException"
    status = 400


class LimitExceeded(ServiceError):
    """The account, the bus or the rule has as many as it may have."""

    code = "LimitExceededException"
    status = 400

    def __init__(self) -> None:
        super().__init__(QUOTA)


class InvalidPattern(ServiceError):
    """The event pattern is none."""

    code = "InvalidEventPatternException"
    status = 400

    def __init__(self, reason: object) -> None:
        super().__init__(f"Event pattern is not valid. Reason: {reason}")


class IllegalStatus(ServiceError):
    """The replay is not in a state for this."""

    code = "IllegalStatusException"
    status = 400


class PolicyTooLong(ServiceError):
    """A bus's policy is longer than it may be."""

    code = "PolicyLengthExceededException"
    status = 400
