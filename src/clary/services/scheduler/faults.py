"""The errors of EventBridge Scheduler, in its own words."""

from __future__ import annotations

from clary.core.errors import ServiceError


class Invalid(ServiceError):
    """A parameter breaks a rule of the API."""

    code = "ValidationException"
    status = 400


class NotFound(ServiceError):
    """There is no such schedule or group."""

    code = "ResourceNotFoundException"
    status = 404


class Conflict(ServiceError):
    """The name is taken."""

    code = "ConflictException"
    status = 409


class QuotaExceeded(ServiceError):
    """The account has as many as it may have."""

    code = "ServiceQuotaExceededException"
    status = 402
