"""The errors of CloudWatch, by the codes its clients know."""

from __future__ import annotations

from clary.core.errors import ServiceError


class InvalidValue(ServiceError):
    """A parameter's value breaks a rule of the API."""

    code = "InvalidParameterValue"
    status = 400


class InvalidCombination(ServiceError):
    """Parameters that exclude each other came together."""

    code = "InvalidParameterCombination"
    status = 400


class MissingParameter(ServiceError):
    """A parameter that this request needs is not there."""

    code = "MissingParameter"
    status = 400


class Invalid(ServiceError):
    """A request that breaks a rule of alarms or queries."""

    code = "ValidationError"
    status = 400


class InvalidFormat(ServiceError):
    """A text is not in the format it must have."""

    code = "InvalidFormat"
    status = 400


class LimitExceeded(ServiceError):
    """The account has as many as it may have."""

    code = "LimitExceeded"
    status = 400


class NotFound(ServiceError):
    """There is no such alarm or dashboard."""

    code = "ResourceNotFound"
    status = 404


class InvalidToken(ServiceError):
    """The page token is none of ours, or belongs to another query."""

    code = "InvalidNextToken"
    status = 400

    def __init__(self) -> None:
        super().__init__("The specified next token is invalid.")
