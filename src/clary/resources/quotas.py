"""Quotas: how much of something an account may have in a region, by the names that AWS's messages and console use.

Defaults are generous: what a machine can really run is for admission to say. AWS assigns its codes by no rule that is
known; ours are made of the names, so that they are the same on every Clary.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from clary.compute.instance_types import names
from clary.core.errors import SettingsError
from clary.store.records import Kind, Records

APPLIED = Kind("service-quotas", "quota")
"""What an account was granted; the record's name is the quota's code."""
SAGEMAKER = "sagemaker"
ENDPOINTS = "Number of endpoints"
ENDPOINT_INSTANCES = "Number of instances across active endpoints"
TRAINING_INSTANCES = "Number of instances across training jobs"
TRAINING_RUNTIME = "Longest run time for a training job"
ENDPOINT_USAGE = "{} for endpoint usage"
TRAINING_USAGE = "{} for training job usage"
INSTANCES_OF_A_TYPE = 200
GENERAL = {
    ENDPOINTS: (1000.0, "Endpoints"),
    ENDPOINT_INSTANCES: (1000.0, "Instances"),
    TRAINING_INSTANCES: (1000.0, "Instances"),
    TRAINING_RUNTIME: (28 * 24 * 3600.0, "Seconds"),
}
"""Name → default and what is counted."""


@dataclass(frozen=True, slots=True)
class Quota:
    """One quota of a service."""

    service: str
    name: str
    default: float
    counted: str

    @property
    def code(self) -> str:
        """Return the quota's code, a function of its name."""
        return f"L-{zlib.crc32(f'{self.service}/{self.name}'.encode()):08X}"


@dataclass(frozen=True, slots=True)
class Limits:
    """The quotas of this Clary: the defaults, some of which its operator chose."""

    chosen: Mapping[str, float]

    def default(self, quota: Quota) -> float:
        """Return what every account has that was granted nothing else."""
        return self.chosen.get(quota.code, quota.default)

    def value(self, records: Records, quota: Quota) -> float:
        """Return what the account of these records has."""
        granted = records.find(APPLIED, quota.code)
        return self.default(quota) if granted is None else float(granted.spec["Value"])


def _sagemaker() -> Iterator[Quota]:
    for name, (default, counted) in GENERAL.items():
        yield Quota(SAGEMAKER, name, default, counted)
    for pattern in (ENDPOINT_USAGE, TRAINING_USAGE):
        yield from (Quota(SAGEMAKER, pattern.format(each), INSTANCES_OF_A_TYPE, "Instances") for each in names())


@cache
def quotas(service: str) -> Mapping[str, Quota]:
    """Return the quotas of a service by their codes, in the order of names; none if there are none."""
    found = _sagemaker() if service == SAGEMAKER else iter(())
    return {each.code: each for each in sorted(found, key=lambda each: each.name)}


def named(service: str, name: str) -> Quota | None:
    """Return the quota of this name, or None: a type may be newer than the table."""
    return next((each for each in quotas(service).values() if each.name == name), None)


@cache
def limits_of(text: str) -> Limits:
    """Return the limits that the setting `quotas` asks for: CODE=VALUE, with commas between; raise SettingsError."""
    chosen: dict[str, float] = {}
    for part in filter(None, (each.strip() for each in text.split(","))):
        code, _, value = part.partition("=")
        if code not in quotas(SAGEMAKER):
            raise SettingsError(f"quotas: there is no quota with the code {code!r}.")
        try:
            chosen[code] = float(value)
        except ValueError:
            raise SettingsError(f"quotas: the value of {code} must be a number, not {value!r}.") from None
    return Limits(chosen)
