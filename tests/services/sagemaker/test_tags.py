from __future__ import annotations

import pytest

from clary.core.errors import AccessDenied, ResourceNotFound, ServiceError, ValidationError

ROLE = "arn:aws:iam::111111111111:role/r"


@pytest.fixture
def arn(aws) -> str:
    tags = [{"Key": "a", "Value": "1"}]
    container = {"Image": "i"}
    return aws("sagemaker")("CreateModel", ModelName="m", PrimaryContainer=container, ExecutionRoleArn=ROLE, Tags=tags)[
        "ModelArn"
    ]


def test_tags_are_added_replaced_listed_and_taken_away(aws, arn) -> None:
    added = aws("sagemaker")("AddTags", ResourceArn=arn, Tags=[{"Key": "a", "Value": "2"}, {"Key": "b", "Value": "3"}])
    assert added["Tags"] == [{"Key": "a", "Value": "2"}, {"Key": "b", "Value": "3"}]
    assert aws("sagemaker")("ListTags", ResourceArn=arn) == added
    aws("sagemaker")("DeleteTags", ResourceArn=arn, TagKeys=["a", "never"])
    assert aws("sagemaker")("ListTags", ResourceArn=arn)["Tags"] == [{"Key": "b", "Value": "3"}]


def test_a_resource_has_a_bounded_number_of_tags(aws, arn) -> None:
    tags = [{"Key": f"k{number}", "Value": ""} for number in range(50)]
    with pytest.raises(ServiceError) as caught:
        aws("sagemaker")("AddTags", ResourceArn=arn, Tags=tags)
    assert caught.value.code == "ResourceLimitExceeded"


def test_an_arn_of_nothing_or_of_somebody_else_is_refused(aws, arn) -> None:
    with pytest.raises(ResourceNotFound):
        aws("sagemaker")("ListTags", ResourceArn=arn[:-1] + "x")
    for wrong in ("nonsense", arn.replace("us-east-1", "eu-west-1")):
        with pytest.raises(ValidationError, match="Invalid ARN"):
            aws("sagemaker")("ListTags", ResourceArn=wrong)
    with pytest.raises(AccessDenied, match="no resource-based policy allows the sagemaker:ListTags action"):
        aws("sagemaker")("ListTags", ResourceArn=arn.replace(aws.account, "1" * 12))
