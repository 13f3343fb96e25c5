from __future__ import annotations

import json
from urllib.parse import unquote

import pytest

from clary.core.errors import ServiceError

SAGEMAKER = {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
TRUST = json.dumps({"Version": "2012-10-17", "Statement": [SAGEMAKER]})
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"


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


def test_a_description_alone_is_changed_and_the_whole_role_told(iam) -> None:
    iam("CreateRole", RoleName="r", AssumeRolePolicyDocument=TRUST, Description="old", MaxSessionDuration=4000)
    role = iam("UpdateRoleDescription", RoleName="r", Description="new")["Role"]
    assert (role["Description"], role["MaxSessionDuration"]) == ("new", 4000)
    assert iam("GetRole", RoleName="r")["Role"] == role
    assert "Description" not in iam("UpdateRoleDescription", RoleName="r", Description="")["Role"]


def test_tags_are_listed_in_pages_and_taken_away_whatever_their_case(iam) -> None:
    iam("CreateRole", RoleName="r", AssumeRolePolicyDocument=TRUST, Tags=[{"Key": "Team", "Value": "ml"}])
    iam("TagRole", RoleName="r", Tags=[{"Key": "cost", "Value": "1"}, {"Key": "team", "Value": "ai"}])
    first = iam("ListRoleTags", RoleName="r", MaxItems=1)
    rest = iam("ListRoleTags", RoleName="r", Marker=first["Marker"])
    assert first["Tags"] + rest["Tags"] == [{"Key": "cost", "Value": "1"}, {"Key": "team", "Value": "ai"}]
    iam("UntagRole", RoleName="r", TagKeys=["TEAM", "none"])
    assert iam("ListRoleTags", RoleName="r") == {"Tags": [{"Key": "cost", "Value": "1"}], "IsTruncated": False}
    many = [{"Key": str(number), "Value": ""} for number in range(50)]
    with pytest.raises(ServiceError, match="maximum limit of 50") as refused:
        iam("TagRole", RoleName="r", Tags=many)
    assert (refused.value.code, refused.value.status) == ("LimitExceeded", 409)


def test_a_boundary_holds_a_role_back_until_it_is_taken_away(iam) -> None:
    source = iam("CreateRole", RoleName="r", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    iam("AttachRolePolicy", RoleName="r", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")

    def decision() -> str:
        asked = {"PolicySourceArn": source, "ActionNames": ["s3:PutObject"]}
        return iam("SimulatePrincipalPolicy", **asked)["EvaluationResults"][0]["EvalDecision"]

    assert decision() == "allowed"
    iam("PutRolePermissionsBoundary", RoleName="r", PermissionsBoundary=READ_ONLY)
    assert iam("GetRole", RoleName="r")["Role"]["PermissionsBoundary"] == {
        "PermissionsBoundaryType": "PermissionsBoundaryPolicy",
        "PermissionsBoundaryArn": READ_ONLY,
    }
    assert decision() == "implicitDeny"
    iam("DeleteRolePermissionsBoundary", RoleName="r")
    assert "PermissionsBoundary" not in iam("GetRole", RoleName="r")["Role"]
    assert decision() == "allowed"
    with pytest.raises(ServiceError, match="does not exist or is not attachable") as refused:
        iam("PutRolePermissionsBoundary", RoleName="r", PermissionsBoundary=f"{READ_ONLY}x")
    assert refused.value.code == "NoSuchEntity"


@pytest.mark.parametrize(
    ("name", "extra"),
    [
        ("UpdateRoleDescription", {"Description": "d"}),
        ("UntagRole", {"TagKeys": ["a"]}),
        ("ListRoleTags", {}),
        ("PutRolePermissionsBoundary", {"PermissionsBoundary": READ_ONLY}),
        ("DeleteRolePermissionsBoundary", {}),
    ],
)
def test_an_unknown_role_is_no_such_entity(iam, name, extra) -> None:
    with pytest.raises(ServiceError, match=r"^The role with name r cannot be found\.$") as refused:
        iam(name, RoleName="r", **extra)
    assert (refused.value.code, refused.value.status) == ("NoSuchEntity", 404)
