from __future__ import annotations

import json
from urllib.parse import unquote

import pytest

from clary.access.policy import parse
from clary.core.errors import ServiceError
from clary.services.iam.library import aws_managed

ALLOW = json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}})
DENY = ALLOW.replace("Allow", "Deny")
ANYONE = {"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}
TRUST = json.dumps({"Version": "2012-10-17", "Statement": ANYONE})
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"


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
    version = iam("GetPolicyVersion", PolicyArn=policy["Arn"], VersionId=policy["DefaultVersionId"])["PolicyVersion"]
    assert parse(unquote(version["Document"])).statements


def test_every_shipped_policy_parses() -> None:
    for told in aws_managed().values():
        assert parse(told["Document"]).statements


def test_aws_managed_policies_cannot_be_changed(iam) -> None:
    with pytest.raises(ServiceError, match="managed by AWS"):
        iam("DeletePolicy", PolicyArn=READ_ONLY)


def test_versions_are_kept_up_to_five(iam) -> None:
    arn = iam("CreatePolicy", PolicyName="p", PolicyDocument=ALLOW, Path="/x/")["Policy"]["Arn"]
    for _ in range(4):
        iam("CreatePolicyVersion", PolicyArn=arn, PolicyDocument=DENY)
    with pytest.raises(ServiceError, match="can have up to 5 versions") as refused:
        iam("CreatePolicyVersion", PolicyArn=arn, PolicyDocument=DENY)
    assert refused.value.code == "LimitExceeded"
    with pytest.raises(ServiceError, match="Cannot delete the default version"):
        iam("DeletePolicyVersion", PolicyArn=arn, VersionId="v1")
    iam("SetDefaultPolicyVersion", PolicyArn=arn, VersionId="v3")
    iam("DeletePolicyVersion", PolicyArn=arn, VersionId="v1")
    newest = iam("CreatePolicyVersion", PolicyArn=arn, PolicyDocument=ALLOW, SetAsDefault=True)["PolicyVersion"]
    assert (newest["VersionId"], newest["IsDefaultVersion"]) == ("v6", True)
    versions = iam("ListPolicyVersions", PolicyArn=arn)["Versions"]
    assert [version["VersionId"] for version in versions] == ["v6", "v5", "v4", "v3", "v2"]
    document = iam("GetPolicyVersion", PolicyArn=arn, VersionId="v6")["PolicyVersion"]["Document"]
    assert unquote(document) == ALLOW


def test_a_policy_in_use_is_not_deleted(iam) -> None:
    arn = iam("CreatePolicy", PolicyName="p", PolicyDocument=ALLOW)["Policy"]["Arn"]
    iam("CreateUser", UserName="bob")
    iam("AttachUserPolicy", UserName="bob", PolicyArn=arn)
    assert iam("GetPolicy", PolicyArn=arn)["Policy"]["AttachmentCount"] == 1
    with pytest.raises(ServiceError, match=r"Cannot delete a policy attached to entities\."):
        iam("DeletePolicy", PolicyArn=arn)
    iam("DetachUserPolicy", UserName="bob", PolicyArn=arn)
    iam("CreatePolicyVersion", PolicyArn=arn, PolicyDocument=DENY)
    with pytest.raises(ServiceError, match="more than one version"):
        iam("DeletePolicy", PolicyArn=arn)
    iam("DeletePolicyVersion", PolicyArn=arn, VersionId="v2")
    iam("DeletePolicy", PolicyArn=arn)
    with pytest.raises(ServiceError, match="was not found"):
        iam("GetPolicy", PolicyArn=arn)


def test_policies_are_listed_by_scope(iam) -> None:
    iam("CreatePolicy", PolicyName="p", PolicyDocument=ALLOW)
    assert [policy["PolicyName"] for policy in iam("ListPolicies", Scope="Local")["Policies"]] == ["p"]
    everything = iam("ListPolicies", MaxItems=1000)["Policies"]
    assert len(everything) == len(aws_managed()) + 1
    assert iam("ListPolicies", OnlyAttached=True)["Policies"] == []


@pytest.mark.parametrize("noun", ["User", "Group", "Role"])
def test_inline_policies_come_and_go(iam, noun) -> None:
    _create(iam, noun)
    owner = {f"{noun}Name": "x"}
    iam(f"Put{noun}Policy", **owner, PolicyName="p", PolicyDocument=ALLOW)
    assert unquote(iam(f"Get{noun}Policy", **owner, PolicyName="p")["PolicyDocument"]) == ALLOW
    assert iam(f"List{noun}Policies", **owner)["PolicyNames"] == ["p"]
    with pytest.raises(ServiceError, match="must delete policies first"):
        iam(f"Delete{noun}", **owner)
    iam(f"Delete{noun}Policy", **owner, PolicyName="p")
    with pytest.raises(ServiceError, match=f"The {noun.lower()} policy with name p cannot be found"):
        iam(f"Get{noun}Policy", **owner, PolicyName="p")
    iam(f"Delete{noun}", **owner)


@pytest.mark.parametrize("noun", ["User", "Group", "Role"])
def test_managed_policies_are_attached_and_detached(iam, noun) -> None:
    _create(iam, noun)
    owner = {f"{noun}Name": "x"}
    for _ in range(2):
        iam(f"Attach{noun}Policy", **owner, PolicyArn=READ_ONLY)
    attached = iam(f"ListAttached{noun}Policies", **owner)["AttachedPolicies"]
    assert attached == [{"PolicyName": "ReadOnlyAccess", "PolicyArn": READ_ONLY}]
    entities = iam("ListEntitiesForPolicy", PolicyArn=READ_ONLY)
    assert [each[f"{noun}Name"] for each in entities[f"Policy{noun}s"]] == ["x"]
    iam(f"Detach{noun}Policy", **owner, PolicyArn=READ_ONLY)
    with pytest.raises(ServiceError, match="was not found"):
        iam(f"Detach{noun}Policy", **owner, PolicyArn=READ_ONLY)
    with pytest.raises(ServiceError, match="does not exist or is not attachable"):
        iam(f"Attach{noun}Policy", **owner, PolicyArn="arn:aws:iam::aws:policy/Nothing")


def test_documents_are_refused_when_malformed_or_too_large(iam) -> None:
    iam("CreateUser", UserName="bob")
    with pytest.raises(ServiceError) as refused:
        iam("PutUserPolicy", UserName="bob", PolicyName="p", PolicyDocument="{}")
    assert refused.value.code == "MalformedPolicyDocument"
    long = ALLOW.replace('"*"', json.dumps([f"arn:aws:s3:::bucket{n:03}/*" for n in range(100)]))
    with pytest.raises(ServiceError, match="Maximum policy size of 2048 bytes exceeded for user bob"):
        iam("PutUserPolicy", UserName="bob", PolicyName="p", PolicyDocument=long)


def test_a_simulation_decides_as_the_real_thing_does(iam, aws) -> None:
    iam("CreateRole", RoleName="job", AssumeRolePolicyDocument=TRUST)
    iam("AttachRolePolicy", RoleName="job", PolicyArn="arn:aws:iam::aws:policy/AmazonSageMakerFullAccess")
    iam("PutRolePolicy", RoleName="job", PolicyName="no", PolicyDocument=DENY.replace("s3:*", "ecr:BatchGetImage"))
    actions = ["ecr:GetAuthorizationToken", "cloudwatch:PutMetricData", "iam:CreateUser", "ecr:BatchGetImage"]
    source = f"arn:aws:iam::{aws.account}:role/job"
    results = iam("SimulatePrincipalPolicy", PolicySourceArn=source, ActionNames=actions)["EvaluationResults"]
    decisions = {result["EvalActionName"]: result["EvalDecision"] for result in results}
    assert decisions == dict(zip(actions, ["allowed", "allowed", "implicitDeny", "explicitDeny"], strict=True))
    assert results[0]["MatchedStatements"][0]["SourcePolicyId"] == "AmazonSageMakerFullAccess"


def test_a_simulation_knows_context_boundaries_and_resources(iam) -> None:
    conditional = ALLOW.replace('"Action"', '"Condition": {"StringEquals": {"aws:RequestTag/a": "b"}}, "Action"')
    asked = {"PolicyInputList": [conditional], "ActionNames": ["s3:GetObject"]}
    entry = {"ContextKeyName": "aws:RequestTag/a", "ContextKeyValues": ["b"], "ContextKeyType": "string"}

    def decision(**more: object) -> str:
        return iam("SimulateCustomPolicy", **asked, **more)["EvaluationResults"][0]["EvalDecision"]

    assert decision() == "implicitDeny"
    assert decision(ContextEntries=[entry]) == "allowed"
    bounded = iam("SimulateCustomPolicy", **asked, ContextEntries=[entry], PermissionsBoundaryPolicyInputList=[DENY])
    assert bounded["EvaluationResults"][0]["PermissionsBoundaryDecisionDetail"] == {
        "AllowedByPermissionsBoundary": False
    }
    assert iam("GetContextKeysForCustomPolicy", PolicyInputList=[conditional])["ContextKeyNames"] == [
        "aws:requesttag/a"
    ]
    with pytest.raises(ServiceError, match="invalid Json"):
        iam("SimulateCustomPolicy", PolicyInputList=["x"], ActionNames=["s3:GetObject"])


def test_the_account_tells_of_all_it_has(iam) -> None:
    iam("CreateAccountAlias", AccountAlias="our-lab")
    _create(iam, "User")
    _create(iam, "Role")
    iam("PutUserPolicy", UserName="x", PolicyName="p", PolicyDocument=ALLOW)
    iam("AttachRolePolicy", RoleName="x", PolicyArn=READ_ONLY)
    iam("CreatePolicy", PolicyName="p", PolicyDocument=ALLOW)
    assert iam("ListAccountAliases")["AccountAliases"] == ["our-lab"]
    summary = iam("GetAccountSummary")["SummaryMap"]
    assert (summary["Users"], summary["Roles"], summary["Policies"], summary["Groups"]) == (1, 1, 1, 0)
    details = iam("GetAccountAuthorizationDetails")
    assert unquote(details["UserDetailList"][0]["UserPolicyList"][0]["PolicyDocument"]) == ALLOW
    assert details["RoleDetailList"][0]["AttachedManagedPolicies"][0]["PolicyArn"] == READ_ONLY
    assert len(details["Policies"]) == 2
    iam("DeleteAccountAlias", AccountAlias="our-lab")
    assert iam("ListAccountAliases")["AccountAliases"] == []


def test_an_alias_belongs_to_one_account(iam, aws) -> None:
    aws.other()("iam")("CreateAccountAlias", AccountAlias="our-lab")
    with pytest.raises(ServiceError, match="The account alias our-lab already exists"):
        iam("CreateAccountAlias", AccountAlias="our-lab")


def _create(iam, noun: str) -> None:
    trust = {"AssumeRolePolicyDocument": TRUST} if noun == "Role" else {}
    iam(f"Create{noun}", **{f"{noun}Name": "x"}, **trust)
