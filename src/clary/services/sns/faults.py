"""The errors of SNS, in its own words."""

from __future__ import annotations

from clary.core.errors import ServiceError


class InvalidParameter(ServiceError):
    """A parameter breaks a rule of the API."""

    code = "InvalidParameter"
    status = 400

    def __init__(self, text: str) -> None:
        super().__init__(f"Invalid parameter: {text}")


class NotFound(ServiceError):
    """There is no such topic or subscription."""

    code = "NotFound"
    status = 404

    def __init__(self, noun: str = "Topic") -> None:
        super().__init__(f"{noun} does not exist")
