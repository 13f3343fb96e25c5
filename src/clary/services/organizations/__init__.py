"""AWS Organizations: the accounts of a Clary."""

from __future__ import annotations

from clary.services.operation import Operations, Platform
from clary.services.organizations.accounts import Accounts
from clary.services.organizations.organization import Organizations


def operations(platform: Platform) -> tuple[Operations, ...]:
    """Return the operations of Organizations."""
    return (Organizations(platform), Accounts(platform))
