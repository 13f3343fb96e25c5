from __future__ import annotations

import pytest

from clary.core.errors import ValidationError
from clary.resources.endpoint import ENDPOINT
from clary.store.records import Change

ROLE = "arn:aws:iam::111111111111:role/r"


def variant(name: str = "main", model: str = "m", count: int = 1, weight: float = 1.0) -> dict:
    return {
        "VariantName": name,
        "ModelName": model,
        "InitialInstanceCount": count,
        "InstanceType": "ml.m5.large",
        "InitialVariantWeight": weight,
    }


@pytest.fixture
def serving(aws):
    """Give an endpoint in service, and a second configuration to go to."""
    for name in ("m", "n"):
        aws("sagemaker")("CreateModel", ModelName=name, PrimaryContainer={"Image": name}, ExecutionRoleArn=ROLE)
    aws("sagemaker")("CreateEndpointConfig", EndpointConfigName="c", ProductionVariants=[variant(count=3, weight=2.0)])
    aws("sagemaker")("CreateEndpointConfig", EndpointConfigName="d", ProductionVariants=[variant(model="n")])
    aws("sagemaker")("CreateEndpoint", EndpointName="e", EndpointConfigName="c")
    settle(aws)
    return aws


def settle(aws) -> None:
    records = aws.store.records(aws.account, aws.region)
    records.update(records.find(ENDPOINT, "e"), Change(state="InService", status={}))


def describe(aws) -> dict:
    return aws("sagemaker")("DescribeEndpoint", EndpointName="e")


def test_an_update_shows_what_serves_and_what_is_to_come(serving) -> None:
    arn = serving("sagemaker")("UpdateEndpoint", EndpointName="e", EndpointConfigName="d")["EndpointArn"]
    told = describe(serving)
    assert told["EndpointArn"] == arn
    assert (told["EndpointStatus"], told["EndpointConfigName"]) == ("Updating", "c")
    assert told["ProductionVariants"][0]["DesiredInstanceCount"] == 3
    pending = told["PendingDeploymentSummary"]
    assert pending["EndpointConfigName"] == "d"
    assert pending["ProductionVariants"][0]["DeployedImages"][0]["SpecifiedImage"] == "n"
    assert pending["ProductionVariants"][0]["DesiredInstanceCount"] == 1


@pytest.mark.parametrize(
    ("excluded", "count", "weight"),
    [([], 3, 2.0), (["DesiredInstanceCount"], 1, 2.0), (["DesiredWeight"], 3, 1.0)],
)
def test_properties_of_variants_are_retained_but_for_the_excluded_ones(serving, excluded, count, weight) -> None:
    serving("sagemaker")(
        "UpdateEndpoint",
        EndpointName="e",
        EndpointConfigName="d",
        RetainAllVariantProperties=True,
        ExcludeRetainedVariantProperties=[{"VariantPropertyType": each} for each in excluded],
    )
    (pending,) = describe(serving)["PendingDeploymentSummary"]["ProductionVariants"]
    assert (pending["DesiredInstanceCount"], pending["DesiredWeight"]) == (count, weight)


def test_weights_and_capacities_change_without_another_configuration(serving) -> None:
    serving("sagemaker")(
        "UpdateEndpointWeightsAndCapacities",
        EndpointName="e",
        DesiredWeightsAndCapacities=[{"VariantName": "main", "DesiredWeight": 0.5, "DesiredInstanceCount": 2}],
    )
    told = describe(serving)
    assert told["EndpointStatus"] == "Updating"
    (pending,) = told["PendingDeploymentSummary"]["ProductionVariants"]
    assert (pending["DesiredInstanceCount"], pending["DesiredWeight"]) == (2, 0.5)
    settle(serving)
    with pytest.raises(ValidationError, match="no production variant named other"):
        serving("sagemaker")(
            "UpdateEndpointWeightsAndCapacities",
            EndpointName="e",
            DesiredWeightsAndCapacities=[{"VariantName": "other", "DesiredWeight": 1.0}],
        )


def test_a_second_change_meets_awss_answer(serving) -> None:
    serving("sagemaker")("UpdateEndpoint", EndpointName="e", EndpointConfigName="d")
    for name, more in (
        ("UpdateEndpoint", {"EndpointConfigName": "c"}),
        ("UpdateEndpointWeightsAndCapacities", {"DesiredWeightsAndCapacities": []}),
        ("DeleteEndpoint", {}),
    ):
        with pytest.raises(ValidationError, match="Cannot update in-progress endpoint"):
            serving("sagemaker")(name, EndpointName="e", **more)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"Type": "CANARY", "WaitIntervalInSeconds": 1}, "CanarySize is required"),
        (
            {
                "Type": "LINEAR",
                "WaitIntervalInSeconds": 1,
                "LinearStepSize": {"Type": "CAPACITY_PERCENT", "Value": 10},
                "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 10},
            },
            "CanarySize cannot be specified",
        ),
    ],
)
def test_a_deployment_whose_parts_do_not_fit_is_refused(serving, config, words) -> None:
    deployment = {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": config}}
    with pytest.raises(ValidationError, match=words):
        serving("sagemaker")("UpdateEndpoint", EndpointName="e", EndpointConfigName="d", DeploymentConfig=deployment)
    assert describe(serving)["EndpointStatus"] == "InService"


def test_the_last_deployment_is_told_and_may_be_retained(serving) -> None:
    deployment = {
        "BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0}}
    }
    serving("sagemaker")("UpdateEndpoint", EndpointName="e", EndpointConfigName="d", DeploymentConfig=deployment)
    assert describe(serving)["LastDeploymentConfig"] == deployment
    settle(serving)
    serving("sagemaker")("UpdateEndpoint", EndpointName="e", EndpointConfigName="c", RetainDeploymentConfig=True)
    assert describe(serving)["LastDeploymentConfig"] == deployment


def test_a_shadow_variant_takes_another_share_and_keeps_it_when_properties_are_retained(serving) -> None:
    shadow = variant("shadow", "n", weight=0.5)
    for name in ("s", "t"):
        serving("sagemaker")(
            "CreateEndpointConfig",
            EndpointConfigName=name,
            ProductionVariants=[variant()],
            ShadowProductionVariants=[shadow],
        )
    serving("sagemaker")("UpdateEndpoint", EndpointName="e", EndpointConfigName="s")
    settle(serving)
    wanted = [{"VariantName": "shadow", "DesiredWeight": 0.1, "DesiredInstanceCount": 2}]
    serving("sagemaker")("UpdateEndpointWeightsAndCapacities", EndpointName="e", DesiredWeightsAndCapacities=wanted)
    settle(serving)
    serving("sagemaker")("UpdateEndpoint", EndpointName="e", EndpointConfigName="t", RetainAllVariantProperties=True)
    pending = describe(serving)["PendingDeploymentSummary"]
    (shown,) = pending["ShadowProductionVariants"]
    assert (shown["DesiredWeight"], shown["DesiredInstanceCount"]) == (0.1, 2)
    assert [each["VariantName"] for each in pending["ProductionVariants"]] == ["main"]
