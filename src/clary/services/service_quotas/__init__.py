"""Service Quotas: how much of something an account may have, and how it comes to more."""

from __future__ import annotations

from clary.services.operation import Operations, Platform
from clary.services.service_quotas.changes import Changes
from clary.services.service_quotas.quotas import Quotas
from clary.services.service_quotas.services import Services


def operations(platform: Platform) -> tuple[Operations, ...]:
    """Return the operations of this service."""
    return tuple(noun(platform) for noun in (Services, Quotas, Changes))
