"""The errors of SQS, in its own words."""

from __future__ import annotations

from clary.core.errors import ServiceError


class NoSuchQueue(ServiceError):
    """There is no such queue, or the caller may not know of it."""

    code = "QueueDoesNotExist"
    status = 400

    def __init__(self) -> None:
        super().__init__("The specified queue does not exist.")


class InvalidValue(ServiceError):
    """A parameter's value breaks a rule of the API."""

    code = "InvalidParameterValue"
    status = 400


class MissingParameter(ServiceError):
    """A parameter that this request needs is not there."""

    code = "MissingParameter"
    status = 400

    def __init__(self, name: str) -> None:
        super().__init__(f"The request must contain the parameter {name}.")


class InvalidAttributeName(ServiceError):
    """There is no such attribute, or it cannot be set."""

    code = "InvalidAttributeName"
    status = 400

    def __init__(self, name: str) -> None:
        super().__init__(f"Unknown Attribute {name}.")


class InvalidAttributeValue(ServiceError):
    """An attribute's value breaks its rule."""

    code = "InvalidAttributeValue"
    status = 400

    def __init__(self, name: str, reason: str = "") -> None:
        super().__init__(f"Invalid value for the parameter {name}.{' Reason: ' + reason if reason else ''}")


class InvalidContents(ServiceError):
    """A message holds characters that XML cannot."""

    code = "InvalidMessageContents"
    status = 400

    def __init__(self) -> None:
        super().__init__("Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | "
                         "#xE000 to #xFFFD | #x10000 to #x10FFFF.")  # fmt: skip


class Unsupported(ServiceError):
    """The operation does not fit the queue, or is not built."""

    code = "UnsupportedOperation"
    status = 400
