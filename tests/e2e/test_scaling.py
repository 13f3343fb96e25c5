"""Scaling of a variant that runs: by its load, by an alarm of one's own, and by the clock, the controller killed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.conftest import Account, eventually

SERVE = """#!/usr/bin/env python3
import http.server, time
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def answer(self):
        time.sleep(float(self.rfile.read(int(self.headers.get("content-length") or 0)) or 0))
        self.send_response(200)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"ok")
    do_GET = do_POST = answer
    def log_message(self, *_):
        pass
http.server.ThreadingHTTPServer(("0.0.0.0", 8080), Handler).serve_forever()
"""
WHERE = {
    "ServiceNamespace": "sagemaker",
    "ResourceId": "endpoint/scaled/variant/AllTraffic",
    "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
}
INVOCATIONS = {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"}


@pytest.fixture
def scaling(account: Account, tmp_path: Path) -> Any:
    """Give a client, and an endpoint of one instance that may have four."""
    account.model("scaled", account.image(tmp_path / "image", serve=SERVE))
    account.deploy("scaled")
    account.serving("scaled")
    client = account("application-autoscaling")
    client.register_scalable_target(**WHERE, MinCapacity=1, MaxCapacity=4)
    return client


@contextmanager
def load(account: Account, pause_s: float, body: str = "0") -> Iterator[list[int]]:
    """Invoke again and again, each answer taking the seconds that the body says; give the status of each."""
    stop, told = threading.Event(), []

    def invoke() -> None:
        while not stop.wait(pause_s):
            told.append(account.invoke("scaled", body)["ResponseMetadata"]["HTTPStatusCode"])

    thread = threading.Thread(target=invoke)
    thread.start()
    try:
        yield told
    finally:
        stop.set()
        thread.join()


def instances(account: Account) -> tuple[int, int]:
    """Return how many instances are wanted, and how many serve."""
    (variant,) = account.endpoint("scaled")["ProductionVariants"]
    return variant["DesiredInstanceCount"], variant["CurrentInstanceCount"]


def activities(scaling: Any, **more: Any) -> list[tuple[str, str, str]]:
    told = scaling.describe_scaling_activities(ServiceNamespace="sagemaker", **more)["ScalingActivities"]
    return [(each["StatusCode"], each["Description"], each["Cause"]) for each in told]


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_load_adds_instances_and_silence_takes_them_away(account: Account, scaling: Any) -> None:
    put = scaling.put_scaling_policy(
        **WHERE, PolicyName="track", PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={"TargetValue": 60.0, "PredefinedMetricSpecification": INVOCATIONS},
    )  # fmt: skip
    high, low = sorted(each["AlarmName"] for each in put["Alarms"])
    assert high.startswith("TargetTracking-endpoint/scaled/variant/AllTraffic-AlarmHigh-")
    with load(account, 0.05) as told:
        eventually(lambda: instances(account) == (4, 4), 120)
    assert set(told) == {200}
    newest = activities(scaling)[0]
    assert newest[2] == f"monitor alarm {high} in state ALARM triggered policy track"
    eventually(lambda: instances(account) == (1, 1), 240)
    cause = f"monitor alarm {low} in state ALARM triggered policy track"
    done = ("Successful", "Setting desired instance count to 1.", cause)
    eventually(lambda: activities(scaling)[0] == done, 30)
    scaling.delete_scaling_policy(**WHERE, PolicyName="track")
    assert account("cloudwatch").describe_alarms(AlarmNamePrefix="TargetTracking")["MetricAlarms"] == []


@pytest.mark.slow
def test_requests_that_run_side_by_side_add_instances(account: Account, scaling: Any) -> None:
    busy = {"PredefinedMetricType": "SageMakerVariantConcurrentRequestsPerModelHighResolution"}
    scaling.put_scaling_policy(
        **WHERE, PolicyName="busy", PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={"TargetValue": 1.0, "PredefinedMetricSpecification": busy},
    )  # fmt: skip
    with ExitStack() as loads:
        answers = [loads.enter_context(load(account, 0.0, body="0.5")) for _ in range(4)]
        eventually(lambda: instances(account)[1] >= 3, 120)
    assert {status for told in answers for status in told} == {200}


@pytest.mark.slow
def test_an_alarm_of_ones_own_scales_in_steps(account: Account, scaling: Any) -> None:
    steps = [
        {"MetricIntervalLowerBound": 0, "MetricIntervalUpperBound": 10, "ScalingAdjustment": 1},
        {"MetricIntervalLowerBound": 10, "ScalingAdjustment": 2},
    ]
    policy = scaling.put_scaling_policy(
        **WHERE, PolicyName="steps", PolicyType="StepScaling",
        StepScalingPolicyConfiguration={"AdjustmentType": "ChangeInCapacity", "StepAdjustments": steps},
    )["PolicyARN"]  # fmt: skip
    cloudwatch = account("cloudwatch")
    watch = {"Namespace": "Team", "MetricName": "Backlog", "Statistic": "Maximum", "Period": 10}
    cloudwatch.put_metric_alarm(
        AlarmName="backlog", **watch, EvaluationPeriods=1, Threshold=5.0, AlarmActions=[policy],
        ComparisonOperator="GreaterThanThreshold",
    )  # fmt: skip

    def grown() -> bool:
        datum = {"MetricName": "Backlog", "Value": 20.0, "StorageResolution": 1}
        cloudwatch.put_metric_data(Namespace="Team", MetricData=[datum])
        return instances(account) == (3, 3)

    eventually(grown, 90)
    (shown,) = scaling.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"]
    assert [each["AlarmName"] for each in shown["Alarms"]] == ["backlog"]
    assert activities(scaling)[0][2] == "monitor alarm backlog in state ALARM triggered policy steps"


@pytest.mark.slow
def test_a_scheduled_action_moves_the_bounds_once_even_if_the_controller_is_killed(
    account: Account, scaling: Any
) -> None:
    at = datetime.now(UTC) + timedelta(seconds=3)
    scaling.put_scheduled_action(
        **WHERE, ScheduledActionName="soon", Schedule=f"at({at:%Y-%m-%dT%H:%M:%S})",
        ScalableTargetAction={"MinCapacity": 2},
    )  # fmt: skip
    while datetime.now(UTC) < at + timedelta(seconds=4):
        account.clary.kill("controller")
    eventually(lambda: instances(account) == (2, 2) and activities(scaling)[0][0] == "Successful", 60)
    assert activities(scaling) == [
        ("Successful", "Setting desired instance count to 2.", "minimum capacity was set to 2"),
        (
            "Successful",
            "Setting min capacity to 2 and max capacity to 4",
            "scheduled action name soon was triggered",
        ),
    ]
    (target,) = scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
    assert (target["MinCapacity"], target["MaxCapacity"]) == (2, 4)


@pytest.mark.slow
def test_a_forecast_is_made_of_history_and_scaled_ahead_of(account: Account, scaling: Any) -> None:
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    points = {"load": 18_000.0, "each": 300.0, "instances": 1.0}  # an instance had 300 a minute, and is to have 100
    data = [
        {"MetricName": name, "Timestamp": hour - timedelta(hours=back), "Value": value}
        for back in range(49)  # also of this hour, which may end meanwhile
        for name, value in points.items()
    ]
    account("cloudwatch").put_metric_data(Namespace="Team", MetricData=data)

    def query(name: str, stat: str) -> dict[str, Any]:
        metric = {"Namespace": "Team", "MetricName": name}
        return {"MetricDataQueries": [{"Id": name, "MetricStat": {"Metric": metric, "Stat": stat}}]}

    metrics = {
        "TargetValue": 100.0,
        "CustomizedLoadMetricSpecification": query("load", "Sum"),
        "CustomizedScalingMetricSpecification": query("each", "Average"),
        "CustomizedCapacityMetricSpecification": query("instances", "Average"),
    }
    scaling.put_scaling_policy(
        **WHERE, PolicyName="ahead", PolicyType="PredictiveScaling",
        PredictiveScalingPolicyConfiguration={"MetricSpecifications": [metrics], "Mode": "ForecastAndScale"},
    )  # fmt: skip
    eventually(lambda: instances(account) == (3, 3), 60)
    told = scaling.get_predictive_scaling_forecast(
        **WHERE, PolicyName="ahead", StartTime=hour, EndTime=hour + timedelta(days=3)
    )
    assert told["CapacityForecast"]["Values"] == [3.0] * 48
    assert told["LoadForecast"][0]["Values"] == pytest.approx([18_000.0] * 48)
    (target,) = scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
    assert target["PredictedCapacity"] == 3


@pytest.mark.slow
def test_a_plan_makes_policies_and_takes_them_along(account: Account, scaling: Any) -> None:
    scaling.deregister_scalable_target(**WHERE)
    plans, named = account("autoscaling-plans"), {"ScalingPlanName": "team", "ScalingPlanVersion": 1}
    tracking = {
        "TargetValue": 600.0,
        "PredefinedScalingMetricSpecification": {"PredefinedScalingMetricType": INVOCATIONS["PredefinedMetricType"]},
    }
    plans.create_scaling_plan(
        ScalingPlanName="team", ApplicationSource={"TagFilters": [{"Key": "team", "Values": ["a"]}]},
        ScalingInstructions=[
            {**WHERE, "MinCapacity": 2, "MaxCapacity": 3, "TargetTrackingConfigurations": [tracking]},
        ],
    )  # fmt: skip
    eventually(lambda: plans.describe_scaling_plans()["ScalingPlans"][0]["StatusCode"] == "Active", 30)
    (resource,) = plans.describe_scaling_plan_resources(**named)["ScalingPlanResources"]
    (policy,) = scaling.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"]
    assert (resource["ScalingStatusCode"], resource["ScalingPolicies"][0]["PolicyName"]) == (
        "Active", policy["PolicyName"],
    )  # fmt: skip
    eventually(lambda: instances(account) == (2, 2), 60)
    plans.delete_scaling_plan(**named)
    eventually(lambda: not plans.describe_scaling_plans()["ScalingPlans"], 30)
    assert scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"] == []
    assert account("cloudwatch").describe_alarms(AlarmNamePrefix="TargetTracking")["MetricAlarms"] == []


def test_what_does_not_exist_cannot_be_scaled(account: Account) -> None:
    scaling, plans = account("application-autoscaling"), account("autoscaling-plans")
    with pytest.raises(scaling.exceptions.ValidationException):
        scaling.register_scalable_target(**WHERE, MinCapacity=1, MaxCapacity=2)
    with pytest.raises(scaling.exceptions.ObjectNotFoundException, match="No scalable target found"):
        scaling.deregister_scalable_target(**WHERE)
    with pytest.raises(scaling.exceptions.InvalidNextTokenException):
        scaling.describe_scaling_policies(ServiceNamespace="sagemaker", NextToken="none")
    metric = {"MetricName": "m", "Namespace": "Team", "Statistic": "Sum"}
    plans.create_scaling_plan(
        ScalingPlanName="team", ApplicationSource={"TagFilters": [{"Key": "team"}]},
        ScalingInstructions=[
            {
                **WHERE, "MinCapacity": 1, "MaxCapacity": 3,
                "TargetTrackingConfigurations": [{"TargetValue": 1.0, "CustomizedScalingMetricSpecification": metric}],
            },
        ],
    )  # fmt: skip
    told = eventually(
        lambda: (
            (plan := plans.describe_scaling_plans()["ScalingPlans"][0])["StatusCode"] != "CreationInProgress" and plan
        ),
        30,
    )
    assert (told["StatusCode"], "doesn't exist" in told["StatusMessage"]) == ("ActiveWithProblems", True)
    with pytest.raises(plans.exceptions.ObjectNotFoundException):
        plans.delete_scaling_plan(ScalingPlanName="other", ScalingPlanVersion=1)
