"""CloudWatch Logs: groups, streams and events, and searching them."""

from __future__ import annotations

from clary.services.logs.events import LogEvents
from clary.services.logs.groups import LogGroups
from clary.services.logs.live_tail import LiveTails
from clary.services.logs.resource_policies import ResourcePolicies
from clary.services.logs.retention import Retention
from clary.services.logs.searches import Searches
from clary.services.logs.streams import LogStreams
from clary.services.logs.tags import Tags
from clary.services.operation import Operations, Platform


def operations(platform: Platform) -> tuple[Operations, ...]:
    """Return the operations of this service."""
    nouns = (LogGroups, Retention, Tags, LogStreams, LogEvents, Searches, LiveTails, ResourcePolicies)
    return tuple(noun(platform) for noun in nouns)
