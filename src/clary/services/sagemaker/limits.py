"""Quotas as SageMaker holds its users to them: checked in the transaction that would exceed them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from clary.core.errors import ServiceError
from clary.core.settings import Settings
from clary.resources.endpoint import ENDPOINT, Fleet
from clary.resources.quotas import (
    ENDPOINT_INSTANCES,
    ENDPOINT_USAGE,
    ENDPOINTS,
    SAGEMAKER,
    TRAINING_INSTANCES,
    TRAINING_RUNTIME,
    TRAINING_USAGE,
    limits_of,
    named,
)
from clary.resources.training_job import TRAINING_JOB, Status
from clary.services.operation import Params
from clary.store.query import PAGE_MAX, Query
from clary.store.records import Kind, Record, Records

RUNNING = (Status.IN_PROGRESS, Status.STOPPING)


def check_endpoint(settings: Settings, records: Records, name: str, fleet: Fleet) -> None:
    """Raise ResourceLimitExceeded if the account may not have an endpoint of this name with this fleet."""
    others, before = Counter[str](), Counter[str]()
    endpoints = 0
    for record in _every(records, ENDPOINT):
        endpoints += record.name != name
        (before if record.name == name else others).update(_counted(Fleet.read(record.spec)))
    if not before:
        _check(settings, records, ENDPOINTS, endpoints, 1)
    after = _counted(fleet)
    for type_, count in after.items():
        used = others[type_] + before[type_]
        _check(settings, records, ENDPOINT_USAGE.format(type_), used, count - before[type_])
    _check(settings, records, ENDPOINT_INSTANCES, others.total() + before.total(), after.total() - before.total())


def check_training_job(settings: Settings, records: Records, request: Params) -> None:
    """Raise ResourceLimitExceeded if the account may not run one more such training job."""
    type_, count = request["ResourceConfig"]["InstanceType"], request["ResourceConfig"]["InstanceCount"]
    used = Counter[str]()
    for record in _every(records, TRAINING_JOB, RUNNING):
        resources = record.spec["ResourceConfig"]
        used[resources["InstanceType"]] += resources["InstanceCount"]
    _check(settings, records, TRAINING_RUNTIME, 0, request["StoppingCondition"]["MaxRuntimeInSeconds"])
    _check(settings, records, TRAINING_USAGE.format(type_), used[type_], count)
    _check(settings, records, TRAINING_INSTANCES, used.total(), count)


def _counted(fleet: Fleet) -> Counter[str]:
    """Return how many instances of each type a fleet has."""
    counted = Counter[str]()
    for variant in fleet.every():
        if variant.instance_type:
            counted[variant.instance_type] += variant.count
    return counted


def _check(settings: Settings, records: Records, name: str, used: float, more: float) -> None:
    quota = named(SAGEMAKER, name)
    if quota is None or more <= 0:
        return
    value = limits_of(settings.quotas).value(records, quota)
    if used + more > value:
        what = quota.counted
        raise ServiceError(
            f"The account-level service limit '{name}' is {value:.0f} {what}, with current utilization of {used:.0f} "
            f"{what} and a request delta of {more:.0f} {what}. Please use AWS Service Quotas to request an increase "
            "for this quota. If AWS Service Quotas is not available, contact AWS support to request an increase for "
            "this quota.",
            code="ResourceLimitExceeded",
            status=400,
        )


def _every(records: Records, kind: Kind, states: Sequence[str] = ()) -> Iterator[Record]:
    token = ""
    while True:
        page = records.page(kind, Query(limit=PAGE_MAX, token=token, states=states))
        yield from (each for each in page.items if not each.deleting)
        if not page.next_token:
            return
        token = page.next_token
