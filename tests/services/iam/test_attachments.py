from __future__ import annotations

import json

import pytest

from clary.core.errors import ServiceError
from clary.services.iam.attachments import ATTACHED_MAX
from clary.services.iam.library import aws_managed

ALLOW = json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}})
ANYONE = {"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}
TRUST = json.dumps({"Version": "2012-10-17", "Statement": ANYONE})
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
POWER = "arn:aws:iam::aws:policy/PowerUserAccess"
NOUNS = pytest.mark.parametrize(
    ("noun", "attach", "detach", "listed"),
    [
        ("User", "AttachUserPolicy", "DetachUserPolicy", "ListAttachedUserPolicies"),
        ("Group", "AttachGroupPolicy", "DetachGroupPolicy", "ListAttachedGroupPolicies"),
        ("Role", "AttachRolePolicy", "DetachRolePolicy", "ListAttachedRolePolicies"),
    ],
)


def create(iam, noun: str, name: str = "x", **more: object) -> dict[str, str]:
    trust = {"AssumeRolePolicyDocument": TRUST} if noun == "Role" else {}
    iam(f"Create{noun}", **{f"{noun}Name": name}, **trust, **more)
    return {f"{noun}Name": name}


def refusal(call, name: str, **params: object) -> tuple[str, int, str]:
    with pytest.raises(ServiceError) as refused:
        call(name, **params)
    return refused.value.code, refused.value.status, refused.value.message


@NOUNS
def test_policies_are_attached_once_listed_and_detached(iam, noun, attach, detach, listed) -> None:
    owner = create(iam, noun)
    own = iam("CreatePolicy", PolicyName="own", PolicyDocument=ALLOW, Path="/team/")["Policy"]["Arn"]
    for arn in (READ_ONLY, own, READ_ONLY):
        iam(attach, **owner, PolicyArn=arn)
    told = [{"PolicyName": "own", "PolicyArn": own}, {"PolicyName": "ReadOnlyAccess", "PolicyArn": READ_ONLY}]
    assert iam(listed, **owner) == {"AttachedPolicies": told, "IsTruncated": False}
    first = iam(listed, **owner, MaxItems=1)
    rest = iam(listed, **owner, MaxItems=1, Marker=first["Marker"])
    assert (first["AttachedPolicies"] + rest["AttachedPolicies"], rest["IsTruncated"]) == (told, False)
    assert iam(listed, **owner, PathPrefix="/team/")["AttachedPolicies"] == told[:1]
    iam(detach, **owner, PolicyArn=READ_ONLY)
    assert iam(listed, **owner)["AttachedPolicies"] == told[:1]
    gone = ("NoSuchEntity", 404, f"Policy {READ_ONLY} was not found.")
    assert refusal(iam, detach, **owner, PolicyArn=READ_ONLY) == gone


@NOUNS
def test_only_what_is_there_is_attached_and_only_to_what_is_there(iam, aws, noun, attach, detach, listed) -> None:
    owner = create(iam, noun)
    for arn in ("arn:aws:iam::aws:policy/Nothing", f"arn:aws:iam::{aws.account}:policy/nothing"):
        missing = ("NoSuchEntity", 404, f"Policy {arn} does not exist or is not attachable.")
        assert refusal(iam, attach, **owner, PolicyArn=arn) == missing
    role = f"arn:aws:iam::{aws.account}:role/not-a-policy"
    assert refusal(iam, attach, **owner, PolicyArn=role) == ("InvalidInput", 400, f"ARN {role} is not valid.")
    nobody = {f"{noun}Name": "nobody"}
    unknown = ("NoSuchEntity", 404, f"The {noun.lower()} with name nobody cannot be found.")
    assert refusal(iam, attach, **nobody, PolicyArn=READ_ONLY) == unknown
    assert refusal(iam, detach, **nobody, PolicyArn=READ_ONLY) == unknown
    assert refusal(iam, listed, **nobody) == unknown


def test_another_accounts_policy_cannot_be_attached(iam, aws) -> None:
    theirs = aws.other()("iam")("CreatePolicy", PolicyName="p", PolicyDocument=ALLOW)["Policy"]["Arn"]
    iam("CreatePolicy", PolicyName="p", PolicyDocument=ALLOW)
    code, _, text = refusal(iam, "AttachUserPolicy", **create(iam, "User"), PolicyArn=theirs)
    assert (code, text) == ("NoSuchEntity", f"Policy {theirs} does not exist or is not attachable.")


@NOUNS
def test_an_identity_has_no_more_policies_than_it_may(iam, noun, attach, detach, listed) -> None:
    owner = create(iam, noun)
    arns = sorted(aws_managed())[: ATTACHED_MAX + 1]
    for arn in arns[:ATTACHED_MAX]:
        iam(attach, **owner, PolicyArn=arn)
    text = f"Cannot exceed quota for PoliciesPer{noun}: {ATTACHED_MAX}"
    assert refusal(iam, attach, **owner, PolicyArn=arns[-1]) == ("LimitExceeded", 409, text)
    iam(attach, **owner, PolicyArn=arns[0])
    iam(detach, **owner, PolicyArn=arns[0])
    iam(attach, **owner, PolicyArn=arns[-1])
    assert [each["PolicyArn"] for each in iam(listed, **owner)["AttachedPolicies"]] == arns[1:]


def test_a_policy_tells_whom_it_is_attached_to_and_whom_it_bounds(iam) -> None:
    iam("AttachUserPolicy", **create(iam, "User", "bob", Path="/team/"), PolicyArn=POWER)
    iam("AttachGroupPolicy", **create(iam, "Group", "staff"), PolicyArn=POWER)
    iam("PutRolePermissionsBoundary", **create(iam, "Role", "job"), PermissionsBoundary=POWER)

    def entities(**more: object) -> list[str]:
        told = iam("ListEntitiesForPolicy", PolicyArn=POWER, **more)
        assert not told["IsTruncated"]
        members = ("PolicyUsers", "UserName"), ("PolicyGroups", "GroupName"), ("PolicyRoles", "RoleName")
        return [each[name] for member, name in members for each in told[member]]

    assert entities() == ["bob", "staff", "job"]
    assert entities(PolicyUsageFilter="PermissionsPolicy") == ["bob", "staff"]
    assert entities(PolicyUsageFilter="PermissionsBoundary") == ["job"]
    assert entities(EntityFilter="Group") == ["staff"]
    assert entities(PathPrefix="/team/") == ["bob"]
    assert refusal(iam, "ListEntitiesForPolicy", PolicyArn=f"{POWER}x")[0] == "NoSuchEntity"


def test_who_has_a_policy_is_told_in_pages_and_once(iam) -> None:
    for name in "ab":
        iam("AttachUserPolicy", **create(iam, "User", name), PolicyArn=POWER)
        iam("PutUserPermissionsBoundary", UserName=name, PermissionsBoundary=POWER)
    iam("AttachRolePolicy", **create(iam, "Role", "r"), PolicyArn=POWER)
    seen, marker = [], {}
    while True:
        page = iam("ListEntitiesForPolicy", PolicyArn=POWER, MaxItems=1, **marker)
        seen += [*page["PolicyUsers"], *page["PolicyRoles"]]
        if not page["IsTruncated"]:
            break
        marker = {"Marker": page["Marker"]}
    assert sorted(each.get("UserName") or each["RoleName"] for each in seen) == ["a", "b", "r"]
