from __future__ import annotations

import pytest

from clary.core.errors import ValidationError
from clary.resources.endpoint import ENDPOINT
from clary.store.records import Change

VARIANT = {"VariantName": "main", "ModelName": "m", "InitialInstanceCount": 2, "InstanceType": "ml.m5.large"}


@pytest.fixture(autouse=True)
def config(aws) -> None:
    role = "arn:aws:iam::111111111111:role/r"
    aws("sagemaker")("CreateModel", ModelName="m", PrimaryContainer={"Image": "i"}, ExecutionRoleArn=role)
    aws("sagemaker")("CreateEndpointConfig", EndpointConfigName="c", ProductionVariants=[VARIANT])


def arn(aws) -> str:
    return f"arn:aws:sagemaker:us-east-1:{aws.account}:endpoint/e"


def settle(aws, state: str, **status) -> None:
    records = aws.store.records(aws.account, aws.region)
    records.update(records.find(ENDPOINT, "e"), Change(state=state, status=status))


def test_a_new_endpoint_is_creating_until_a_controller_says_more(aws) -> None:
    assert aws("sagemaker")("CreateEndpoint", EndpointName="e", EndpointConfigName="c") == {"EndpointArn": arn(aws)}
    told = aws("sagemaker")("DescribeEndpoint", EndpointName="e")
    assert told["EndpointStatus"] == "Creating"
    (variant,) = told["ProductionVariants"]
    assert (variant["CurrentInstanceCount"], variant["DesiredInstanceCount"]) == (0, 2)
    assert variant["DeployedImages"][0]["SpecifiedImage"] == "i"
    assert "FailureReason" not in told
    settle(aws, "Failed", FailureReason="why")
    assert aws("sagemaker")("DescribeEndpoint", EndpointName="e")["FailureReason"] == "why"


def test_a_shadow_variant_is_shown_apart_from_the_production_variants(aws) -> None:
    shadow = {**VARIANT, "VariantName": "shadow", "InitialVariantWeight": 0.5, "InitialInstanceCount": 1}
    aws("sagemaker")(
        "CreateEndpointConfig",
        EndpointConfigName="s",
        ProductionVariants=[VARIANT],
        ShadowProductionVariants=[shadow],
    )
    aws("sagemaker")("CreateEndpoint", EndpointName="e", EndpointConfigName="s")
    told = aws("sagemaker")("DescribeEndpoint", EndpointName="e")
    assert [each["VariantName"] for each in told["ProductionVariants"]] == ["main"]
    (shown,) = told["ShadowProductionVariants"]
    assert (shown["VariantName"], shown["DesiredWeight"], shown["DesiredInstanceCount"]) == ("shadow", 0.5, 1)


def test_an_endpoint_keeps_its_model_when_the_model_is_deleted(aws) -> None:
    aws("sagemaker")("CreateEndpoint", EndpointName="e", EndpointConfigName="c")
    aws("sagemaker")("DeleteEndpointConfig", EndpointConfigName="c")
    aws("sagemaker")("DeleteModel", ModelName="m")
    told = aws("sagemaker")("DescribeEndpoint", EndpointName="e")
    assert told["EndpointConfigName"] == "c"
    assert told["ProductionVariants"][0]["VariantName"] == "main"


def test_names_that_are_taken_or_missing_are_told_by_their_arn(aws) -> None:
    with pytest.raises(ValidationError, match=r"Could not find endpoint configuration .*endpoint-config/gone"):
        aws("sagemaker")("CreateEndpoint", EndpointName="e", EndpointConfigName="gone")
    for name in ("DescribeEndpoint", "DeleteEndpoint"):
        with pytest.raises(ValidationError, match=f'Could not find endpoint "{arn(aws)}".'):
            aws("sagemaker")(name, EndpointName="e")
    aws("sagemaker")("CreateEndpoint", EndpointName="e", EndpointConfigName="c")
    with pytest.raises(ValidationError, match=f'Cannot create already existing endpoint "{arn(aws)}".'):
        aws("sagemaker")("CreateEndpoint", EndpointName="e", EndpointConfigName="c")


def test_an_endpoint_on_its_way_cannot_be_deleted(aws) -> None:
    aws("sagemaker")("CreateEndpoint", EndpointName="e", EndpointConfigName="c")
    with pytest.raises(ValidationError, match=f'Cannot update in-progress endpoint "{arn(aws)}".'):
        aws("sagemaker")("DeleteEndpoint", EndpointName="e")
    settle(aws, "InService")
    aws("sagemaker")("DeleteEndpoint", EndpointName="e")
    assert aws("sagemaker")("DescribeEndpoint", EndpointName="e")["EndpointStatus"] == "Deleting"


def test_endpoints_are_listed_by_status(aws) -> None:
    aws("sagemaker")("CreateEndpoint", EndpointName="e", EndpointConfigName="c")
    listed = aws("sagemaker")("ListEndpoints", StatusEquals="Creating")["Endpoints"]
    assert [(each["EndpointName"], each["EndpointStatus"]) for each in listed] == [("e", "Creating")]
    assert aws("sagemaker")("ListEndpoints", StatusEquals="InService")["Endpoints"] == []
