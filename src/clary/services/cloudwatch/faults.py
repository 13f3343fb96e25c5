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


class InvalidToken(ServiceError):
    """The page token is none of ours, or belongs to another query."""

    code = "InvalidNextToken"
    status = 400

    def __init__(self) -> None:
        super().__init__("The specified next token is invalid.")
