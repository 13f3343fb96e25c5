"""Who makes a call: an account's root, a user, or a session of a role."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from clary.access.policy import Policy

Sort = Literal["Root", "User", "AssumedRole", "Service"]


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller and what its policies say; AWS's own words for `sort`."""

    account: str
    arn: str
    sort: Sort
    user_id: str
    access_key: str = ""
    identity: tuple[Policy, ...] = ()
    boundary: tuple[Policy, ...] | None = None
    session: tuple[Policy, ...] | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    role_arn: str = ""  # of an assumed role: the role's own ARN, with its path
    source_arn: str = ""  # of a service: the resource that it acts for

    def policies(self) -> tuple[Policy, ...]:
        """Return every policy that decides what it may, but for those of resources."""
        return (*self.identity, *(self.boundary or ()), *(self.session or ()))


ANONYMOUS = Principal(account="", arn="anonymous", sort="User", user_id="anonymous")
"""Whoever gives no credentials."""


def service_principal(service: str, source_arn: str) -> Principal:
    """Return a service such as `sns` as what resource policies know it by, acting for one of its resources."""
    name = f"{service}.amazonaws.com"
    return Principal(account="", arn=name, sort="Service", user_id=name, source_arn=source_arn)
