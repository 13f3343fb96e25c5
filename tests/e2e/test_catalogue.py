"""Finding things again: tags, lists with pages and filters, Search; and the words for what is not there."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

SKLEARN = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
UNKNOWN_IMAGE = "example.com/no/such:1"  # a job of it fails at once, which is all that lists need


@pytest.fixture
def models(account) -> list[str]:
    names = [f"model-{number}" for number in range(7)]
    for name in names:
        account.model(name, SKLEARN)
    return names


def test_lists_are_read_page_by_page_in_the_order_that_was_asked_for(account, models):
    sagemaker = account("sagemaker")
    pages = list(sagemaker.get_paginator("list_models").paginate(PaginationConfig={"PageSize": 3}))
    assert [len(page["Models"]) for page in pages] == [3, 3, 1]
    assert [each["ModelName"] for page in pages for each in page["Models"]] == models[::-1]
    by_name = sagemaker.list_models(SortBy="Name", SortOrder="Ascending", MaxResults=100)["Models"]
    assert [each["ModelName"] for each in by_name] == models
    assert "NextToken" not in sagemaker.list_models(MaxResults=7)


def test_a_token_belongs_to_its_query(account, models):
    token = account("sagemaker").list_models(MaxResults=2)["NextToken"]
    with pytest.raises(ClientError) as raised:
        account("sagemaker").list_models(MaxResults=2, NextToken=token, NameContains="model")
    assert raised.value.response["Error"]["Code"] == "ValidationException"


def test_lists_are_filtered_by_name_time_and_status(account, models):
    sagemaker = account("sagemaker")
    assert [each["ModelName"] for each in sagemaker.list_models(NameContains="-3")["Models"]] == ["model-3"]
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    assert sagemaker.list_models(CreationTimeAfter=tomorrow)["Models"] == []
    assert len(sagemaker.list_models(CreationTimeBefore=tomorrow)["Models"]) == 7

    account.train("doomed", UNKNOWN_IMAGE)
    account.ended("doomed")
    assert sagemaker.list_training_jobs(StatusEquals="Completed")["TrainingJobSummaries"] == []
    summary = sagemaker.list_training_jobs(StatusEquals="Failed")["TrainingJobSummaries"][0]
    assert summary["TrainingJobName"] == "doomed"
    assert summary["TrainingJobArn"] == account.arn("training-job/doomed")


def test_tags_are_given_changed_and_taken_away(account):
    sagemaker = account("sagemaker")
    account.model("tagged", SKLEARN, Tags=[{"Key": "team", "Value": "blue"}])
    arn = account.arn("model/tagged")
    sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "team", "Value": "red"}, {"Key": "cost", "Value": "7"}])
    tags = {each["Key"]: each["Value"] for each in sagemaker.list_tags(ResourceArn=arn)["Tags"]}
    assert tags == {"team": "red", "cost": "7"}
    sagemaker.delete_tags(ResourceArn=arn, TagKeys=["team", "never"])
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "cost", "Value": "7"}]


def test_a_policy_may_ask_for_tags(account):
    open_to = {"StringEquals": {"aws:ResourceTag/team": "blue"}}
    allow = {"Effect": "Allow", "Action": "sagemaker:DescribeModel", "Resource": "*", "Condition": open_to}
    blue = account.user(allow)
    account.model("theirs", SKLEARN, Tags=[{"Key": "team", "Value": "blue"}])
    account.model("ours", SKLEARN, Tags=[{"Key": "team", "Value": "red"}])
    assert blue("sagemaker").describe_model(ModelName="theirs")["ModelName"] == "theirs"
    with pytest.raises(ClientError, match="not authorized to perform: sagemaker:DescribeModel"):
        blue("sagemaker").describe_model(ModelName="ours")


def test_search_finds_jobs_by_tag_hyperparameter_and_status(account):
    for number, team in enumerate(("blue", "blue", "red")):
        tags = [{"Key": "team", "Value": team}]
        account.train(f"job-{number}", UNKNOWN_IMAGE, {"depth": str(number)}, Tags=tags)
    for number in range(3):
        account.ended(f"job-{number}")

    def found(*filters: tuple[str, str, str], **more) -> list[str]:
        wanted = [dict(zip(("Name", "Operator", "Value"), each, strict=True)) for each in filters]
        answer = account("sagemaker").search(
            Resource="TrainingJob", SearchExpression={"Filters": wanted, **more},
            SortBy="TrainingJobName", SortOrder="Ascending",
        )  # fmt: skip
        return [each["TrainingJob"]["TrainingJobName"] for each in answer["Results"]]

    assert found(("Tags.team", "Equals", "blue")) == ["job-0", "job-1"]
    assert found(("Tags.team", "Equals", "blue"), ("HyperParameters.depth", "Equals", "1")) == ["job-1"]
    either = found(("Tags.team", "Equals", "red"), ("HyperParameters.depth", "Equals", "0"), Operator="Or")
    assert either == ["job-0", "job-2"]
    assert found(("TrainingJobStatus", "Equals", "Completed")) == []
    assert found(("TrainingJobName", "Contains", "job")) == ["job-0", "job-1", "job-2"]


def _missing(account):
    """Give calls that name what is not there, and what AWS answers."""
    sagemaker, runtime = account("sagemaker"), account("sagemaker-runtime")
    job, endpoint, config = {"TrainingJobName": "none"}, {"EndpointName": "none"}, {"EndpointConfigName": "none"}
    no_endpoint = f'Could not find endpoint "{account.arn("endpoint/none")}".'
    no_config = f'Could not find endpoint configuration "{account.arn("endpoint-config/none")}".'
    yield lambda: sagemaker.describe_endpoint(**endpoint), no_endpoint
    yield lambda: sagemaker.delete_endpoint(**endpoint), no_endpoint
    yield lambda: sagemaker.describe_endpoint_config(**config), no_config
    yield lambda: sagemaker.create_endpoint(**endpoint, **config), no_config
    yield lambda: sagemaker.describe_model(ModelName="none"), f'Could not find model "{account.arn("model/none")}".'
    yield lambda: sagemaker.describe_training_job(**job), "Requested resource not found."
    yield lambda: sagemaker.stop_training_job(**job), "Requested resource not found."
    unserved = f"Endpoint none of account {account.id} not found."
    yield lambda: runtime.invoke_endpoint(**endpoint, Body=b"1"), unserved


def test_what_is_not_there_is_told_in_awss_words(account):
    for call, message in _missing(account):
        with pytest.raises(ClientError) as raised:
            call()
        error = raised.value.response["Error"]
        assert error["Code"] in ("ValidationException", "ValidationError"), error
        assert error["Message"] == message
        assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_what_is_there_already_is_told_in_awss_words(account):
    account.model("twice", SKLEARN)
    with pytest.raises(ClientError) as raised:
        account.model("twice", SKLEARN)
    error = raised.value.response["Error"]
    assert error["Code"] == "ValidationException"
    assert error["Message"] == f'Cannot create already existing model "{account.arn("model/twice")}".'

    account.train("once", UNKNOWN_IMAGE)
    with pytest.raises(account("sagemaker").exceptions.ResourceInUse, match="Training job names must be unique"):
        account.train("once", UNKNOWN_IMAGE)


def test_what_breaks_a_rule_of_the_model_is_told_in_awss_words(account):
    config = Config(parameter_validation=False, retries={"total_max_attempts": 1})
    unchecked = account.clary.client("sagemaker", account.keys, config=config)
    with pytest.raises(ClientError) as raised:
        unchecked.create_model(ModelName="no spaces, please", ExecutionRoleArn=account.role)
    error = raised.value.response["Error"]
    assert error["Code"] == "ValidationException"
    assert error["Message"].startswith(
        "1 validation error detected: Value 'no spaces, please' at 'modelName' failed to satisfy constraint: "
        "Member must satisfy regular expression pattern: "
    )
    with pytest.raises(ClientError, match="at 'trainingJobName' failed to satisfy constraint: Member must not be null"):
        unchecked.describe_training_job()
    unchecked.close()


def test_an_operation_that_is_not_built_says_so_and_is_not_tried_again(account):
    with pytest.raises(ClientError) as raised:
        account.clary.client("sagemaker", account.keys, config=None).list_pipelines()
    told = raised.value.response
    assert told["Error"]["Code"] == "UnknownOperationException"
    assert "ListPipelines" in told["Error"]["Message"]
    assert told["ResponseMetadata"]["HTTPStatusCode"] == 404
    assert told["ResponseMetadata"]["RetryAttempts"] == 0
