"""Application Auto Scaling: what scales, by which policies and schedules, and what was done."""

from __future__ import annotations

from clary.services.application_autoscaling.activities import Activities
from clary.services.application_autoscaling.forecasts import Forecasts
from clary.services.application_autoscaling.policies import Policies
from clary.services.application_autoscaling.scheduled_actions import ScheduledActions
from clary.services.application_autoscaling.tags import Tags
from clary.services.application_autoscaling.targets import Targets
from clary.services.operation import Operations, Platform

NOUNS = (Targets, Policies, ScheduledActions, Activities, Forecasts, Tags)


def operations(platform: Platform) -> tuple[Operations, ...]:
    """Return the operations of this service."""
    return tuple(noun(platform) for noun in NOUNS)
