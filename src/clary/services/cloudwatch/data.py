"""Metric data as it is put: read from a request and checked against CloudWatch's limits."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from clary.services.cloudwatch.faults import InvalidCombination, InvalidValue, MissingParameter
from clary.services.operation import Params
from clary.store.series import Datum, Dimensions
from clary.store.summaries import Summary

DATA_MAX = 1000
VALUES_MAX = 150
VALUE_MAX = 2.0**360
PAST_S = 14 * 24 * 3600
FUTURE_S = 2 * 3600
RESOLUTIONS = (1, 60)


def dimensions_of(request: Sequence[Mapping[str, str]]) -> Dimensions:
    """Return dimensions, sorted by name."""
    return tuple(sorted((each["Name"], each["Value"]) for each in request))


def data_of(request: Params, now: float) -> list[Datum]:
    """Return the values of a request, or raise what is wrong with the first that cannot be taken."""
    members = list(_members(request))
    if not members:
        raise MissingParameter("The parameter MetricData is required.")
    if len(members) > DATA_MAX:
        raise InvalidValue(f"The collection MetricData must not have a size greater than {DATA_MAX}.")
    return [_datum(member, name, now) for name, member in members]


def _members(request: Params) -> Iterator[tuple[str, Params]]:
    """Give each value with its name in messages; those of entities count like the others."""
    groups = [("MetricData", request.get("MetricData", ()))]
    for index, entity in enumerate(request.get("EntityMetricData", ()), 1):
        groups.append((f"EntityMetricData.member.{index}.MetricData", entity.get("MetricData", ())))
    for group, members in groups:
        for index, member in enumerate(members, 1):
            yield f"{group}.member.{index}", member


def _datum(member: Params, name: str, now: float) -> Datum:
    values, counts, totals = _values(member, name)
    resolution = member.get("StorageResolution", 60)
    if resolution not in RESOLUTIONS:
        raise InvalidValue(f"The value {resolution} for parameter {name}.StorageResolution is invalid.")
    return Datum(
        name=member["MetricName"],
        dimensions=_dimensions(member, name),
        at=_time(member.get("Timestamp"), name, now),
        values=values,
        counts=counts,
        totals=totals,
        unit=member.get("Unit", "None"),
        high_resolution=resolution == 1,
    )


def _dimensions(member: Params, name: str) -> Dimensions:
    dimensions = dimensions_of(member.get("Dimensions", ()))
    if len({each for each, _ in dimensions}) < len(dimensions):
        raise InvalidValue(f"The parameter {name}.Dimensions has a dimension name more than once.")
    return dimensions


def _time(timestamp: datetime | None, name: str, now: float) -> float:
    at = now if timestamp is None else timestamp.timestamp()
    if at < now - PAST_S:
        raise InvalidValue(f"The parameter {name}.Timestamp must specify a time within the past two weeks.")
    if at > now + FUTURE_S:
        raise InvalidValue(f"The parameter {name}.Timestamp must specify a time no more than two hours in the future.")
    return at


def _values(member: Params, name: str) -> tuple[Sequence[float], Sequence[float], Summary | None]:
    given = [each for each in ("Value", "Values", "StatisticValues") if each in member]
    if len(given) > 1:
        both = f"{name}.{given[0]} and {name}.{given[1]}"
        raise InvalidCombination(f"The parameters {both} are mutually exclusive and you have specified both.")
    match given:
        case ["Value"]:
            return (_number(member["Value"], f"{name}.Value"),), (), None
        case ["Values"]:
            return *_counted(member, name), None
        case ["StatisticValues"]:
            return (), (), _statistic_set(member["StatisticValues"], f"{name}.StatisticValues")
        case _:
            raise MissingParameter(f"The parameter {name}.Value is required.")


def _counted(member: Params, name: str) -> tuple[Sequence[float], Sequence[float]]:
    values, counts = member["Values"], member.get("Counts", ())
    if not values:
        raise MissingParameter(f"The parameter {name}.Values is required.")
    if len(values) > VALUES_MAX:
        raise InvalidValue(f"The collection {name}.Values must not have a size greater than {VALUES_MAX}.")
    if counts and len(counts) != len(values):
        raise InvalidValue(f"The parameters {name}.Values and {name}.Counts must be of the same size.")
    for index, count in enumerate(counts, 1):
        if _number(count, f"{name}.Counts.member.{index}") <= 0:
            raise InvalidValue(f"The value {count} for parameter {name}.Counts.member.{index} is invalid.")
    return [_number(value, f"{name}.Values.member.{index}") for index, value in enumerate(values, 1)], counts


def _statistic_set(given: Mapping[str, Any], name: str) -> Summary:
    count, total, low, high = (
        _number(given[each], f"{name}.{each}") for each in ("SampleCount", "Sum", "Minimum", "Maximum")
    )
    if count <= 0:
        raise InvalidValue(f"The value {count} for parameter {name}.SampleCount is invalid.")
    if low > high:
        raise InvalidValue(f"The parameter {name}.Maximum must be greater than or equal to {name}.Minimum.")
    return Summary.of_totals(count, total, low, high)


def _number(value: float, name: str) -> float:
    if not math.isfinite(value) or abs(value) > VALUE_MAX:
        raise InvalidValue(f"The value {value} for parameter {name} is invalid.")
    return float(value)


def time_of(at: float) -> datetime:
    """Return a time as answers hold it."""
    return datetime.fromtimestamp(at, UTC)
