from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from clary.access.decide import Requirement
from clary.access.requirements import requirements

ACCOUNT, REGION = "111122223333", "eu-west-1"
HERE = f"{REGION}:{ACCOUNT}"
SAGEMAKER = f"arn:aws:sagemaker:{HERE}"
EVENTS = f"arn:aws:events:{HERE}"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/service/job"


def needed(service: str, operation: str, *, caller: str = "", **params: object) -> list[Requirement]:
    context = {"aws:SourceIp": "127.0.0.1"}
    return requirements(service, operation, params, account=ACCOUNT, region=REGION, context=context, caller=caller)


def needs(service: str, operation: str, *, caller: str = "", **params: object) -> list[tuple[str, str]]:
    return [(each.action, each.resource) for each in needed(service, operation, caller=caller, **params)]


@pytest.mark.parametrize(
    ("service", "operation", "params", "expected"),
    [
        (
            "sagemaker",
            "DescribeTrainingJob",
            {"TrainingJobName": "j"},
            [("sagemaker:DescribeTrainingJob", f"{SAGEMAKER}:training-job/j")],
        ),
        ("sagemaker", "ListTrainingJobs", {}, [("sagemaker:ListTrainingJobs", "*")]),
        ("events", "DescribeEventBus", {}, [("events:DescribeEventBus", f"{EVENTS}:event-bus/default")]),
        (
            "events",
            "CreateEventBus",
            {"Name": "b", "Tags": [{"Key": "k", "Value": "v"}]},
            [("events:CreateEventBus", f"{EVENTS}:event-bus/b"), ("events:TagResource", f"{EVENTS}:event-bus/b")],
        ),
        ("events", "EnableRule", {"Name": "r"}, [("events:EnableRule", f"{EVENTS}:rule/r")]),
        (
            "events",
            "PutTargets",
            {"Rule": "r", "EventBusName": f"{EVENTS}:event-bus/b", "Targets": []},
            [("events:PutTargets", f"{EVENTS}:rule/b/r")],
        ),
        (
            "events",
            "PutRule",
            {"Name": "r", "EventBusName": "b", "Tags": [{"Key": "k", "Value": "v"}]},
            [("events:PutRule", f"{EVENTS}:rule/b/r"), ("events:TagResource", f"{EVENTS}:rule/b/r")],
        ),
        ("events", "PutEvents", {"Entries": []}, []),
        (
            "scheduler",
            "GetSchedule",
            {"Name": "s"},
            [("scheduler:GetSchedule", f"arn:aws:scheduler:{HERE}:schedule/default/s")],
        ),
        ("sagemaker", "Search", {"Resource": "TrainingJob"}, [("sagemaker:Search", "*")]),
        ("sagemaker", "AddTags", {"ResourceArn": "arn:x", "Tags": []}, [("sagemaker:AddTags", "arn:x")]),
        (
            "sagemaker",
            "CreateEndpoint",
            {"EndpointName": "e", "EndpointConfigName": "c"},
            [
                ("sagemaker:CreateEndpoint", f"{SAGEMAKER}:endpoint/e"),
                ("sagemaker:CreateEndpoint", f"{SAGEMAKER}:endpoint-config/c"),
            ],
        ),
        (
            "sagemaker",
            "DescribeModelPackage",
            {"ModelPackageName": f"{SAGEMAKER}:model-package/g/1"},
            [("sagemaker:DescribeModelPackage", f"{SAGEMAKER}:model-package/g/1")],
        ),
        (
            "sagemaker",
            "DescribePipelineExecution",
            {"PipelineExecutionArn": "arn:p"},
            [("sagemaker:DescribePipelineExecution", "arn:p")],
        ),
        (
            "sagemaker-runtime",
            "InvokeEndpoint",
            {"EndpointName": "e", "Body": b""},
            [("sagemaker:InvokeEndpoint", f"{SAGEMAKER}:endpoint/e")],
        ),
        (
            "sagemaker-runtime",
            "InvokeEndpointWithResponseStream",
            {"EndpointName": "e"},
            [("sagemaker:InvokeEndpoint", f"{SAGEMAKER}:endpoint/e")],
        ),
        ("s3", "HeadObject", {"Bucket": "b", "Key": "k"}, [("s3:GetObject", "arn:aws:s3:::b/k")]),
        (
            "s3",
            "GetObject",
            {"Bucket": "b", "Key": "k", "VersionId": "v"},
            [("s3:GetObjectVersion", "arn:aws:s3:::b/k")],
        ),
        ("s3", "HeadBucket", {"Bucket": "b"}, [("s3:ListBucket", "arn:aws:s3:::b")]),
        ("s3", "ListObjectsV2", {"Bucket": "b", "Prefix": "p"}, [("s3:ListBucket", "arn:aws:s3:::b")]),
        ("s3", "ListObjectVersions", {"Bucket": "b"}, [("s3:ListBucketVersions", "arn:aws:s3:::b")]),
        ("s3", "ListBuckets", {}, [("s3:ListAllMyBuckets", "*")]),
        ("s3", "CreateBucket", {"Bucket": "b"}, [("s3:CreateBucket", "arn:aws:s3:::b")]),
        ("s3", "UploadPart", {"Bucket": "b", "Key": "k"}, [("s3:PutObject", "arn:aws:s3:::b/k")]),
        ("s3", "AbortMultipartUpload", {"Bucket": "b", "Key": "k"}, [("s3:AbortMultipartUpload", "arn:aws:s3:::b/k")]),
        (
            "s3",
            "CopyObject",
            {"Bucket": "b", "Key": "k", "CopySource": "/src/a%20b"},
            [("s3:GetObject", "arn:aws:s3:::src/a b"), ("s3:PutObject", "arn:aws:s3:::b/k")],
        ),
        (
            "s3",
            "UploadPartCopy",
            {"Bucket": "b", "Key": "k", "CopySource": "src/a?versionId=7"},
            [("s3:GetObjectVersion", "arn:aws:s3:::src/a"), ("s3:PutObject", "arn:aws:s3:::b/k")],
        ),
        ("s3", "DeleteObjects", {"Bucket": "b"}, []),
        (
            "s3",
            "PutObject",
            {"Bucket": "b", "Key": "k", "Tagging": "a=b"},
            [("s3:PutObject", "arn:aws:s3:::b/k"), ("s3:PutObjectTagging", "arn:aws:s3:::b/k")],
        ),
        (
            "s3",
            "PutBucketLifecycleConfiguration",
            {"Bucket": "b"},
            [("s3:PutLifecycleConfiguration", "arn:aws:s3:::b")],
        ),
        ("iam", "GetRole", {"RoleName": "r"}, [("iam:GetRole", f"arn:aws:iam::{ACCOUNT}:role/r")]),
        (
            "iam",
            "CreateRole",
            {"RoleName": "r", "Path": "/p/"},
            [("iam:CreateRole", f"arn:aws:iam::{ACCOUNT}:role/p/r")],
        ),
        (
            "iam",
            "CreateUser",
            {"UserName": "u", "Tags": [{"Key": "a", "Value": "b"}]},
            [("iam:CreateUser", f"arn:aws:iam::{ACCOUNT}:user/u"), ("iam:TagUser", f"arn:aws:iam::{ACCOUNT}:user/u")],
        ),
        ("iam", "DeletePolicy", {"PolicyArn": "arn:p"}, [("iam:DeletePolicy", "arn:p")]),
        (
            "logs",
            "GetLogEvents",
            {"logGroupName": "/g", "logStreamName": "s"},
            [("logs:GetLogEvents", f"arn:aws:logs:{HERE}:log-group:/g:log-stream:s")],
        ),
        (
            "logs",
            "FilterLogEvents",
            {"logGroupName": "/g"},
            [("logs:FilterLogEvents", f"arn:aws:logs:{HERE}:log-group:/g:log-stream:")],
        ),
        ("cloudwatch", "PutMetricData", {"Namespace": "n"}, [("cloudwatch:PutMetricData", "*")]),
        (
            "cloudwatch",
            "DeleteAlarms",
            {"AlarmNames": ["a", "b"]},
            [
                ("cloudwatch:DeleteAlarms", f"arn:aws:cloudwatch:{HERE}:alarm:a"),
                ("cloudwatch:DeleteAlarms", f"arn:aws:cloudwatch:{HERE}:alarm:b"),
            ],
        ),
        ("sts", "GetCallerIdentity", {}, []),
        ("comprehend", "DetectSentiment", {"Text": "t"}, [("comprehend:DetectSentiment", "*")]),
    ],
)
def test_an_operation_needs_what_aws_says(service, operation, params, expected) -> None:
    assert needs(service, operation, **params) == expected


def test_a_training_job_needs_its_role_to_be_passed_to_sagemaker() -> None:
    job = {"TrainingJobName": "j", "RoleArn": ROLE, "Tags": [{"Key": "Team", "Value": "ml"}]}
    create, tag, passed = needed("sagemaker", "CreateTrainingJob", **job)
    arn = f"{SAGEMAKER}:training-job/j"
    assert [(each.action, each.resource) for each in (create, tag, passed)] == [
        ("sagemaker:CreateTrainingJob", arn),
        ("sagemaker:AddTags", arn),
        ("iam:PassRole", ROLE),
    ]
    assert passed.context["iam:passedtoservice"] == "sagemaker.amazonaws.com"
    assert create.context["aws:requesttag/team"] == "ml"
    assert create.context["aws:tagkeys"] == ["Team"]


def test_roles_deep_inside_a_request_are_passed_too() -> None:
    definitions = [{"RoleArn": ROLE}, {"RoleArn": f"{ROLE}2"}]
    tuning = needs("sagemaker", "CreateHyperParameterTuningJob", TrainingJobDefinitions=definitions)
    assert tuning[1:] == [("iam:PassRole", ROLE), ("iam:PassRole", f"{ROLE}2")]


def test_condition_keys_come_from_the_parameters() -> None:
    (create,) = needed(
        "sagemaker",
        "CreateTrainingJob",
        TrainingJobName="j",
        ResourceConfig={"InstanceType": "ml.m5.large", "VolumeKmsKeyId": "k"},
        StoppingCondition={"MaxRuntimeInSeconds": 60},
        VpcConfig={"Subnets": ["a", "b"]},
        EnableNetworkIsolation=True,
    )
    told = create.context
    assert told["sagemaker:instancetypes"] == "ml.m5.large"
    assert told["sagemaker:maxruntimeinseconds"] == "60"
    assert told["sagemaker:vpcsubnets"] == ["a", "b"]
    assert told["sagemaker:networkisolation"] == "true"
    assert told["aws:sourceip"] == "127.0.0.1"
    assert told["aws:requestedregion"] == REGION
    assert needed("s3", "ListObjects", Bucket="b", Prefix="p/")[0].context["s3:prefix"] == "p/"


def test_a_user_who_names_none_means_itself() -> None:
    me = f"arn:aws:iam::{ACCOUNT}:user/team/bob"
    assert needs("iam", "GetUser", caller=me) == [("iam:GetUser", me)]
    assert needs("iam", "ListAccessKeys", caller=f"arn:aws:iam::{ACCOUNT}:root") == [("iam:ListAccessKeys", "*")]


def test_the_table_is_what_its_tool_makes_of_the_sources() -> None:
    tool = Path(__file__).parents[2] / "tools" / "access_table.py"
    assert subprocess.run([sys.executable, tool, "--check"], check=False).returncode == 0
