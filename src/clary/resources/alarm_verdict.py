"""The verdict on a metric alarm's datapoints: M of N, what is missing, and alarms that would come too soon.

Source: CloudWatch user guide, «Configuring how CloudWatch alarms treat missing data».
"""

from __future__ import annotations

import json
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from clary.resources.alarm import Alarm, AlarmState, Sample, Span

SHOWN_MAX = 10
REASON_MAX = 1023
DATA_MAX = 4000
COMPARISONS: Mapping[str, tuple[Callable[[float, float], bool], str]] = {
    "GreaterThanOrEqualToThreshold": (operator.ge, "greater than or equal to"),
    "GreaterThanThreshold": (operator.gt, "greater than"),
    "LessThanThreshold": (operator.lt, "less than"),
    "LessThanOrEqualToThreshold": (operator.le, "less than or equal to"),
}
TREATED = {"breaching": "Breaching", "notBreaching": "NonBreaching"}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the datapoints say; a state of None keeps the one that the alarm has."""

    state: AlarmState | None
    breaching: tuple[Sample, ...] = ()
    fine: tuple[Sample, ...] = ()
    filled: int = 0


@dataclass(frozen=True, slots=True)
class Measure:
    """What is held against the datapoints: the M of N, and how a value and a missing one count."""

    needed: int
    to_alarm: int
    missing: str
    breaches: Callable[[float, float], bool]

    @classmethod
    def of(cls, alarm: Alarm) -> Measure:
        """Return the measure of an alarm."""
        compare, _ = COMPARISONS[alarm.spec["ComparisonOperator"]]
        missing = alarm.spec.get("TreatMissingData", "missing")
        return cls(alarm.evaluation_periods, alarm.datapoints_to_alarm, missing, compare)


def judge(samples: Sequence[Sample], measure: Measure) -> Verdict:
    """Return the verdict on the samples of an evaluation range, oldest first."""
    real = [(age, each, each.value) for age, each in enumerate(reversed(samples), 1) if each.value is not None]
    used = real[: measure.needed]
    bad = [(age, each) for age, each, value in used if measure.breaches(value, each.threshold)]
    fine = tuple(each for _, each, value in used if not measure.breaches(value, each.threshold))
    filled = measure.needed - len(used)
    oldest = bad[-1][0] if bad else 0
    state = _state(measure, bad=len(bad), fine=len(fine), filled=filled, oldest=oldest)
    return Verdict(state, tuple(each for _, each in bad), fine, filled)


def _state(measure: Measure, *, bad: int, fine: int, filled: int, oldest: int) -> AlarmState | None:
    if bad >= measure.to_alarm:
        return AlarmState.ALARM
    if filled == 0 or measure.missing == "notBreaching":
        return AlarmState.OK
    if measure.missing == "breaching":
        return AlarmState.ALARM if bad + filled >= measure.to_alarm else AlarmState.OK
    if fine:
        return AlarmState.OK
    if measure.missing == "ignore":
        return None
    if not bad:
        return AlarmState.INSUFFICIENT_DATA
    # Too few, and all of them breach: an alarm only if none that may still come could change it.
    return AlarmState.ALARM if oldest >= measure.to_alarm else None


def reason(alarm: Alarm, verdict: Verdict) -> str:
    """Return StateReason in CloudWatch's words."""
    treated = TREATED.get(alarm.spec.get("TreatMissingData", "missing"), "")
    if verdict.state is AlarmState.INSUFFICIENT_DATA:
        return f"Insufficient Data: {_counted(verdict.filled)} {_were(verdict.filled)} unknown."
    filling = f"{verdict.filled} missing {_datapoints(verdict.filled)} {_were(verdict.filled)} treated as [{treated}]"
    if not verdict.breaching and not verdict.fine:
        periods = "period" if verdict.filled == 1 else "periods"
        return f"Threshold Crossed: no datapoints were received for {verdict.filled} {periods} and {filling}."
    told = f"Threshold Crossed: {_crossing(alarm, verdict)}"
    return (f"{told[:-1]} and {filling}." if verdict.filled and treated else told)[:REASON_MAX]


def _crossing(alarm: Alarm, verdict: Verdict) -> str:
    alarming = verdict.state is AlarmState.ALARM
    shown = (verdict.breaching if alarming else verdict.fine) or verdict.breaching or verdict.fine
    breach = shown is verdict.breaching
    _, words = COMPARISONS[alarm.spec["ComparisonOperator"]]
    values = ", ".join(f"{each.value} ({_short(each.at)})" for each in shown[:SHOWN_MAX])
    crossed = f"{_were(len(shown))} {'' if breach else 'not '}{words} the threshold ({shown[0].threshold})"
    if alarm.evaluation_periods == 1:
        return f"{_counted(len(shown))} [{values}] {crossed}."
    wanted = alarm.datapoints_to_alarm
    least = wanted if alarming else alarm.evaluation_periods - wanted + 1
    change = "OK -> ALARM" if alarming else "ALARM -> OK"
    last = f"{len(shown)} out of the last {alarm.evaluation_periods} datapoints [{values}]"
    return f"{last} {crossed} (minimum {_counted(least)} for {change} transition)."


def reason_data(alarm: Alarm, verdict: Verdict, span: Span, now: float) -> str:
    """Return StateReasonData: the same for programs."""
    seen = sorted((*verdict.breaching, *verdict.fine), key=lambda each: each.at)
    told: dict[str, Any] = {
        "version": "1.0",
        "queryDate": _stamp(now),
        **({"startDate": _stamp(seen[0].at)} if seen else {}),
        **({"unit": alarm.spec["Unit"]} if "Unit" in alarm.spec else {}),
        **({"statistic": alarm.spec["Statistic"]} if "Statistic" in alarm.spec else {}),
        **({"extendedStatistic": alarm.spec["ExtendedStatistic"]} if "ExtendedStatistic" in alarm.spec else {}),
        "period": span.period,
        "recentDatapoints": [each.value for each in seen],
        **({"threshold": alarm.spec["Threshold"]} if "Threshold" in alarm.spec else {}),
        "evaluatedDatapoints": [{"timestamp": _stamp(each.at), "value": each.value} for each in seen[::-1]],
    }
    while len(text := json.dumps(told, separators=(",", ":"))) > DATA_MAX:
        told["recentDatapoints"] = told["recentDatapoints"][1:]
        told["evaluatedDatapoints"] = told["evaluatedDatapoints"][:-1]
    return text


def _counted(count: int) -> str:
    return f"{count} {_datapoints(count)}"


def _datapoints(count: int) -> str:
    return "datapoint" if count == 1 else "datapoints"


def _were(count: int) -> str:
    return "was" if count == 1 else "were"


def _short(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%d/%m/%y %H:%M:%S")


def _stamp(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "+0000")
