from __future__ import annotations

import json

import pytest

from clary.core.errors import ServiceError

ALLOW = json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}})
DENY = ALLOW.replace("Allow", "Deny")
TAGGED = ALLOW.replace('"Action"', '"Condition": {"StringEquals": {"aws:RequestTag/a": "b"}}, "Action"')
OWN_FOLDER = ALLOW.replace('"*"', '"arn:aws:s3:::b/${aws:username}/*"')
ANYONE = {"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}
TRUST = json.dumps({"Version": "2012-10-17", "Statement": ANYONE})
TAG = {"ContextKeyName": "aws:RequestTag/a", "ContextKeyValues": ["b"], "ContextKeyType": "string"}
READ = ["s3:GetObject"]


def results(iam, **asked: object) -> list[dict[str, object]]:
    name = "SimulatePrincipalPolicy" if "PolicySourceArn" in asked else "SimulateCustomPolicy"
    return iam(name, **asked)["EvaluationResults"]


def decision(iam, **asked: object) -> str:
    (result,) = results(iam, ActionNames=READ, **asked)
    return result["EvalDecision"]


def test_a_simulation_decides_as_the_real_thing_does(iam) -> None:
    source = iam("CreateRole", RoleName="job", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    iam("AttachRolePolicy", RoleName="job", PolicyArn="arn:aws:iam::aws:policy/AmazonSageMakerFullAccess")
    iam("PutRolePolicy", RoleName="job", PolicyName="no", PolicyDocument=DENY.replace("s3:*", "ecr:BatchGetImage"))
    actions = ["ecr:GetAuthorizationToken", "cloudwatch:PutMetricData", "iam:CreateUser", "ecr:BatchGetImage"]
    told = iam("SimulatePrincipalPolicy", PolicySourceArn=source, ActionNames=actions)["EvaluationResults"]
    decisions = {result["EvalActionName"]: result["EvalDecision"] for result in told}
    assert decisions == dict(zip(actions, ["allowed", "allowed", "implicitDeny", "explicitDeny"], strict=True))
    assert told[0]["MatchedStatements"][0]["SourcePolicyId"] == "AmazonSageMakerFullAccess"
    assert told[2]["MatchedStatements"] == []


def test_a_user_may_what_its_groups_and_added_policies_say(iam) -> None:
    user = iam("CreateUser", UserName="bob")["User"]["Arn"]
    group = iam("CreateGroup", GroupName="staff")["Group"]["Arn"]
    assert decision(iam, PolicySourceArn=user) == "implicitDeny"
    assert decision(iam, PolicySourceArn=user, PolicyInputList=[ALLOW]) == "allowed"
    iam("PutGroupPolicy", GroupName="staff", PolicyName="p", PolicyDocument=ALLOW)
    iam("AddUserToGroup", UserName="bob", GroupName="staff")
    assert decision(iam, PolicySourceArn=user) == "allowed"
    assert decision(iam, PolicySourceArn=group) == "allowed"
    assert decision(iam, PolicySourceArn=user, PolicyInputList=[DENY]) == "explicitDeny"


def test_every_action_is_tried_on_every_resource_in_pages(iam) -> None:
    policy = ALLOW.replace('"*"', '"arn:aws:s3:::b/*"')
    resources = ["arn:aws:s3:::b/k", "arn:aws:s3:::c/k"]
    asked = {
        "PolicyInputList": [policy],
        "ActionNames": ["s3:GetObject", "ec2:RunInstances"],
        "ResourceArns": resources,
    }
    told = results(iam, **asked)
    assert [(each["EvalActionName"], each["EvalResourceName"]) for each in told] == [
        (action, resource) for action in asked["ActionNames"] for resource in resources
    ]
    assert [each["EvalDecision"] for each in told] == ["allowed", "implicitDeny", "implicitDeny", "implicitDeny"]
    first = iam("SimulateCustomPolicy", **asked, MaxItems=3)
    rest = iam("SimulateCustomPolicy", **asked, MaxItems=3, Marker=first["Marker"])
    assert first["EvaluationResults"] + rest["EvaluationResults"] == told
    assert (first["IsTruncated"], rest["IsTruncated"]) == (True, False)


def test_the_context_is_what_the_caller_says(iam) -> None:
    (missing,) = results(iam, PolicyInputList=[TAGGED], ActionNames=READ)
    assert (missing["EvalDecision"], missing["MissingContextValues"]) == ("implicitDeny", ["aws:requesttag/a"])
    (told,) = results(iam, PolicyInputList=[TAGGED], ActionNames=READ, ContextEntries=[TAG])
    assert (told["EvalDecision"], told["MissingContextValues"]) == ("allowed", [])


def test_a_boundary_and_a_resources_policy_count(iam, aws) -> None:
    (bounded,) = results(
        iam, PolicyInputList=[ALLOW], ActionNames=READ, PermissionsBoundaryPolicyInputList=[DENY]
    )  # fmt: skip
    assert bounded["EvalDecision"] == "explicitDeny"
    assert bounded["PermissionsBoundaryDecisionDetail"] == {"AllowedByPermissionsBoundary": False}
    caller = f"arn:aws:iam::{aws.account}:user/simulated"
    shared = ALLOW.replace('"Action"', f'"Principal": {{"AWS": "{caller}"}}, "Action"')
    nothing = ALLOW.replace("s3:*", "ec2:*")
    assert decision(iam, PolicyInputList=[nothing]) == "implicitDeny"
    assert decision(iam, PolicyInputList=[nothing], ResourcePolicy=shared, CallerArn=caller) == "allowed"


@pytest.mark.parametrize("name", ["SimulateCustomPolicy", "GetContextKeysForCustomPolicy"])
def test_a_given_policy_must_be_one(iam, name) -> None:
    extra = {"ActionNames": READ} if name == "SimulateCustomPolicy" else {}
    with pytest.raises(ServiceError, match="invalid Json") as refused:
        iam(name, PolicyInputList=["x"], **extra)
    assert (refused.value.code, refused.value.status) == ("InvalidInput", 400)


@pytest.mark.parametrize(
    ("name", "extra"), [("SimulatePrincipalPolicy", {"ActionNames": READ}), ("GetContextKeysForPrincipalPolicy", {})]
)
def test_whose_policies_they_are_must_be_clear(iam, aws, name, extra) -> None:
    policy = f"arn:aws:iam::{aws.account}:policy/not-a-user"
    with pytest.raises(ServiceError) as refused:
        iam(name, PolicySourceArn=policy, **extra)
    assert refused.value.code == "InvalidInput"
    assert refused.value.message == f"Invalid Entity Arn: {policy} does not clearly define entity type and name."
    theirs = aws.other()("iam")("CreateUser", UserName="eve")["User"]["Arn"]
    for arn in (theirs, theirs.replace(theirs.split(":")[4], aws.account)):
        with pytest.raises(ServiceError, match=r"^The user with name eve cannot be found\.$") as refused:
            iam(name, PolicySourceArn=arn, **extra)
        assert refused.value.code == "NoSuchEntity"


def test_the_context_keys_of_policies_are_those_of_conditions_and_variables(iam) -> None:
    custom = iam("GetContextKeysForCustomPolicy", PolicyInputList=[TAGGED, OWN_FOLDER, ALLOW])
    assert custom["ContextKeyNames"] == ["aws:requesttag/a", "aws:username"]
    user = iam("CreateUser", UserName="bob")["User"]["Arn"]
    iam("PutUserPolicy", UserName="bob", PolicyName="p", PolicyDocument=OWN_FOLDER)
    assert iam("GetContextKeysForPrincipalPolicy", PolicySourceArn=user)["ContextKeyNames"] == ["aws:username"]
    both = iam("GetContextKeysForPrincipalPolicy", PolicySourceArn=user, PolicyInputList=[TAGGED])
    assert both == custom
