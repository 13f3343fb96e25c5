"""The errors of CloudWatch Logs, in its own words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from clary.core.errors import ServiceError
from clary.services.page_tokens import BadToken
from clary.store.logs import Missing, Protected, Taken


class InvalidParameter(ServiceError):
    """A parameter breaks a rule of the API."""

    code = "InvalidParameterException"
    status = 400


class NotFound(ServiceError):
    """There is no such log group, stream or resource."""

    code = "ResourceNotFoundException"
    status = 400


class AlreadyExists(ServiceError):
    """The name is taken."""

    code = "ResourceAlreadyExistsException"
    status = 400


@contextmanager
def told(noun: str = "log group") -> Iterator[None]:
    """Turn what the store says about a noun into what a client is told."""
    try:
        yield
    except Missing as missing:
        raise NotFound(f"The specified {missing.noun} does not exist.") from None
    except Taken:
        raise AlreadyExists(f"The specified {noun} already exists") from None
    except Protected:
        raise ServiceError(
            "The log group has deletion protection enabled. Disable it with PutLogGroupDeletionProtection first.",
            code="ValidationException",
            status=400,
        ) from None
    except BadToken:
        raise InvalidParameter("The specified nextToken is invalid.") from None
