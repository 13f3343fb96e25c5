"""Labels: what a series is called, with what `${…}` in them stands for.

Source: CloudWatch user guide, «Using dynamic labels».
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone

from clary.services.cloudwatch.metric_math.functions import TOTAL
from clary.services.cloudwatch.metric_math.syntax import BadExpression
from clary.services.cloudwatch.metric_math.values import TimeSeries
from clary.store.series import Metric

DYNAMIC_MAX = 6
DYNAMIC = re.compile(r"\$\{\s*(?P<word>[A-Z_]+)\s*(?:\(\s*'(?P<argument>[^']*)'\s*\))?\s*\}")
OFFSET = re.compile(r"([+-])(\d{2})(\d{2})")
ABSENT = "--"
AGES = ((86400, "d"), (3600, "h"), (60, "m"), (1, "s"))
Place = Callable[[TimeSeries], int]
PLACES: Mapping[str, Place] = {
    "FIRST": lambda series: next(iter(series.points)),
    "LAST": lambda series: next(reversed(list(series.points))),
    "MAX": lambda series: max(series.points, key=lambda at: series.points[at]),
    "MIN": lambda series: min(series.points, key=lambda at: series.points[at]),
}


def check_label(label: str) -> None:
    """Raise BadExpression where a label has too many dynamic parts or an unknown one."""
    found = list(DYNAMIC.finditer(label))
    if len(found) > DYNAMIC_MAX:
        raise BadExpression(f"A label can have {DYNAMIC_MAX} dynamic values at most")
    for match in found:
        if match["word"] not in _WORDS:
            raise BadExpression(f"Unknown dynamic label '{match[0]}'")


def shown(template: str, series: TimeSeries, zone: timezone, now: float) -> str:
    """Return a label with its dynamic parts filled in."""
    return DYNAMIC.sub(lambda match: _value(match["word"], match["argument"] or "", series, zone, now), template)


def dynamic(label: str) -> bool:
    """Tell whether a label has dynamic parts."""
    return DYNAMIC.search(label) is not None


def zone_of(offset: str) -> timezone | None:
    """Return the time zone that +HHMM or -HHMM names, None if it is neither."""
    match = OFFSET.fullmatch(offset)
    if match is None:
        return None
    shift = timedelta(hours=int(match[2]), minutes=int(match[3]))
    return timezone(-shift if match[1] == "-" else shift) if shift < timedelta(days=1) else None


def search_labels(metrics: Sequence[Metric]) -> list[str]:
    """Return a label for each metric that was found: what tells it from the others."""
    columns = list(zip(*(_columns(metric) for metric in metrics), strict=False))
    telling = [len(set(column)) > 1 for column in columns]
    return [
        " ".join(part for part, tells in zip(_columns(metric), telling, strict=False) if tells) or metric.name
        for metric in metrics
    ]


def _columns(metric: Metric) -> list[str]:
    return [metric.namespace, *(value for _, value in metric.dimensions), metric.name]


def _value(word: str, argument: str, series: TimeSeries, zone: timezone, now: float) -> str:
    if word == "LABEL":
        return series.label
    if word == "PROP":
        return series.properties.get(argument, ABSENT)
    if not series.points:
        return ABSENT
    if word in PLACES:
        return _number(series.points[PLACES[word](series)])
    if word in TOTAL:
        return _number(TOTAL[word](list(series.points.values())))
    if word == "FIRST_LAST_RANGE":
        return f"{_value('FIRST', '', series, zone, now)} - {_value('LAST', '', series, zone, now)}"
    if word == "FIRST_LAST_TIME_RANGE":
        return f"{_value('FIRST_TIME', '', series, zone, now)} - {_value('LAST_TIME', '', series, zone, now)}"
    place, _, sort = word.partition("_TIME")
    at = PLACES[place](series)
    return _age(now - at) if sort else datetime.fromtimestamp(at, UTC).astimezone(zone).strftime("%Y-%m-%d %H:%M:%S %Z")


def _number(value: float) -> str:
    return f"{value:.6g}"


def _age(seconds: float) -> str:
    for length, unit in AGES:
        if seconds >= length:
            return f"{int(seconds // length)}{unit} ago"
    return "now"


_WORDS = frozenset(
    {"LABEL", "PROP", "FIRST_LAST_RANGE", "FIRST_LAST_TIME_RANGE", "AVG", "SUM", "STDDEV", "DATAPOINT_COUNT"}
    | {place + sort for place in PLACES for sort in ("", "_TIME", "_TIME_RELATIVE")}
)
