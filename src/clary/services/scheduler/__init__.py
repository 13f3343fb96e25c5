"""Amazon EventBridge Scheduler: calls of any operation, once or again and again, in any time zone."""

from __future__ import annotations

from clary.services.operation import Operations, Platform
from clary.services.scheduler.schedule_groups import ScheduleGroups
from clary.services.scheduler.schedules import Schedules
from clary.services.scheduler.tags import Tags


def operations(platform: Platform) -> tuple[Operations, ...]:
    """Return the operations of this service."""
    return tuple(noun(platform) for noun in (Schedules, ScheduleGroups, Tags))
