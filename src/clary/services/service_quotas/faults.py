"""The errors of Service Quotas, in its words."""

from __future__ import annotations

from clary.core.errors import ServiceError


class NoSuchResource(ServiceError):
    """There is no such service, quota or request."""

    code = "NoSuchResourceException"
    status = 400


class IllegalArgument(ServiceError):
    """The request asks for what cannot be."""

    code = "IllegalArgumentException"
    status = 400


class InvalidPaginationToken(ServiceError):
    """The token belongs to another query, or is none."""

    code = "InvalidPaginationTokenException"
    status = 400
