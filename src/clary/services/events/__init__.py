"""Amazon EventBridge: buses, the rules that listen to them, and the events that go over them."""

from __future__ import annotations

from clary.services.events.archives import Archives
from clary.services.events.buses import Buses
from clary.services.events.entries import Entries
from clary.services.events.patterns import Patterns
from clary.services.events.permissions import Permissions
from clary.services.events.replays import Replays
from clary.services.events.rules import Rules
from clary.services.events.tags import Tags
from clary.services.events.targets import Targets
from clary.services.operation import Operations, Platform

NOUNS = (Buses, Permissions, Rules, Targets, Patterns, Entries, Archives, Replays, Tags)


def operations(platform: Platform) -> tuple[Operations, ...]:
    """Return the operations of this service."""
    return tuple(noun(platform) for noun in NOUNS)
