from __future__ import annotations

import json
from urllib.parse import unquote

import pytest

from clary.core.errors import ServiceError

SAGEMAKER = {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
TRUST = json.dumps({"Version": "2012-10-17", "Statement": [SAGEMAKER]})


def test_get_returns_what_create_was_given(iam, aws) -> None:
    told = {"Path": "/p/", "Description": "d", "MaxSessionDuration": 7200}
    made = iam("CreateRole", RoleName="Job", AssumeRolePolicyDocument=TRUST, **told)["Role"]
    assert made["Arn"] == f"arn:aws:iam::{aws.account}:role/p/Job"
    assert unquote(made["AssumeRolePolicyDocument"]) == TRUST
    assert iam("GetRole", RoleName="Job")["Role"] == made
    assert (made["Description"], made["MaxSessionDuration"]) == ("d", 7200)
    assert [role["RoleName"] for role in iam("ListRoles", PathPrefix="/p/")["Roles"]] == ["Job"]
    assert iam("ListRoles", PathPrefix="/q/")["Roles"] == []


def test_a_trust_policy_has_to_be_one(iam) -> None:
    bad = TRUST.replace('"Principal"', '"Resource": "*", "Principal"')
    with pytest.raises(ServiceError, match="Has prohibited field Resource") as refused:
        iam("CreateRole", RoleName="r", AssumeRolePolicyDocument=bad)
    assert (refused.value.code, refused.value.status) == ("MalformedPolicyDocument", 400)


def test_a_role_is_changed_in_parts(iam) -> None:
    iam("CreateRole", RoleName="r", AssumeRolePolicyDocument=TRUST, Description="old")
    iam("UpdateRole", RoleName="r", MaxSessionDuration=4000)
    assert iam("GetRole", RoleName="r")["Role"]["Description"] == "old"
    iam("UpdateRole", RoleName="r", Description="new")
    iam("UpdateAssumeRolePolicy", RoleName="r", PolicyDocument=TRUST.replace("sagemaker", "lambda"))
    iam("TagRole", RoleName="r", Tags=[{"Key": "a", "Value": "b"}])
    role = iam("GetRole", RoleName="r")["Role"]
    assert (role["Description"], role["MaxSessionDuration"]) == ("new", 4000)
    assert "lambda.amazonaws.com" in unquote(role["AssumeRolePolicyDocument"])
    assert role["Tags"] == [{"Key": "a", "Value": "b"}]


def test_a_role_with_policies_is_not_deleted(iam) -> None:
    arn = "arn:aws:iam::aws:policy/AmazonSageMakerFullAccess"
    iam("CreateRole", RoleName="r", AssumeRolePolicyDocument=TRUST)
    iam("AttachRolePolicy", RoleName="r", PolicyArn=arn)
    with pytest.raises(ServiceError, match="must detach all policies first"):
        iam("DeleteRole", RoleName="r")
    iam("DetachRolePolicy", RoleName="r", PolicyArn=arn)
    iam("DeleteRole", RoleName="r")
    with pytest.raises(ServiceError, match=r"The role with name r cannot be found\."):
        iam("GetRole", RoleName="r")


def test_a_service_linked_role_is_made_and_removed_by_its_own_operations(iam, aws) -> None:
    role = iam("CreateServiceLinkedRole", AWSServiceName="sagemaker.amazonaws.com")["Role"]
    assert role["Arn"].endswith("role/aws-service-role/sagemaker.amazonaws.com/AWSServiceRoleForSagemaker")
    with pytest.raises(ServiceError, match="only modifiable by AWS"):
        iam("DeleteRole", RoleName=role["RoleName"])
    task = iam("DeleteServiceLinkedRole", RoleName=role["RoleName"])["DeletionTaskId"]
    assert iam("GetServiceLinkedRoleDeletionStatus", DeletionTaskId=task)["Status"] == "SUCCEEDED"
