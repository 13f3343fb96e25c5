"""The events of AWS's services, as AWS shapes them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from clary.resources.event_sources import Happened, event_of
from clary.store.outbox import Transition

ACCOUNT, REGION = "111111111111", "us-east-1"
JOB = Transition(
    seq=1, account=ACCOUNT, region=REGION, kind="sagemaker/training-job", name="j", uid="u", before="InProgress",
    after="Completed", at=1_600_000_002.5,
    status={
        "TrainingJobArn": "arn:j", "SecondaryStatus": "Completed", "Attempt": 0, "TrainingEndTime": 1_600_000_001.25,
        "SecondaryStatusTransitions": [{"Status": "Starting", "StartTime": 1_600_000_000.0, "StatusMessage": "m"}],
    },
)  # fmt: skip
ENDPOINT = replace(JOB, kind="sagemaker/endpoint", name="e", before="Creating", after="InService", status={})
ALARM = replace(
    JOB, kind="cloudwatch/alarm", name="a", before="OK", after="ALARM",
    status={
        "reason": "too many", "data": '{"n":1}', "transitioned": 1_600_000_002.0,
        "previous": {"value": "OK", "reason": "few", "data": "", "timestamp": 1_600_000_000.0},
    },
)  # fmt: skip
WATCH = {"MetricName": "m", "Namespace": "N", "Statistic": "Sum", "Period": 60, "AlarmDescription": "d",
         "Dimensions": [{"Name": "k", "Value": "v"}]}  # fmt: skip


def told(transition: Transition, spec: dict[str, Any], tags: dict[str, str] | None = None) -> dict[str, Any]:
    event = event_of(Happened(transition, spec, tags or {}, 1_600_000_000.0))
    assert event is not None
    whole: dict[str, Any] = json.loads(event.to_json())
    return whole


def test_a_training_job_is_told_as_describe_tells_it_with_times_in_milliseconds() -> None:
    event = told(JOB, {"RoleArn": "r", "HyperParameters": {"EndTime": "1"}}, {"team": "red"})
    assert (event["source"], event["detail-type"]) == ("aws.sagemaker", "SageMaker Training Job State Change")
    assert event["resources"] == [f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:training-job/j"]
    assert (event["account"], event["region"], event["time"]) == (ACCOUNT, REGION, "2020-09-13T12:26:42Z")
    assert event["detail"] == {
        "TrainingJobName": "j",
        "TrainingJobArn": "arn:j",
        "TrainingJobStatus": "Completed",
        "SecondaryStatus": "Completed",
        "RoleArn": "r",
        "HyperParameters": {"EndTime": "1"},
        "SecondaryStatusTransitions": [{"Status": "Starting", "StartTime": 1_600_000_000_000, "StatusMessage": "m"}],
        "TrainingEndTime": 1_600_000_001_250,
        "CreationTime": 1_600_000_000_000,
        "LastModifiedTime": 1_600_000_002_500,
        "Tags": {"team": "red"},
    }


def test_a_model_is_told_once_it_is_there() -> None:
    model = replace(JOB, kind="sagemaker/model", name="m", before="", after="Created", status={})
    event = told(model, {"ModelName": "m", "ExecutionRoleArn": "r"})
    assert event["detail-type"] == "SageMaker Model State Change"
    assert event["detail"] == {
        "ModelName": "m",
        "ModelArn": f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model/m",
        "ExecutionRoleArn": "r",
        "CreationTime": 1_600_000_000_000,
        "Tags": {},
    }
    assert event_of(Happened(replace(model, before="Created", after=""), {}, {}, None)) is None


def test_an_endpoint_is_told_with_its_status_in_capitals() -> None:
    spec = {"EndpointConfigName": "c", "variants": [{"name": "v", "weight": 1.0, "count": 2}]}
    event = told(ENDPOINT, spec)
    assert event["detail-type"] == "SageMaker Endpoint State Change"
    assert event["detail"] == {
        "EndpointName": "e",
        "EndpointArn": f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint/e",
        "EndpointConfigName": "c",
        "ProductionVariants": [{"VariantName": "v", "DesiredWeight": 1.0, "DesiredInstanceCount": 2}],
        "EndpointStatus": "IN_SERVICE",
        "CreationTime": 1_600_000_000_000,
        "LastModifiedTime": 1_600_000_002_500,
        "Tags": {},
    }
    statuses = {"RollingBack": "ROLLING_BACK", "Failed": "FAILED", "": "DELETED"}
    for after, status in statuses.items():
        failed = replace(ENDPOINT, after=after, status={"FailureReason": "why"})
        detail = told(failed, spec)["detail"]
        assert (detail["EndpointStatus"], detail["FailureReason"]) == (status, "why")


def test_an_alarm_is_told_with_both_states_and_what_it_watches() -> None:
    event = told(ALARM, WATCH)
    assert (event["source"], event["detail-type"]) == ("aws.cloudwatch", "CloudWatch Alarm State Change")
    assert event["resources"] == [f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:a"]
    metric = {"namespace": "N", "name": "m", "dimensions": {"k": "v"}}
    state = {"value": "ALARM", "reason": "too many", "reasonData": '{"n":1}'}
    assert event["detail"] == {
        "alarmName": "a",
        "state": {**state, "timestamp": "2020-09-13T12:26:42.000+0000"},
        "previousState": {"value": "OK", "reason": "few", "timestamp": "2020-09-13T12:26:40.000+0000"},
        "configuration": {
            "description": "d",
            "metrics": [
                {"id": "m1", "metricStat": {"metric": metric, "period": 60, "stat": "Sum"}, "returnData": True}
            ],
        },
    }


def test_alarms_on_expressions_and_on_alarms_tell_what_they_look_at() -> None:
    stat = {"Metric": {"Namespace": "N", "MetricName": "m"}, "Period": 10, "Stat": "p90"}
    metrics = [
        {"Id": "e", "Expression": "m * 2", "Label": "twice"},
        {"Id": "m", "MetricStat": stat, "ReturnData": False},
    ]
    assert told(ALARM, {"Metrics": metrics})["detail"]["configuration"]["metrics"] == [
        {"id": "e", "expression": "m * 2", "label": "twice", "returnData": True},
        {
            "id": "m",
            "metricStat": {
                "metric": {"namespace": "N", "name": "m", "dimensions": {}},
                "period": 10,
                "stat": "p90",
            },
            "returnData": False,
        },
    ]
    composite = {"AlarmRule": "ALARM(b)", "ActionsSuppressor": "s", "ActionsSuppressorWaitPeriod": 5}
    assert told(ALARM, composite)["detail"]["configuration"] == {
        "alarmRule": "ALARM(b)",
        "actionsSuppressor": "s",
        "actionsSuppressorWaitPeriod": 5,
    }


def test_births_and_ends_that_aws_does_not_tell_of_are_no_events() -> None:
    for transition in (replace(JOB, after=""), replace(ALARM, before=""), replace(ALARM, after=""),
                       replace(JOB, kind="sagemaker/instance")):  # fmt: skip
        assert event_of(Happened(transition, {}, {}, None)) is None
