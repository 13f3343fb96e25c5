from __future__ import annotations

from typing import Any

import pytest

from clary.core.errors import ValidationError
from clary.services.sagemaker.search import matches

JOB: dict[str, Any] = {
    "TrainingJobName": "churn-1",
    "TrainingJobStatus": "Completed",
    "HyperParameters": {"eta": "0.1"},
    "ModelArtifacts": {"S3ModelArtifacts": "s3://b/m.tar.gz"},
    "BillableTimeInSeconds": 30,
    "CreationTime": 1700000000.0,
    "Tags": [{"Key": "team", "Value": "growth"}],
    "FinalMetricDataList": [{"MetricName": "auc", "Value": 0.9}, {"MetricName": "loss", "Value": 0.2}],
}


def condition(name: str, operator: str = "Equals", value: str = "") -> dict[str, str]:
    return {"Name": name, "Operator": operator, "Value": value}


@pytest.mark.parametrize(
    ("wanted", "holds"),
    [
        (condition("TrainingJobName", "Equals", "churn-1"), True),
        (condition("TrainingJobName", "Contains", "churn"), True),
        (condition("TrainingJobName", "In", "a,churn-1"), True),
        (condition("TrainingJobStatus", "NotEquals", "Failed"), True),
        (condition("ModelArtifacts.S3ModelArtifacts", "Equals", "s3://b/m.tar.gz"), True),
        (condition("HyperParameters.eta", "Equals", "0.1"), True),
        (condition("HyperParameters.gamma", "Exists"), False),
        (condition("HyperParameters.gamma", "NotExists"), True),
        (condition("HyperParameters.gamma", "NotEquals", "1"), True),
        (condition("BillableTimeInSeconds", "GreaterThan", "9"), True),
        (condition("BillableTimeInSeconds", "LessThanOrEqualTo", "29"), False),
        (condition("CreationTime", "GreaterThan", "2020-01-01T00:00:00+00:00"), True),
        (condition("Tags.team", "Equals", "growth"), True),
        (condition("Tags.team", "Equals", "sales"), False),
    ],
)
def test_a_filter_holds_or_not(wanted, holds) -> None:
    assert matches(JOB, {"Filters": [wanted]}) is holds


def test_filters_are_joined_by_and_or_and_nested() -> None:
    right, wrong = condition("TrainingJobName", "Equals", "churn-1"), condition("TrainingJobName", "Equals", "x")
    assert not matches(JOB, {"Filters": [right, wrong]})
    assert matches(JOB, {"Filters": [right, wrong], "Operator": "Or"})
    assert matches(JOB, {"Filters": [right], "SubExpressions": [{"Filters": [wrong, right], "Operator": "Or"}]})
    assert matches(JOB, {})

    def metric(name: str, value: str) -> dict[str, Any]:
        filters = [
            condition("FinalMetricDataList.MetricName", "Equals", name),
            condition("FinalMetricDataList.Value", "GreaterThan", value),
        ]
        return {"NestedFilters": [{"NestedPropertyName": "FinalMetricDataList", "Filters": filters}]}

    assert matches(JOB, metric("auc", "0.8"))
    assert not matches(JOB, metric("loss", "0.8"))  # one element must meet both


def test_a_number_that_is_none_is_refused() -> None:
    with pytest.raises(ValidationError, match="neither a number nor a time"):
        matches(JOB, {"Filters": [condition("BillableTimeInSeconds", "GreaterThan", "many")]})


def test_search_finds_jobs_page_by_page(aws) -> None:
    for number in range(3):
        aws("sagemaker")(
            "CreateTrainingJob",
            TrainingJobName=f"j{number}",
            AlgorithmSpecification={"TrainingImage": "i", "TrainingInputMode": "File"},
            RoleArn="arn:aws:iam::111111111111:role/r",
            OutputDataConfig={"S3OutputPath": "s3://b/o"},
            ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
            Tags=[{"Key": "n", "Value": str(number)}],
        )
    first = aws("sagemaker")("Search", Resource="TrainingJob", MaxResults=2, SortBy="TrainingJobName")
    assert [each["TrainingJob"]["TrainingJobName"] for each in first["Results"]] == ["j2", "j1"]
    assert first["TotalHits"] == {"Value": 3, "Relation": "EqualTo"}
    rest = aws("sagemaker")("Search", Resource="TrainingJob", SortBy="TrainingJobName", NextToken=first["NextToken"])
    assert [each["TrainingJob"]["TrainingJobName"] for each in rest["Results"]] == ["j0"]
    tagged = aws("sagemaker")(
        "Search", Resource="TrainingJob", SearchExpression={"Filters": [condition("Tags.n", "Equals", "1")]}
    )
    assert [each["TrainingJob"]["TrainingJobName"] for each in tagged["Results"]] == ["j1"]


def test_what_is_not_searchable_is_refused_by_name(aws) -> None:
    with pytest.raises(ValidationError, match="Search of Pipeline is not built"):
        aws("sagemaker")("Search", Resource="Pipeline")
