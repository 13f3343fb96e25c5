"""AWS Security Token Service: who am I, and temporary credentials."""

from __future__ import annotations

from clary.services.operation import Operations, Platform
from clary.services.sts.sessions import Sessions


def operations(platform: Platform) -> tuple[Operations, ...]:
    """Return the operations of STS."""
    return (Sessions(platform),)
