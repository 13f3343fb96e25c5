"""Answers that break AWS's SDKs if a member is missing, or stands where it should not."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

SKLEARN = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
WAITS = "import time\nprint('waiting', flush=True)\ntime.sleep(600)\n"
STRUCTURES = (
    "ModelArtifacts",
    "VpcConfig",
    "DataCaptureConfig",
    "DebugHookConfig",
    "ProfilerConfig",
    "CheckpointConfig",
)


def test_a_training_job_always_tells_what_the_sdks_read(account):
    account.script("job", SKLEARN, WAITS)
    running = account.job("job")
    account.eventually(lambda: "waiting" in account.log_of_job("job"))
    account("sagemaker").stop_training_job(TrainingJobName="job")
    for job in (running, account.ended("job")):
        assert job["LastModifiedTime"]
        assert job["OutputDataConfig"]["KmsKeyId"] == ""
        assert job["EnableNetworkIsolation"] is False
        assert job["EnableInterContainerTrafficEncryption"] is False
        assert job["EnableManagedSpotTraining"] is False
        assert all(each["StatusMessage"] for each in job["SecondaryStatusTransitions"])
        assert not [name for name in STRUCTURES if job.get(name) == {}]
    assert "ModelArtifacts" not in running


def test_what_was_sent_comes_back_as_it_was(account):
    sent = {
        "DebugHookConfig": {"S3OutputPath": f"s3://{account.bucket}/", "CollectionConfigurations": []},
        "ProfilerConfig": {"S3OutputPath": f"s3://{account.bucket}/", "DisableProfiler": False},
        "Environment": {"A": "1"},
    }
    account.train("echo", "example.com/no/such:1", {"text": '"quoted"'}, **sent)
    job = account.ended("echo")
    assert {name: job[name] for name in sent} == sent
    assert job["HyperParameters"] == {"text": '"quoted"'}
    assert job["OutputDataConfig"]["S3OutputPath"] == f"s3://{account.bucket}/output/"


def test_what_may_be_left_out_has_a_default(account):
    account("sagemaker").create_training_job(
        TrainingJobName="least", RoleArn=account.role,
        AlgorithmSpecification={"TrainingImage": "example.com/no/such:1", "TrainingInputMode": "File"},
        OutputDataConfig={"S3OutputPath": f"s3://{account.bucket}"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1},
    )  # fmt: skip
    job = account.ended("least")
    assert "The image example.com/no/such:1 is not known" in job["FailureReason"]
    assert job["StoppingCondition"]["MaxRuntimeInSeconds"] == 86400


def test_log_streams_end_without_a_token(account):
    account.script("told", SKLEARN, "print('hello')")
    account.completed("told")
    streams = account("logs").describe_log_streams(
        logGroupName="/aws/sagemaker/TrainingJobs", logStreamNamePrefix="told/", orderBy="LogStreamName", limit=1
    )
    assert "nextToken" not in streams
    name = streams["logStreams"][0]["logStreamName"]
    assert name.startswith("told/algo-1-")
    where = {"logGroupName": "/aws/sagemaker/TrainingJobs", "logStreamName": name, "startFromHead": True}
    first = account("logs").get_log_events(**where)
    assert "hello" in [event["message"] for event in first["events"]]
    again = account("logs").get_log_events(**where, nextToken=first["nextForwardToken"])
    assert again["events"] == []
    assert again["nextForwardToken"] == first["nextForwardToken"]


def test_a_log_group_that_is_not_there_yet_is_not_found(account):
    with pytest.raises(account("logs").exceptions.ResourceNotFoundException):
        account("logs").describe_log_streams(logGroupName="/aws/sagemaker/TrainingJobs")


def test_the_default_bucket_is_found_missing_made_and_held_to_its_owner(account):
    s3, name = account("s3"), f"sagemaker-us-east-1-{account.id}"
    with pytest.raises(ClientError) as raised:
        s3.head_bucket(Bucket=name, ExpectedBucketOwner=account.id)
    assert raised.value.response["Error"] == {"Code": "404", "Message": "Not Found"}
    s3.create_bucket(Bucket=name)
    s3.head_bucket(Bucket=name, ExpectedBucketOwner=account.id)
    with pytest.raises(ClientError) as raised:
        s3.head_bucket(Bucket=name, ExpectedBucketOwner="111122223333")
    assert raised.value.response["Error"]["Code"] == "403"
    assert s3.list_buckets()["Buckets"][0]["CreationDate"]


def test_the_newer_sdk_may_ask_what_a_role_could_do(account):
    actions = ["ecr:GetAuthorizationToken", "cloudwatch:PutMetricData", "ec2:DescribeVpcs", "iam:CreateUser"]
    simulated = account("iam").simulate_principal_policy(PolicySourceArn=account.role, ActionNames=actions)
    decisions = {each["EvalActionName"]: each["EvalDecision"] for each in simulated["EvaluationResults"]}
    assert decisions == dict.fromkeys(actions[:3], "allowed") | {"iam:CreateUser": "implicitDeny"}
    assert account("iam").get_role(RoleName="execution")["Role"]["AssumeRolePolicyDocument"]["Statement"]


def test_a_model_and_a_configuration_come_back_without_empty_structures(account):
    account.model("plain", SKLEARN, container={"Environment": {"A": "1"}})
    model = account("sagemaker").describe_model(ModelName="plain")
    assert model["PrimaryContainer"]["Environment"] == {"A": "1"}
    assert model["EnableNetworkIsolation"] is False
    variant = {"VariantName": "V", "ModelName": "plain", "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
    account("sagemaker").create_endpoint_config(EndpointConfigName="plain", ProductionVariants=[variant])
    config = account("sagemaker").describe_endpoint_config(EndpointConfigName="plain")
    assert config["ProductionVariants"][0]["InitialVariantWeight"] == 1.0
    for told in (model, config):
        assert not [name for name, value in told.items() if value == {}]
