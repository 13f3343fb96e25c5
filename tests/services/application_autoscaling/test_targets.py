"""RegisterScalableTarget, DescribeScalableTargets, DeregisterScalableTarget."""

from __future__ import annotations

from typing import Any

import pytest

from clary.resources.scaling import SCALABLE_TARGET, Target


def test_a_target_is_registered_changed_and_described(scaling: Any, aws: Any, where: Any) -> None:
    arn = scaling("RegisterScalableTarget", **where, MinCapacity=1, MaxCapacity=4, Tags={"team": "a"})
    again = scaling(
        "RegisterScalableTarget", **where, MaxCapacity=6, SuspendedState={"DynamicScalingInSuspended": True}
    )
    assert again == arn
    (shown,) = scaling("DescribeScalableTargets", ServiceNamespace="sagemaker")["ScalableTargets"]
    created = shown.pop("CreationTime")
    assert created > 0
    assert shown == {
        **where,
        "MinCapacity": 1,
        "MaxCapacity": 6,
        "RoleARN": f"arn:aws:iam::{aws.account}:role/aws-service-role/sagemaker.application-autoscaling.amazonaws.com/"
        "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint",
        "SuspendedState": {
            "DynamicScalingInSuspended": True,
            "DynamicScalingOutSuspended": False,
            "ScheduledScalingSuspended": False,
        },
        **arn,
    }


def test_targets_are_found_by_namespace_resource_and_dimension(registered: Any, where: Any) -> None:
    def found(**request: Any) -> int:
        return len(registered("DescribeScalableTargets", **request)["ScalableTargets"])

    dimension = where["ScalableDimension"]
    assert found(ServiceNamespace="sagemaker", ResourceIds=[where["ResourceId"]], ScalableDimension=dimension) == 1
    assert found(ServiceNamespace="sagemaker", ResourceIds=["endpoint/e/variant/w"]) == 0
    assert found(ServiceNamespace="ecs") == 0


@pytest.mark.parametrize(
    "change",
    [
        {"ResourceId": "endpoint/none/variant/v"},
        {"ResourceId": "endpoint/e/variant/none"},
        {"ResourceId": "table/t"},
        {"ScalableDimension": "sagemaker:variant:DesiredProvisionedConcurrency"},
        {"ScalableDimension": "sagemaker:inference-component:DesiredCopyCount", "ResourceId": "inference-component/c"},
        {"ServiceNamespace": "ecs", "ScalableDimension": "ecs:service:DesiredCount", "ResourceId": "service/a/b"},
        {"ServiceNamespace": "ecs"},
        {"MinCapacity": 5},
        {"MinCapacity": -1},
    ],
)
def test_what_is_not_there_or_cannot_be_is_refused(scaling: Any, where: Any, refused: Any, change: Any) -> None:
    with refused("ValidationException"):
        scaling("RegisterScalableTarget", **{**where, "MinCapacity": 1, "MaxCapacity": 4, **change})


def test_a_new_target_needs_both_bounds(scaling: Any, where: Any, refused: Any) -> None:
    with refused("ValidationException", "MaxCapacity is required"):
        scaling("RegisterScalableTarget", **where, MinCapacity=1)


def test_a_target_takes_what_belongs_to_it_along(registered: Any, aws: Any, where: Any, refused: Any) -> None:
    metric = {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"}
    registered(
        "PutScalingPolicy", **where, PolicyName="p", PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={"TargetValue": 10.0, "PredefinedMetricSpecification": metric},
    )  # fmt: skip
    registered(
        "PutScheduledAction", **where, ScheduledActionName="s", Schedule="rate(1 hour)",
        ScalableTargetAction={"MinCapacity": 1},
    )  # fmt: skip
    assert len(aws("cloudwatch")("DescribeAlarms")["MetricAlarms"]) == 2
    registered("DeregisterScalableTarget", **where)
    assert aws("cloudwatch")("DescribeAlarms")["MetricAlarms"] == []
    assert registered("DescribeScalableTargets", ServiceNamespace="sagemaker")["ScalableTargets"] == []
    assert registered("DescribeScalingPolicies", ServiceNamespace="sagemaker")["ScalingPolicies"] == []
    assert registered("DescribeScheduledActions", ServiceNamespace="sagemaker")["ScheduledActions"] == []
    with refused("ObjectNotFoundException", "No scalable target found for service namespace: sagemaker"):
        registered("DeregisterScalableTarget", **where)


def test_a_page_says_how_to_go_on_and_refuses_tokens_of_others(
    scaling: Any, aws: Any, where: Any, refused: Any
) -> None:
    variants = [
        {"VariantName": name, "ModelName": "m", "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
        for name in ("a", "b", "c")
    ]
    aws("sagemaker")("CreateEndpointConfig", EndpointConfigName="three", ProductionVariants=variants)
    aws("sagemaker")("CreateEndpoint", EndpointName="three", EndpointConfigName="three")
    for name in ("a", "b", "c"):
        resource = {**where, "ResourceId": f"endpoint/three/variant/{name}"}
        scaling("RegisterScalableTarget", **resource, MinCapacity=1, MaxCapacity=2)
    first = scaling("DescribeScalableTargets", ServiceNamespace="sagemaker", MaxResults=2)
    second = scaling("DescribeScalableTargets", ServiceNamespace="sagemaker", NextToken=first["NextToken"])
    told = [each["ResourceId"][-1] for page in (first, second) for each in page["ScalableTargets"]]
    assert told == ["a", "b", "c"]
    assert "NextToken" not in second
    with refused("InvalidNextTokenException"):
        scaling("DescribeScalableTargets", ServiceNamespace="ecs", NextToken=first["NextToken"])
    with refused("ValidationException", "MaxResults"):
        scaling("DescribeScalableTargets", ServiceNamespace="sagemaker", MaxResults=51)


def test_registering_again_has_the_bounds_looked_at_anew(registered: Any, aws: Any, where: Any) -> None:
    records = aws.store.records(aws.account, aws.region)
    name = Target.read(next(iter(aws.store.world.all(SCALABLE_TARGET)))).scalable.name
    before = records.find(SCALABLE_TARGET, name).generation
    registered("RegisterScalableTarget", **where)
    assert records.find(SCALABLE_TARGET, name).generation == before + 1
