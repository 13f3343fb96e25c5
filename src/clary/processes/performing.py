"""Every service on one path, as each process has it that performs operations."""

from __future__ import annotations

from clary.core.settings import Settings
from clary.server.internal import InternalCaller
from clary.server.perform import Performer
from clary.server.registry import Registry
from clary.services import (
    application_autoscaling,
    autoscaling_plans,
    cloudwatch,
    events,
    iam,
    logs,
    organizations,
    s3,
    sagemaker,
    scheduler,
    service_quotas,
    sns,
    sqs,
    sts,
)
from clary.services.iam.principals import Principals
from clary.services.operation import Platform
from clary.store.store import Store
from clary.wire.models import Models
from clary.wire.service_index import ServiceIndex

SERVICES = {
    "application-autoscaling": application_autoscaling.operations,
    "autoscaling-plans": autoscaling_plans.operations,
    "cloudwatch": cloudwatch.operations,
    "events": events.operations,
    "iam": iam.operations,
    "logs": logs.operations,
    "organizations": organizations.operations,
    "s3": s3.operations,
    "sagemaker": sagemaker.operations,
    "scheduler": scheduler.operations,
    "service-quotas": service_quotas.operations,
    "sns": sns.operations,
    "sqs": sqs.operations,
    "sts": sts.operations,
}


def caller_of(settings: Settings, store: Store) -> InternalCaller:
    """Return the caller of a process: every service, on one path."""
    platform = Platform(store, settings)
    groups = {name: operations(platform) for name, operations in SERVICES.items()}
    registry = Registry(Models(), ServiceIndex.read(), groups)
    return InternalCaller(Performer(store, registry, store.clock), Principals(store, store.clock))
