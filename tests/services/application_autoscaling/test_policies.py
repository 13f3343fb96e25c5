"""PutScalingPolicy, DescribeScalingPolicies, DeleteScalingPolicy."""

from __future__ import annotations

from typing import Any

import pytest

from clary.resources.scaling import SCALING_POLICY
from clary.store.records import Change

INVOCATIONS = {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"}
TRACK = {"TargetValue": 60.0, "PredefinedMetricSpecification": INVOCATIONS}
STEPS = {"AdjustmentType": "ChangeInCapacity", "StepAdjustments": [{"ScalingAdjustment": 1}]}
QUERIES = [
    {"Id": "a", "MetricStat": {"Metric": {"Namespace": "N", "MetricName": "m"}, "Stat": "Sum"}, "ReturnData": False},
    {"Id": "b", "Expression": "a / 2"},
]


def track(scaling: Any, where: Any, name: str = "p", **configuration: Any) -> Any:
    return scaling(
        "PutScalingPolicy", **where, PolicyName=name, PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={**TRACK, **configuration},
    )  # fmt: skip


def step(scaling: Any, where: Any, **configuration: Any) -> Any:
    return scaling(
        "PutScalingPolicy", **where, PolicyName="s", PolicyType="StepScaling",
        StepScalingPolicyConfiguration={**STEPS, **configuration},
    )  # fmt: skip


def test_tracking_a_target_makes_two_alarms_that_act_by_the_policy(registered: Any, aws: Any, where: Any) -> None:
    put = track(registered, where)
    arn = put["PolicyARN"]
    assert arn.startswith(f"arn:aws:autoscaling:us-east-1:{aws.account}:scalingPolicy:")
    assert arn.endswith(":resource/sagemaker/endpoint/e/variant/v:policyName/p")
    alarms = {each["AlarmName"]: each for each in aws("cloudwatch")("DescribeAlarms")["MetricAlarms"]}
    high, low = (alarms[each["AlarmName"]] for each in put["Alarms"])
    assert high["AlarmName"].startswith("TargetTracking-endpoint/e/variant/v-AlarmHigh-")
    assert low["AlarmName"].startswith("TargetTracking-endpoint/e/variant/v-AlarmLow-")
    assert [each["AlarmArn"] for each in (high, low)] == [each["AlarmARN"] for each in put["Alarms"]]
    assert high["AlarmActions"] == low["AlarmActions"] == [arn]
    assert (high["Period"], high["EvaluationPeriods"], high["Threshold"]) == (10, 1, 10.0)
    assert (low["Period"], low["EvaluationPeriods"], low["Threshold"]) == (10, 12, 9.0)
    assert (high["MetricName"], high["Statistic"], high["Namespace"]) == (
        "InvocationsPerInstance", "Sum", "AWS/SageMaker",
    )  # fmt: skip
    assert high["Dimensions"] == [{"Name": "EndpointName", "Value": "e"}, {"Name": "VariantName", "Value": "v"}]


def test_putting_a_policy_again_keeps_its_arn_and_alarms(registered: Any, aws: Any, where: Any) -> None:
    first = track(registered, where)
    second = track(registered, where, TargetValue=120.0, DisableScaleIn=True)
    assert second["PolicyARN"] == first["PolicyARN"]
    assert second["Alarms"] == first["Alarms"][:1]
    (alarm,) = aws("cloudwatch")("DescribeAlarms")["MetricAlarms"]
    assert alarm["Threshold"] == 20.0
    third = track(registered, where)
    assert third["Alarms"] == first["Alarms"]


def test_metric_math_and_metrics_of_ones_own_are_tracked(registered: Any, aws: Any, where: Any) -> None:
    math = {"TargetValue": 5.0, "CustomizedMetricSpecification": {"Metrics": QUERIES}}
    own = {"MetricName": "m", "Namespace": "N", "Statistic": "Average"}
    for name, metric in (("math", math), ("own", {"TargetValue": 7.0, "CustomizedMetricSpecification": own})):
        registered(
            "PutScalingPolicy", **where, PolicyName=name, PolicyType="TargetTrackingScaling",
            TargetTrackingScalingPolicyConfiguration=metric,
        )  # fmt: skip
    alarms = aws("cloudwatch")("DescribeAlarms")["MetricAlarms"]
    described = sorted((each["Threshold"], each["EvaluationPeriods"], "Metrics" in each) for each in alarms)
    assert described == [(4.5, 2, True), (5.0, 1, True), (pytest.approx(6.3), 2, False), (7.0, 1, False)]
    assert {each["MetricStat"]["Period"] for alarm in alarms for each in alarm.get("Metrics", ())[:1]} == {60}


def test_policies_are_described_as_they_were_put(registered: Any, aws: Any, where: Any) -> None:
    arn = step(registered, where)["PolicyARN"]
    aws("cloudwatch")(
        "PutMetricAlarm", AlarmName="mine", Namespace="N", MetricName="m", Statistic="Sum", Period=60, Threshold=1.0,
        EvaluationPeriods=1, ComparisonOperator="GreaterThanThreshold", AlarmActions=[arn],
    )  # fmt: skip
    track(registered, where)
    found = registered("DescribeScalingPolicies", ServiceNamespace="sagemaker", PolicyNames=["s"])["ScalingPolicies"]
    assert [(each["PolicyName"], each["PolicyType"]) for each in found] == [("s", "StepScaling")]
    assert found[0]["StepScalingPolicyConfiguration"] == STEPS
    assert [each["AlarmName"] for each in found[0]["Alarms"]] == ["mine"]
    both = registered("DescribeScalingPolicies", ServiceNamespace="sagemaker", ResourceId=where["ResourceId"])
    assert [each["PolicyName"] for each in both["ScalingPolicies"]] == ["p", "s"]


def test_a_policy_takes_its_own_alarms_along_and_no_others(registered: Any, aws: Any, where: Any, refused: Any) -> None:
    track(registered, where)
    registered("DeleteScalingPolicy", **where, PolicyName="p")
    assert aws("cloudwatch")("DescribeAlarms")["MetricAlarms"] == []
    with refused("ObjectNotFoundException", "No scaling policy found"):
        registered("DeleteScalingPolicy", **where, PolicyName="p")


def test_a_policy_whose_deletion_was_interrupted_can_be_put_anew(registered: Any, aws: Any, where: Any) -> None:
    first = track(registered, where)
    records = aws.store.records(aws.account, aws.region)
    (record,) = aws.store.world.all(SCALING_POLICY)
    records.update(record, Change(deleting=True))
    assert registered("DescribeScalingPolicies", ServiceNamespace="sagemaker")["ScalingPolicies"] == []
    second = track(registered, where)
    assert second["PolicyARN"] != first["PolicyARN"]
    names = {each["AlarmName"] for each in aws("cloudwatch")("DescribeAlarms")["MetricAlarms"]}
    assert names == {each["AlarmName"] for each in second["Alarms"]}


def test_a_metric_is_tracked_by_one_policy(registered: Any, where: Any, refused: Any) -> None:
    track(registered, where)
    with refused("ValidationException", "Only one TargetTrackingScaling policy for a given metric specification"):
        track(registered, where, name="q")


def test_a_policy_needs_a_target(scaling: Any, where: Any, refused: Any) -> None:
    with refused("ObjectNotFoundException", "No scalable target registered"):
        track(scaling, where)


@pytest.mark.parametrize(
    ("configuration", "text"),
    [
        ({"TargetValue": 0.0}, "TargetValue"),
        ({"CustomizedMetricSpecification": {}}, "Exactly one"),
        (
            {"PredefinedMetricSpecification": {"PredefinedMetricType": "ECSServiceAverageCPUUtilization"}},
            "cannot be used",
        ),
        ({"ScaleInCooldown": -1}, "ScaleInCooldown"),
    ],
)
def test_a_target_that_cannot_be_tracked_is_refused(
    registered: Any, where: Any, refused: Any, configuration: Any, text: str
) -> None:
    with refused("ValidationException", text):
        track(registered, where, **configuration)


@pytest.mark.parametrize(
    ("metric", "text"),
    [
        ({"MetricName": "m", "Namespace": "N"}, "Statistic"),
        ({"MetricName": "m", "Metrics": QUERIES}, "cannot both"),
        ({"Metrics": [{**each, "ReturnData": True} for each in QUERIES]}, "Exactly one element"),
    ],
)
def test_a_metric_of_ones_own_must_be_whole(registered: Any, where: Any, refused: Any, metric: Any, text: str) -> None:
    with refused("ValidationException", text):
        registered(
            "PutScalingPolicy", **where, PolicyName="p", PolicyType="TargetTrackingScaling",
            TargetTrackingScalingPolicyConfiguration={"TargetValue": 1.0, "CustomizedMetricSpecification": metric},
        )  # fmt: skip


def interval(low: float | None, high: float | None, adjustment: int = 1) -> dict[str, Any]:
    bounds = {"MetricIntervalLowerBound": low, "MetricIntervalUpperBound": high}
    return {**{name: each for name, each in bounds.items() if each is not None}, "ScalingAdjustment": adjustment}


@pytest.mark.parametrize(
    ("configuration", "text"),
    [
        ({"StepAdjustments": []}, "at least one"),
        ({"StepAdjustments": [interval(0, 10), interval(5, None)]}, "overlap"),
        ({"StepAdjustments": [interval(0, 10), interval(12, None)]}, "gaps"),
        ({"StepAdjustments": [interval(0, 10)]}, "unspecified upper bound"),
        ({"StepAdjustments": [interval(-10, 0)]}, "unspecified lower bound"),
        ({"StepAdjustments": [interval(10, 0)]}, "greater than its lower"),
        ({"AdjustmentType": "ExactCapacity", "StepAdjustments": [interval(0, None, -1)]}, "non-negative"),
        ({"MinAdjustmentMagnitude": 1}, "PercentChangeInCapacity"),
        ({"Cooldown": -1}, "Cooldown"),
    ],
)
def test_steps_that_do_not_fit_together_are_refused(
    registered: Any, where: Any, refused: Any, configuration: Any, text: str
) -> None:
    with refused("ValidationException", text):
        step(registered, where, **configuration)


def test_a_type_needs_its_configuration_and_stays(registered: Any, where: Any, refused: Any) -> None:
    with refused("ValidationException", "StepScalingPolicyConfiguration, and no other"):
        registered("PutScalingPolicy", **where, PolicyName="p", PolicyType="StepScaling")
    track(registered, where)
    with refused("ValidationException", "cannot be changed"):
        registered(
            "PutScalingPolicy", **where, PolicyName="p", PolicyType="StepScaling", StepScalingPolicyConfiguration=STEPS
        )
    registered("PutScalingPolicy", **where, PolicyName="p")  # what is left out stays
    (shown,) = registered("DescribeScalingPolicies", ServiceNamespace="sagemaker")["ScalingPolicies"]
    assert shown["TargetTrackingScalingPolicyConfiguration"] == TRACK
