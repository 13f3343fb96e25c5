from __future__ import annotations

import json
from urllib.parse import unquote

import pytest

from clary.core.errors import ServiceError

ALLOW = json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}})
ANYONE = {"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}
TRUST = json.dumps({"Version": "2012-10-17", "Statement": ANYONE})
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
LISTS = ("UserDetailList", "GroupDetailList", "RoleDetailList", "Policies")


@pytest.fixture
def peopled(iam) -> None:
    """Give one of each noun, tied together."""
    own = iam("CreatePolicy", PolicyName="own", PolicyDocument=ALLOW)["Policy"]["Arn"]
    iam("CreateUser", UserName="Bob", Tags=[{"Key": "team", "Value": "ml"}])
    iam("CreateGroup", GroupName="Staff")
    iam("CreateRole", RoleName="job", AssumeRolePolicyDocument=TRUST, PermissionsBoundary=own)
    iam("AddUserToGroup", UserName="Bob", GroupName="Staff")
    iam("PutUserPolicy", UserName="Bob", PolicyName="p", PolicyDocument=ALLOW)
    iam("AttachGroupPolicy", GroupName="Staff", PolicyArn=own)
    iam("AttachRolePolicy", RoleName="job", PolicyArn=READ_ONLY)


def test_an_account_has_one_alias(iam) -> None:
    assert iam("ListAccountAliases") == {"AccountAliases": [], "IsTruncated": False}
    for alias in ("our-lab", "our-lab", "our-new-lab"):
        iam("CreateAccountAlias", AccountAlias=alias)
        assert iam("ListAccountAliases")["AccountAliases"] == [alias]
    iam("DeleteAccountAlias", AccountAlias="our-new-lab")
    assert iam("ListAccountAliases")["AccountAliases"] == []
    text = r"^The account alias our-new-lab cannot be found\.$"
    with pytest.raises(ServiceError, match=text) as refused:
        iam("DeleteAccountAlias", AccountAlias="our-new-lab")
    assert (refused.value.code, refused.value.status) == ("NoSuchEntity", 404)


def test_an_alias_belongs_to_one_account(iam, aws) -> None:
    theirs = aws.other()("iam")
    theirs("CreateAccountAlias", AccountAlias="their-lab")
    iam("CreateAccountAlias", AccountAlias="our-lab")
    with pytest.raises(ServiceError, match=r"^The account alias their-lab already exists\.$") as refused:
        iam("CreateAccountAlias", AccountAlias="their-lab")
    assert (refused.value.code, refused.value.status) == ("EntityAlreadyExists", 409)
    with pytest.raises(ServiceError, match="cannot be found"):
        iam("DeleteAccountAlias", AccountAlias="their-lab")
    assert iam("ListAccountAliases")["AccountAliases"] == ["our-lab"]
    assert theirs("ListAccountAliases")["AccountAliases"] == ["their-lab"]


@pytest.mark.usefixtures("peopled")
def test_the_summary_counts_what_there_is_and_says_how_much_there_may_be(iam, aws) -> None:
    aws.other()("iam")("CreateUser", UserName="eve")
    summary = iam("GetAccountSummary")["SummaryMap"]
    assert [summary[name] for name in ("Users", "Groups", "Roles", "Policies")] == [1, 1, 1, 1]
    assert (summary["AccessKeysPerUserQuota"], summary["GroupsPerUserQuota"], summary["VersionsPerPolicyQuota"]) == (
        2,
        10,
        5,
    )
    assert (summary["AccountAccessKeysPresent"], summary["AccountMFAEnabled"]) == (0, 0)


@pytest.mark.usefixtures("peopled")
def test_the_details_tell_of_all_there_is_with_its_documents(iam, aws) -> None:
    details = iam("GetAccountAuthorizationDetails")
    (user,), (group,), (role,), policies = (details[member] for member in LISTS)
    assert unquote(user["UserPolicyList"][0]["PolicyDocument"]) == ALLOW
    assert (user["GroupList"], user["Tags"]) == (["Staff"], [{"Key": "team", "Value": "ml"}])
    own = f"arn:aws:iam::{aws.account}:policy/own"
    assert group["AttachedManagedPolicies"] == [{"PolicyName": "own", "PolicyArn": own}]
    assert role["AttachedManagedPolicies"] == [{"PolicyName": "ReadOnlyAccess", "PolicyArn": READ_ONLY}]
    assert role["PermissionsBoundary"]["PermissionsBoundaryArn"] == own
    assert unquote(role["AssumeRolePolicyDocument"]) == TRUST
    assert {policy["Arn"] for policy in policies} == {own, READ_ONLY}
    assert all(unquote(policy["PolicyVersionList"][0]["Document"]) for policy in policies)


@pytest.mark.usefixtures("peopled")
def test_the_details_are_told_by_sort_and_in_pages(iam) -> None:
    def count(**more: object) -> list[int]:
        page = iam("GetAccountAuthorizationDetails", **more)
        return [len(page[member]) for member in LISTS]

    assert count(Filter=["User"]) == [1, 0, 0, 0]
    assert count(Filter=["Group", "Role"]) == [0, 1, 1, 0]
    assert count(Filter=["LocalManagedPolicy"]) == count(Filter=["AWSManagedPolicy"]) == [0, 0, 0, 1]
    first = iam("GetAccountAuthorizationDetails", MaxItems=2)
    rest = iam("GetAccountAuthorizationDetails", MaxItems=3, Marker=first["Marker"])
    seen = [len(first[member]) + len(rest[member]) for member in LISTS]
    assert (first["IsTruncated"], rest["IsTruncated"], seen) == (True, False, [1, 1, 1, 2])


def test_a_group_is_told_by_the_name_it_has_by_now(iam) -> None:
    iam("CreateUser", UserName="bob")
    iam("CreateGroup", GroupName="staff")
    iam("AddUserToGroup", UserName="bob", GroupName="staff")
    iam("UpdateGroup", GroupName="staff", NewGroupName="Staff")
    (user,) = iam("GetAccountAuthorizationDetails", Filter=["User"])["UserDetailList"]
    assert user["GroupList"] == ["Staff"]
