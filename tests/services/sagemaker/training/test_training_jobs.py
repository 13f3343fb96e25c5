from __future__ import annotations

from typing import Any

import pytest

from clary.core.errors import ResourceInUse, ServiceError, ValidationError
from clary.resources.training_job import TRAINING_JOB, Status, ended
from clary.store.records import Change

REQUEST: dict[str, Any] = {
    "TrainingJobName": "churn",
    "AlgorithmSpecification": {"TrainingImage": "image", "TrainingInputMode": "File"},
    "RoleArn": "arn:aws:iam::111111111111:role/r",
    "OutputDataConfig": {"S3OutputPath": "s3://b/out"},
    "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
    "HyperParameters": {"eta": "0.1"},
    "Tags": [{"Key": "team", "Value": "growth"}],
}
CHANNEL = {
    "ChannelName": "train",
    "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://b/train"}},
}


def finish(aws, name: str, status: Status) -> None:
    records = aws.store.records(aws.account, aws.region)
    record = records.find(TRAINING_JOB, name)
    records.update(record, Change(status=ended(record.status, status, record.created + 5), state=status))


def test_describe_returns_what_create_was_given_with_awss_defaults(aws) -> None:
    arn = aws("sagemaker")("CreateTrainingJob", **REQUEST)["TrainingJobArn"]
    assert arn == f"arn:aws:sagemaker:us-east-1:{aws.account}:training-job/churn"
    told = aws("sagemaker")("DescribeTrainingJob", TrainingJobName="churn")
    assert told["HyperParameters"] == {"eta": "0.1"}
    assert told["OutputDataConfig"] == {"S3OutputPath": "s3://b/out", "KmsKeyId": "", "CompressionType": "GZIP"}
    assert told["StoppingCondition"] == {"MaxRuntimeInSeconds": 86400}
    assert told["EnableNetworkIsolation"] is False
    assert (told["TrainingJobStatus"], told["SecondaryStatus"]) == ("InProgress", "Starting")
    assert told["SecondaryStatusTransitions"][0]["StatusMessage"] == "Preparing the instances for training"
    assert told["LastModifiedTime"] >= told["CreationTime"]
    assert {"Tags", "VpcConfig", "Started"}.isdisjoint(told)


def test_a_taken_name_is_refused_in_awss_words(aws) -> None:
    aws("sagemaker")("CreateTrainingJob", **REQUEST)
    with pytest.raises(ResourceInUse, match="Training job names must be unique within an AWS account and region"):
        aws("sagemaker")("CreateTrainingJob", **REQUEST)
    aws.elsewhere("eu-west-1")("sagemaker")("CreateTrainingJob", **REQUEST)
    aws.other()("sagemaker")("CreateTrainingJob", **REQUEST)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"AlgorithmSpecification": {"TrainingInputMode": "File"}}, "either TrainingImage or AlgorithmName"),
        (
            {"ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 5}},
            "more than one instance is not built",
        ),
        ({"ResourceConfig": {"VolumeSizeInGB": 5}}, "must have an InstanceType"),
        ({"InputDataConfig": [CHANNEL, CHANNEL]}, "must have a unique name"),
        ({"InputDataConfig": [{**CHANNEL, "InputMode": "Pipe"}]}, "Pipe mode of channel train is not built"),
        ({"InputDataConfig": [{**CHANNEL, "DataSource": {}}]}, "data source of channel train is missing"),
        ({"MlflowConfig": {"MlflowResourceArn": "x"}}, "MlflowConfig is not built"),
        ({"Tags": [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]}, "Duplicate tag keys"),
        ({"Tags": [{"Key": "aws:x", "Value": "1"}]}, "reserved for system use"),
    ],
)
def test_what_cannot_run_is_refused_and_leaves_nothing(aws, changes, words) -> None:
    with pytest.raises(ValidationError, match=words):
        aws("sagemaker")("CreateTrainingJob", **{**REQUEST, **changes})
    assert aws("sagemaker")("ListTrainingJobs")["TrainingJobSummaries"] == []


def test_a_role_that_sagemaker_may_not_take_on_is_refused(aws, monkeypatch) -> None:
    def refuse(*_: object) -> None:
        raise ServiceError("no")

    monkeypatch.setattr(type(aws), "as_role", refuse)
    with pytest.raises(ValidationError, match="Could not assume role arn:aws:iam::111111111111:role/r"):
        aws("sagemaker")("CreateTrainingJob", **REQUEST)


def test_what_is_not_there_is_refused(aws) -> None:
    for name in ("DescribeTrainingJob", "StopTrainingJob", "DeleteTrainingJob"):
        with pytest.raises(ValidationError, match=r"Requested resource not found\."):
            aws("sagemaker")(name, TrainingJobName="gone")


def test_stopping_is_asked_once_and_only_of_what_runs(aws) -> None:
    aws("sagemaker")("CreateTrainingJob", **REQUEST)
    aws("sagemaker")("StopTrainingJob", TrainingJobName="churn")
    aws("sagemaker")("StopTrainingJob", TrainingJobName="churn")
    told = aws("sagemaker")("DescribeTrainingJob", TrainingJobName="churn")
    assert (told["TrainingJobStatus"], told["SecondaryStatus"]) == ("Stopping", "Stopping")
    finish(aws, "churn", Status.STOPPED)
    with pytest.raises(ValidationError, match="the training job is in status Stopped"):
        aws("sagemaker")("StopTrainingJob", TrainingJobName="churn")


def test_only_what_is_over_can_be_deleted(aws) -> None:
    aws("sagemaker")("CreateTrainingJob", **REQUEST)
    with pytest.raises(ResourceInUse):
        aws("sagemaker")("DeleteTrainingJob", TrainingJobName="churn")
    finish(aws, "churn", Status.FAILED)
    aws("sagemaker")("DeleteTrainingJob", TrainingJobName="churn")
    with pytest.raises(ValidationError, match="Requested resource not found"):
        aws("sagemaker")("DescribeTrainingJob", TrainingJobName="churn")


def test_lists_are_paged_filtered_and_newest_first(aws) -> None:
    for number in range(12):
        aws("sagemaker")("CreateTrainingJob", **{**REQUEST, "TrainingJobName": f"job-{number:02}"})
    finish(aws, "job-03", Status.COMPLETED)
    first = aws("sagemaker")("ListTrainingJobs")
    second = aws("sagemaker")("ListTrainingJobs", NextToken=first["NextToken"])
    names = [each["TrainingJobName"] for each in first["TrainingJobSummaries"] + second["TrainingJobSummaries"]]
    assert names == [f"job-{number:02}" for number in reversed(range(12))]
    assert "NextToken" not in second
    done = aws("sagemaker")("ListTrainingJobs", StatusEquals="Completed")["TrainingJobSummaries"]
    assert [each["TrainingJobName"] for each in done] == ["job-03"]
    ascending = aws("sagemaker")(
        "ListTrainingJobs", SortBy="Name", SortOrder="Ascending", NameContains="job-1", MaxResults=1
    )
    assert ascending["TrainingJobSummaries"][0]["TrainingJobName"] == "job-10"
