from __future__ import annotations

import json
from urllib.parse import unquote

import pytest

from clary.access.policy import parse
from clary.core.errors import ServiceError
from clary.services.iam.entities import MANAGED_SIZE_MAX, TAGS_MAX
from clary.services.iam.library import aws_managed

ALLOW = json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}})
DENY = ALLOW.replace("Allow", "Deny")
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"


@pytest.fixture
def policy(iam) -> str:
    """Return the ARN of a policy of the account's own."""
    return iam("CreatePolicy", PolicyName="p", PolicyDocument=ALLOW)["Policy"]["Arn"]


def refusal(call, name: str, **params: object) -> tuple[str, int, str]:
    with pytest.raises(ServiceError) as refused:
        call(name, **params)
    return refused.value.code, refused.value.status, refused.value.message


def version_ids(iam, policy: str, **more: object) -> list[str]:
    return [version["VersionId"] for version in iam("ListPolicyVersions", PolicyArn=policy, **more)["Versions"]]


@pytest.mark.parametrize(
    "name",
    [
        "AdministratorAccess",
        "AmazonS3FullAccess",
        "AmazonSageMakerFullAccess",
        "CloudWatchFullAccessV2",
        "IAMReadOnlyAccess",
    ],
)
def test_aws_managed_policies_are_there_and_readable(iam, name) -> None:
    policy = iam("GetPolicy", PolicyArn=f"arn:aws:iam::aws:policy/{name}")["Policy"]
    assert version_ids(iam, policy["Arn"]) == [policy["DefaultVersionId"]]
    version = iam("GetPolicyVersion", PolicyArn=policy["Arn"], VersionId=policy["DefaultVersionId"])["PolicyVersion"]
    assert parse(unquote(version["Document"])).statements
    code, status, _ = refusal(iam, "GetPolicyVersion", PolicyArn=policy["Arn"], VersionId="v999")
    assert (code, status) == ("NoSuchEntity", 404)


def test_every_shipped_policy_parses() -> None:
    for told in aws_managed().values():
        assert parse(told["Document"]).statements


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("DeletePolicy", {}),
        ("CreatePolicyVersion", {"PolicyDocument": ALLOW}),
        ("DeletePolicyVersion", {"VersionId": "v1"}),
        ("SetDefaultPolicyVersion", {"VersionId": "v1"}),
        ("TagPolicy", {"Tags": [{"Key": "a", "Value": "1"}]}),
        ("UntagPolicy", {"TagKeys": ["a"]}),
    ],
)
def test_aws_managed_policies_cannot_be_changed(iam, name, params) -> None:
    text = f"Policy {READ_ONLY} is managed by AWS and cannot be changed."
    assert refusal(iam, name, PolicyArn=READ_ONLY, **params) == ("UnmodifiableEntity", 400, text)


def test_get_returns_what_create_was_given(iam, aws) -> None:
    told = {"Path": "/team/", "Description": "d", "Tags": [{"Key": "a", "Value": "1"}]}
    made = iam("CreatePolicy", PolicyName="Own", PolicyDocument=ALLOW, **told)["Policy"]
    assert made["Arn"] == f"arn:aws:iam::{aws.account}:policy/team/Own"
    assert made["PolicyId"].startswith("ANPA")
    assert {name: made[name] for name in told} == told
    assert (made["DefaultVersionId"], made["AttachmentCount"], made["IsAttachable"]) == ("v1", 0, True)
    assert iam("GetPolicy", PolicyArn=made["Arn"])["Policy"] == made
    text = "A policy called OWN already exists. Duplicate names are not allowed."
    taken = refusal(iam, "CreatePolicy", PolicyName="OWN", PolicyDocument=ALLOW)
    assert taken == ("EntityAlreadyExists", 409, text)


@pytest.mark.parametrize("name", ["CreatePolicy", "CreatePolicyVersion"])
def test_a_document_that_is_malformed_or_too_large_is_refused(iam, policy, name) -> None:
    owner = {"PolicyName": "q"} if name == "CreatePolicy" else {"PolicyArn": policy}
    assert refusal(iam, name, **owner, PolicyDocument="{}")[:2] == ("MalformedPolicyDocument", 400)
    long = ALLOW.replace("s3:*", "s3:" + "x" * MANAGED_SIZE_MAX)
    text = f"Cannot exceed quota for PolicySize: {MANAGED_SIZE_MAX}"
    assert refusal(iam, name, **owner, PolicyDocument=long) == ("LimitExceeded", 409, text)
    assert len(iam("ListPolicies", Scope="Local")["Policies"]) == 1
    assert version_ids(iam, policy) == ["v1"]


def test_versions_are_kept_up_to_five_and_their_numbers_never_come_again(iam, policy) -> None:
    for _ in range(4):
        iam("CreatePolicyVersion", PolicyArn=policy, PolicyDocument=DENY)
    with pytest.raises(ServiceError, match="can have up to 5 versions") as refused:
        iam("CreatePolicyVersion", PolicyArn=policy, PolicyDocument=DENY)
    assert (refused.value.code, refused.value.status) == ("LimitExceeded", 409)
    iam("DeletePolicyVersion", PolicyArn=policy, VersionId="v5")
    newest = iam("CreatePolicyVersion", PolicyArn=policy, PolicyDocument=DENY, SetAsDefault=True)["PolicyVersion"]
    assert (newest["VersionId"], newest["IsDefaultVersion"]) == ("v6", True)
    assert version_ids(iam, policy) == ["v6", "v4", "v3", "v2", "v1"]
    first = iam("ListPolicyVersions", PolicyArn=policy, MaxItems=2)
    rest = version_ids(iam, policy, Marker=first["Marker"])
    assert (first["IsTruncated"], rest) == (True, ["v3", "v2", "v1"])


def test_the_default_version_is_the_one_that_counts(iam, policy) -> None:
    iam("CreatePolicyVersion", PolicyArn=policy, PolicyDocument=DENY)

    def decision() -> str:
        asked = {"PolicySourceArn": user, "ActionNames": ["s3:GetObject"]}
        return iam("SimulatePrincipalPolicy", **asked)["EvaluationResults"][0]["EvalDecision"]

    user = iam("CreateUser", UserName="bob")["User"]["Arn"]
    iam("AttachUserPolicy", UserName="bob", PolicyArn=policy)
    assert decision() == "allowed"
    iam("SetDefaultPolicyVersion", PolicyArn=policy, VersionId="v2")
    assert decision() == "explicitDeny"
    told = iam("GetPolicyVersion", PolicyArn=policy, VersionId="v2")["PolicyVersion"]
    assert (unquote(told["Document"]), told["IsDefaultVersion"]) == (DENY, True)
    assert iam("GetPolicy", PolicyArn=policy)["Policy"]["DefaultVersionId"] == "v2"
    text = "Cannot delete the default version of a policy."
    kept = refusal(iam, "DeletePolicyVersion", PolicyArn=policy, VersionId="v2")
    assert kept == ("DeleteConflict", 409, text)


@pytest.mark.parametrize("name", ["GetPolicyVersion", "DeletePolicyVersion", "SetDefaultPolicyVersion"])
def test_a_version_must_be_there(iam, policy, name) -> None:
    text = f"Policy {policy} version v7 does not exist or is not attachable."
    assert refusal(iam, name, PolicyArn=policy, VersionId="v7") == ("NoSuchEntity", 404, text)


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("GetPolicy", {}),
        ("DeletePolicy", {}),
        ("ListPolicyVersions", {}),
        ("ListPolicyTags", {}),
        ("CreatePolicyVersion", {"PolicyDocument": ALLOW}),
        ("TagPolicy", {"Tags": []}),
    ],
)
def test_another_accounts_policy_is_not_found(iam, aws, policy, name, params) -> None:
    theirs = aws.other()("iam")("CreatePolicy", PolicyName="p", PolicyDocument=ALLOW)["Policy"]["Arn"]
    assert theirs != policy
    missing = ("NoSuchEntity", 404, f"Policy {theirs} was not found.")
    assert refusal(iam, name, PolicyArn=theirs, **params) == missing


def test_a_policy_in_use_or_with_versions_is_not_deleted(iam, policy) -> None:
    iam("CreateUser", UserName="bob")
    iam("AttachUserPolicy", UserName="bob", PolicyArn=policy)
    iam("PutUserPermissionsBoundary", UserName="bob", PermissionsBoundary=policy)
    counted = iam("GetPolicy", PolicyArn=policy)["Policy"]
    assert (counted["AttachmentCount"], counted["PermissionsBoundaryUsageCount"]) == (1, 1)
    attached = ("DeleteConflict", 409, "Cannot delete a policy attached to entities.")
    assert refusal(iam, "DeletePolicy", PolicyArn=policy) == attached
    iam("DetachUserPolicy", UserName="bob", PolicyArn=policy)
    assert refusal(iam, "DeletePolicy", PolicyArn=policy) == attached
    iam("DeleteUserPermissionsBoundary", UserName="bob")
    iam("CreatePolicyVersion", PolicyArn=policy, PolicyDocument=DENY)
    code, _, text = refusal(iam, "DeletePolicy", PolicyArn=policy)
    assert (code, text.partition(".")[0]) == ("DeleteConflict", "This policy has more than one version")
    iam("DeletePolicyVersion", PolicyArn=policy, VersionId="v2")
    iam("DeletePolicy", PolicyArn=policy)
    assert refusal(iam, "GetPolicy", PolicyArn=policy) == ("NoSuchEntity", 404, f"Policy {policy} was not found.")


def test_policies_are_listed_by_scope_use_and_path(iam, policy) -> None:
    def listed(**more: object) -> list[str]:
        return [each["PolicyName"] for each in iam("ListPolicies", **more)["Policies"]]

    iam("CreatePolicy", PolicyName="q", PolicyDocument=ALLOW, Path="/team/")
    iam("CreateUser", UserName="bob")
    assert listed(OnlyAttached=True) == []
    iam("AttachUserPolicy", UserName="bob", PolicyArn=READ_ONLY)
    iam("PutUserPermissionsBoundary", UserName="bob", PermissionsBoundary=policy)
    assert listed(Scope="Local") == ["p", "q"]
    assert listed(PathPrefix="/team/") == ["q"]
    assert len(listed(Scope="AWS", MaxItems=1000)) == len(aws_managed())
    assert len(listed(MaxItems=1000)) == len(aws_managed()) + 2
    assert listed(OnlyAttached=True) == listed(PolicyUsageFilter="PermissionsPolicy") == ["ReadOnlyAccess"]
    assert listed(PolicyUsageFilter="PermissionsBoundary") == ["p"]
    first = iam("ListPolicies", Scope="Local", MaxItems=1)
    assert (first["IsTruncated"], listed(Scope="Local", Marker=first["Marker"])) == (True, ["q"])


def test_a_policy_bears_tags(iam, policy) -> None:
    iam("TagPolicy", PolicyArn=policy, Tags=[{"Key": "Team", "Value": "a"}, {"Key": "cost", "Value": "1"}])
    iam("TagPolicy", PolicyArn=policy, Tags=[{"Key": "Team", "Value": "b"}])
    first = iam("ListPolicyTags", PolicyArn=policy, MaxItems=1)
    rest = iam("ListPolicyTags", PolicyArn=policy, Marker=first["Marker"])
    assert first["Tags"] + rest["Tags"] == [{"Key": "Team", "Value": "b"}, {"Key": "cost", "Value": "1"}]
    iam("UntagPolicy", PolicyArn=policy, TagKeys=["Team", "none"])
    assert iam("ListPolicyTags", PolicyArn=policy)["Tags"] == [{"Key": "cost", "Value": "1"}]
    many = [{"Key": str(number), "Value": ""} for number in range(TAGS_MAX)]
    assert refusal(iam, "TagPolicy", PolicyArn=policy, Tags=many)[:2] == ("LimitExceeded", 409)
    assert len(iam("ListPolicyTags", PolicyArn=policy)["Tags"]) == 1
