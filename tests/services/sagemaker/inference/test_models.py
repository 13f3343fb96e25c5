from __future__ import annotations

import pytest

from clary.core.errors import ValidationError

ROLE = "arn:aws:iam::111111111111:role/r"
CONTAINER = {"Image": "image", "ModelDataUrl": "s3://b/model.tar.gz", "Environment": {"A": "b"}}


def create(aws, name: str = "m", **changes) -> dict:
    request = {"ModelName": name, "PrimaryContainer": CONTAINER, "ExecutionRoleArn": ROLE, **changes}
    return aws("sagemaker")("CreateModel", **request)


def test_describe_returns_what_create_was_given(aws) -> None:
    arn = create(aws)["ModelArn"]
    told = aws("sagemaker")("DescribeModel", ModelName="m")
    assert told["ModelArn"] == arn == f"arn:aws:sagemaker:us-east-1:{aws.account}:model/m"
    assert told["PrimaryContainer"] == {**CONTAINER, "Mode": "SingleModel"}
    assert told["EnableNetworkIsolation"] is False
    assert "VpcConfig" not in told


def test_a_taken_name_and_a_missing_one_are_told_by_their_arn(aws) -> None:
    arn = create(aws)["ModelArn"]
    with pytest.raises(ValidationError, match=f'Cannot create already existing model "{arn}".'):
        create(aws)
    aws("sagemaker")("DeleteModel", ModelName="m")
    for name in ("DescribeModel", "DeleteModel"):
        with pytest.raises(ValidationError, match=f'Could not find model "{arn}".'):
            aws("sagemaker")(name, ModelName="m")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"PrimaryContainer": {"ModelDataUrl": "s3://b/m"}}, "must provide an Image"),
        ({"PrimaryContainer": {**CONTAINER, "Mode": "MultiModel"}}, "Multi-model containers are not built"),
        ({"Containers": [CONTAINER]}, "several Containers are not built"),
        ({"PrimaryContainer": {**CONTAINER, "ModelDataSource": {"S3DataSource": {}}}}, "only specify one of"),
    ],
)
def test_what_cannot_be_served_is_refused(aws, changes, words) -> None:
    with pytest.raises(ValidationError, match=words):
        create(aws, **changes)


def test_models_are_listed_newest_first(aws) -> None:
    for name in ("a", "b", "c"):
        create(aws, name)
    page = aws("sagemaker")("ListModels", MaxResults=2)
    assert [each["ModelName"] for each in page["Models"]] == ["c", "b"]
    rest = aws("sagemaker")("ListModels", MaxResults=2, NextToken=page["NextToken"])
    assert [each["ModelName"] for each in rest["Models"]] == ["a"]
