"""The events that AWS's services send, made of the changes of state that records go through. Pure.

EventBridge user guide, «Amazon SageMaker AI events»; CloudWatch user guide, «Alarm events and EventBridge».
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from clary.core.ids import arn
from clary.resources.alarm import ALARM, alarm_arn, period_of
from clary.resources.endpoint import ENDPOINT, MODEL
from clary.resources.event import Event, new_id
from clary.resources.training_job import TRAINING_JOB
from clary.store.outbox import Transition
from clary.store.records import Record

SAGEMAKER, CLOUDWATCH = "aws.sagemaker", "aws.cloudwatch"
TAG = "tag:"
Told = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Happened:
    """A change of state, and what was asked for of the record; empty if that is gone meanwhile."""

    transition: Transition
    spec: Told
    tags: Mapping[str, str]
    created: float | None

    @classmethod
    def read(cls, transition: Transition, record: Record | None, attributes: Mapping[str, str]) -> Happened:
        """Return what happened, given the record as it is now."""
        tags = {name.removeprefix(TAG): value for name, value in attributes.items() if name.startswith(TAG)}
        return cls(transition, record.spec if record else {}, tags, record.created if record else None)

    def times(self) -> dict[str, float]:
        """Return when the resource was made and last changed."""
        created = {} if self.created is None else {"CreationTime": self.created}
        return {**created, "LastModifiedTime": self.transition.at}


def event_of(happened: Happened) -> Event | None:
    """Return the event that tells of a change of state, None if AWS tells of none."""
    shape = SHAPES.get(happened.transition.kind)
    return None if shape is None else shape(happened)


def _training_job(happened: Happened) -> Event | None:
    transition = happened.transition
    if not transition.after:
        return None
    own = ("Started", "Attempt")
    detail = {
        "TrainingJobName": transition.name,
        "TrainingJobStatus": transition.after,
        **happened.spec,
        **{name: value for name, value in transition.status.items() if name not in own},
        **happened.times(),
        "Tags": happened.tags,
    }
    resource = arn("sagemaker", transition.region, transition.account, f"training-job/{transition.name}")
    return _event(happened, SAGEMAKER, "SageMaker Training Job State Change", resource, _in_ms(detail))


def _model(happened: Happened) -> Event | None:
    transition = happened.transition
    if not transition.after:
        return None
    resource = arn("sagemaker", transition.region, transition.account, f"model/{transition.name}")
    detail = {"ModelName": transition.name, "ModelArn": resource, **happened.spec, **happened.times()}
    del detail["LastModifiedTime"]  # a model never changes
    told = _in_ms({**detail, "Tags": happened.tags})
    return _event(happened, SAGEMAKER, "SageMaker Model State Change", resource, told)


def _endpoint(happened: Happened) -> Event | None:
    transition = happened.transition
    resource = arn("sagemaker", transition.region, transition.account, f"endpoint/{transition.name}")
    fleet = transition.status.get("live") or happened.spec
    detail = {
        "EndpointName": transition.name,
        "EndpointArn": resource,
        **({"EndpointConfigName": fleet["EndpointConfigName"]} if fleet else {}),
        "ProductionVariants": [_variant(each) for each in fleet.get("variants", ())],
        "EndpointStatus": _shouted(transition.after or "Deleted"),
        **({"FailureReason": transition.status["FailureReason"]} if transition.status.get("FailureReason") else {}),
        **happened.times(),
        "Tags": happened.tags,
    }
    return _event(happened, SAGEMAKER, "SageMaker Endpoint State Change", resource, _in_ms(detail))


def _variant(told: Told) -> dict[str, Any]:
    return {"VariantName": told["name"], "DesiredWeight": told["weight"], "DesiredInstanceCount": told["count"]}


def _shouted(status: str) -> str:
    """Return a status such as InService as these events spell it: IN_SERVICE."""
    return "".join(f"_{each}" if each.isupper() and place else each for place, each in enumerate(status)).upper()


def _alarm(happened: Happened) -> Event | None:
    transition = happened.transition
    status = transition.status
    if not transition.before or not transition.after:
        return None
    previous = status["previous"]
    detail = {
        "alarmName": transition.name,
        "state": _state(transition.after, status["reason"], status["data"], status["transitioned"]),
        "previousState": _state(previous["value"], previous["reason"], previous["data"], previous["timestamp"]),
        "configuration": _configuration(happened.spec) if happened.spec else {},
    }
    resource = alarm_arn(transition.account, transition.region, transition.name)
    return _event(happened, CLOUDWATCH, "CloudWatch Alarm State Change", resource, detail)


def _state(value: str, reason: str, data: str, at: float) -> dict[str, Any]:
    stamp = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "+0000")
    return {"value": value, "reason": reason, **({"reasonData": data} if data else {}), "timestamp": stamp}


def _configuration(spec: Told) -> dict[str, Any]:
    described = {"description": spec["AlarmDescription"]} if spec.get("AlarmDescription") else {}
    if "AlarmRule" in spec:
        suppressed = {
            "actionsSuppressor": spec.get("ActionsSuppressor"),
            "actionsSuppressorWaitPeriod": spec.get("ActionsSuppressorWaitPeriod"),
            "actionsSuppressorExtensionPeriod": spec.get("ActionsSuppressorExtensionPeriod"),
        }
        given = {name: value for name, value in suppressed.items() if value is not None}
        return {**described, "alarmRule": spec["AlarmRule"], **given}
    return {**described, "metrics": [_metric(each) for each in spec.get("Metrics", ())] or [_only_metric(spec)]}


def _only_metric(spec: Told) -> dict[str, Any]:
    stat = {
        "metric": _named(spec),
        "period": period_of(spec),
        "stat": spec.get("ExtendedStatistic") or spec["Statistic"],
    }
    unit = {"unit": spec["Unit"]} if "Unit" in spec else {}
    return {"id": "m1", "metricStat": {**stat, **unit}, "returnData": True}


def _metric(query: Told) -> dict[str, Any]:
    told: dict[str, Any] = {"id": query["Id"], "returnData": query.get("ReturnData", True)}
    if "Label" in query:
        told["label"] = query["Label"]
    if "Expression" in query:
        return {**told, "expression": query["Expression"]}
    stat = query["MetricStat"]
    return {**told, "metricStat": {"metric": _named(stat["Metric"]), "period": stat["Period"], "stat": stat["Stat"]}}


def _named(metric: Told) -> dict[str, Any]:
    dimensions = {each["Name"]: each["Value"] for each in metric.get("Dimensions", ())}
    return {"namespace": metric["Namespace"], "name": metric["MetricName"], "dimensions": dimensions}


def _event(happened: Happened, source: str, detail_type: str, resource: str, detail: Told) -> Event:
    transition = happened.transition
    return Event(
        id=new_id(),
        source=source,
        detail_type=detail_type,
        account=transition.account,
        region=transition.region,
        at=transition.at,
        detail=json.dumps(detail, separators=(",", ":"), ensure_ascii=False),
        resources=(resource,),
    )


def _in_ms(value: Any) -> Any:
    """Return a document whose times are milliseconds, as SageMaker's events have them."""
    if isinstance(value, Mapping):
        return {name: int(each * 1000) if _is_time(name, each) else _in_ms(each) for name, each in value.items()}
    return [_in_ms(each) for each in value] if isinstance(value, list) else value


def _is_time(name: str, value: Any) -> bool:
    return name.endswith("Time") and isinstance(value, int | float)


SHAPES: Mapping[str, Callable[[Happened], Event | None]] = {
    str(TRAINING_JOB): _training_job,
    str(ENDPOINT): _endpoint,
    str(MODEL): _model,
    str(ALARM): _alarm,
}
"""By kind of record."""
