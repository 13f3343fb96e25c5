"""Every error that Clary raises on purpose.

ServiceError           goes to the client; `code` is the name AWS gives it
├─ ValidationError     the request is wrong
├─ ResourceInUse       the name is taken, or something still depends on it
├─ ResourceNotFound    there is no such thing
├─ AccessDenied        nothing allows the call, or something denies it
├─ Throttled           too much at once; the client's SDK tries again
├─ UnknownOperation    the operation is not built yet
└─ ServiceUnavailable  a part of Clary is down or full; trying again may help
StaleRecord            someone else wrote first; read again and retry
LeaseLost              another process leads now; stop acting
ComputeError           a back end refused; `permanent` says whether to retry
SettingsError          a setting is wrong; the message names it and where it came from
"""

from __future__ import annotations

from typing import Any


class ServiceError(Exception):
    """An error that the client is meant to see.

    `code` and `status` are AWS's; `members` are further members of the modelled
    exception, such as OriginalStatusCode of a ModelError.
    """

    code = "InternalFailure"
    status = 500

    def __init__(self, message: str, *, code: str | None = None, status: int | None = None, **members: Any) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or type(self).code
        self.status = status or type(self).status
        self.members = members


class ValidationError(ServiceError):
    """The request breaks a rule of the API."""

    code = "ValidationException"
    status = 400


class ResourceInUse(ServiceError):
    """The name is taken, or something still depends on it."""

    code = "ResourceInUse"
    status = 400


class ResourceNotFound(ServiceError):
    """There is no such thing."""

    code = "ResourceNotFound"
    status = 400


class AccessDenied(ServiceError):
    """Nothing allows the call, or something denies it."""

    code = "AccessDeniedException"
    status = 403


class Throttled(ServiceError):
    """Too much at once; the client's SDK tries again."""

    code = "ThrottlingException"
    status = 400


class UnknownOperation(ServiceError):
    """The operation is not built yet; 404 keeps SDKs from trying again."""

    code = "UnknownOperationException"
    status = 404


class ServiceUnavailable(ServiceError):
    """A part of Clary is down or full; trying again may help."""

    code = "ServiceUnavailable"
    status = 503


class StaleRecord(Exception):
    """Someone else wrote the record first."""


class LeaseLost(Exception):
    """Another process leads now; the one that hears this must stop acting."""


class ComputeError(Exception):
    """A compute back end refused to do what it was asked."""

    def __init__(self, message: str, *, permanent: bool = False) -> None:
        super().__init__(message)
        self.permanent = permanent


class SettingsError(Exception):
    """A setting is wrong; the message names it, its source and what would be right."""
