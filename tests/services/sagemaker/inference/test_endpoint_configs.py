from __future__ import annotations

import pytest

from clary.core.errors import ValidationError

VARIANT = {"VariantName": "main", "ModelName": "m", "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}

SHADOW = {**VARIANT, "VariantName": "shadow"}


@pytest.fixture(autouse=True)
def model(aws) -> None:
    role = "arn:aws:iam::111111111111:role/r"
    aws("sagemaker")("CreateModel", ModelName="m", PrimaryContainer={"Image": "i"}, ExecutionRoleArn=role)


def create(aws, name: str = "c", **changes) -> dict:
    request = {"EndpointConfigName": name, "ProductionVariants": [VARIANT], **changes}
    return aws("sagemaker")("CreateEndpointConfig", **request)


def test_describe_returns_what_create_was_given(aws) -> None:
    arn = create(aws)["EndpointConfigArn"]
    told = aws("sagemaker")("DescribeEndpointConfig", EndpointConfigName="c")
    assert told["EndpointConfigArn"] == arn == f"arn:aws:sagemaker:us-east-1:{aws.account}:endpoint-config/c"
    assert told["ProductionVariants"] == [{**VARIANT, "InitialVariantWeight": 1.0}]
    assert "DataCaptureConfig" not in told


def test_a_shadow_variant_is_kept_beside_the_production_variant(aws) -> None:
    create(aws, ShadowProductionVariants=[{**SHADOW, "InitialVariantWeight": 0.5}])
    told = aws("sagemaker")("DescribeEndpointConfig", EndpointConfigName="c")
    assert told["ShadowProductionVariants"] == [{**SHADOW, "InitialVariantWeight": 0.5}]


def test_a_taken_name_and_a_missing_one_are_told_by_their_arn(aws) -> None:
    arn = create(aws)["EndpointConfigArn"]
    with pytest.raises(ValidationError, match=f'Cannot create already existing endpoint configuration "{arn}".'):
        create(aws)
    aws("sagemaker")("DeleteEndpointConfig", EndpointConfigName="c")
    for name in ("DescribeEndpointConfig", "DeleteEndpointConfig"):
        with pytest.raises(ValidationError, match=f'Could not find endpoint configuration "{arn}".'):
            aws("sagemaker")(name, EndpointConfigName="c")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"ProductionVariants": [{**VARIANT, "ModelName": "gone"}]}, 'Could not find model "arn:.*:model/gone"'),
        ({"ProductionVariants": [{"VariantName": "v", "ModelName": "m"}]}, "must have InstanceType"),
        ({"AsyncInferenceConfig": {"OutputConfig": {}}}, "AsyncInferenceConfig is not built"),
        ({"ShadowProductionVariants": [SHADOW, {**SHADOW, "VariantName": "s2"}]}, "only specify one variant for Prod"),
        (
            {"ProductionVariants": [VARIANT, {**VARIANT, "VariantName": "w"}], "ShadowProductionVariants": [SHADOW]},
            "and one variant for ShadowProductionVariants",
        ),
        (
            {"ProductionVariants": [{**VARIANT, "RoutingConfig": {"RoutingStrategy": "KV_AWARE"}}]},
            "RoutingStrategy KV_AWARE is not built",
        ),
        ({"ShadowProductionVariants": [VARIANT]}, "names must be unique"),
        ({"ShadowProductionVariants": [{**SHADOW, "ModelName": "gone"}]}, "Could not find model"),
    ],
)
def test_what_cannot_be_served_is_refused(aws, changes, words) -> None:
    with pytest.raises(ValidationError, match=words):
        create(aws, **changes)


def test_configurations_are_listed_newest_first(aws) -> None:
    for name in ("a", "b"):
        create(aws, name)
    listed = aws("sagemaker")("ListEndpointConfigs", NameContains="a")["EndpointConfigs"]
    assert [each["EndpointConfigName"] for each in listed] == ["a"]
