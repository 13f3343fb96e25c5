"""What both models need first: a bucket with the data and the code, and a role for jobs and endpoints."""

from __future__ import annotations

import json
from dataclasses import dataclass

from clary.demo.access import Clients
from clary.demo.cases import SOURCE, Case, sklearn_case, source_archive, xgboost_case
from clary.demo.leftovers import Leftovers
from clary.demo.steps import Step

POLICY_ARN = "arn:aws:iam::aws:policy/AmazonSageMakerFullAccess"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
FIRST_REGION = "us-east-1"  # which CreateBucket must not name


@dataclass(frozen=True, slots=True)
class Setting:
    """Where a run of the demo works."""

    bucket: str
    role_arn: str
    cases: tuple[Case, ...]


def prepare(clients: Clients, name: str, leftovers: Leftovers, step: Step) -> Setting:
    """Make bucket and role, and put data and code into the bucket."""
    bucket = (
        f"sagemaker-{name}"  # AmazonSageMakerFullAccess lets jobs read and write buckets with sagemaker in the name
    )
    cases = (xgboost_case(), sklearn_case(bucket))
    files = {f"{case.key}/{case.data.name.replace(' ', '-')}.csv": case.data.csv for case in cases}
    files[SOURCE] = source_archive()
    _make_bucket(clients, bucket, leftovers)
    for key, body in files.items():
        clients("s3").put_object(Bucket=bucket, Key=key, Body=body)
    step.detail = f"{len(files)} objects, {sum(map(len, files.values())) / 1e3:.0f} kB"
    return Setting(bucket, _make_role(clients, name, leftovers), cases)


def _make_bucket(clients: Clients, bucket: str, leftovers: Leftovers) -> None:
    s3 = clients("s3")
    leftovers.add(f"bucket {bucket}", _delete_bucket, clients, bucket)
    if clients.region == FIRST_REGION:
        s3.create_bucket(Bucket=bucket)
    else:
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": clients.region})


def _delete_bucket(clients: Clients, bucket: str) -> None:
    s3 = clients("s3")
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        keys = [{"Key": each["Key"]} for each in page.get("Contents", [])]
        if keys:
            s3.delete_objects(Bucket=bucket, Delete={"Objects": keys})
    s3.delete_bucket(Bucket=bucket)


def _make_role(clients: Clients, name: str, leftovers: Leftovers) -> str:
    iam = clients("iam")
    leftovers.add(f"role {name}", iam.delete_role, RoleName=name)
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]
    leftovers.add(f"policy of the role {name}", iam.detach_role_policy, RoleName=name, PolicyArn=POLICY_ARN)
    iam.attach_role_policy(RoleName=name, PolicyArn=POLICY_ARN)
    return str(role["Arn"])
