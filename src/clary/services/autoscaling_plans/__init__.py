"""AWS Auto Scaling: plans that scale resources by their load, and ahead of the load that is forecast."""

from __future__ import annotations

from clary.services.autoscaling_plans.plan_resources import PlanResources
from clary.services.autoscaling_plans.plans import Plans
from clary.services.operation import Operations, Platform

NOUNS = (Plans, PlanResources)


def operations(platform: Platform) -> tuple[Operations, ...]:
    """Return the operations of this service."""
    return tuple(noun(platform) for noun in NOUNS)
