from __future__ import annotations

import json
from dataclasses import replace

import pytest

from clary.access.decide import Requirement, decide
from clary.access.policy import Policy, parse
from clary.access.principal import Principal

ACCOUNT, OTHER = "111122223333", "444455556666"
BOB = Principal(ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/bob", "User", "AIDABOB")
ROOT = Principal(ACCOUNT, f"arn:aws:iam::{ACCOUNT}:root", "Root", ACCOUNT)
ROLE = f"arn:aws:iam::{ACCOUNT}:role/team/job"
SESSION = Principal(
    ACCOUNT, f"arn:aws:sts::{ACCOUNT}:assumed-role/job/s", "AssumedRole", "AROAJOB:s", role_arn=ROLE
)  # fmt: skip
KEY = "arn:aws:s3:::b/k"
GET = Requirement("s3:GetObject", KEY, {})


def policy(effect: str, action: str = "s3:GetObject", resource: str = "*", principal: object = None, **more) -> Policy:
    statement = {"Effect": effect, "Action": action, "Resource": resource, **more}
    if principal is not None:
        statement["Principal"] = principal
    text = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    return parse(text, "identity" if principal is None else "resource")


ALLOW, DENY = policy("Allow"), policy("Deny")


def test_silence_denies_and_says_so() -> None:
    decision = decide(BOB, GET)
    assert (decision.allowed, decision.explicit) == (False, False)
    assert decision.message == (
        f"User: {BOB.arn} is not authorized to perform: s3:GetObject on resource: {KEY} "
        "because no identity-based policy allows the s3:GetObject action"
    )


def test_an_allow_allows_and_a_deny_wins_over_it() -> None:
    assert decide(replace(BOB, identity=(ALLOW,)), GET).allowed
    denied = decide(replace(BOB, identity=(ALLOW, DENY)), GET)
    assert denied.explicit
    assert denied.message.endswith(f"on resource: {KEY} with an explicit deny in an identity-based policy")


def test_the_root_may_all_in_its_account() -> None:
    assert decide(ROOT, GET).allowed
    assert not decide(ROOT, GET, owner=OTHER).allowed
    assert not decide(ROOT, GET, (policy("Deny", principal="*"),)).allowed


@pytest.mark.parametrize(("side", "name"), [("boundary", "permissions boundary"), ("session", "session policy")])
def test_boundary_and_session_policy_only_narrow(side, name) -> None:
    bob = replace(BOB, identity=(ALLOW,))
    assert decide(replace(bob, **{side: (ALLOW,)}), GET).allowed
    assert not decide(replace(BOB, **{side: (ALLOW,)}), GET).allowed
    silent = decide(replace(bob, **{side: ()}), GET)
    assert silent.message.endswith(f"because no {name} allows the s3:GetObject action")
    assert decide(replace(bob, **{side: (ALLOW, DENY)}), GET).message.endswith(f"with an explicit deny in a {name}")


def test_a_resource_policy_that_names_the_user_is_enough_in_its_account() -> None:
    assert decide(BOB, GET, (policy("Allow", principal={"AWS": BOB.arn}),)).allowed
    assert decide(BOB, GET, (policy("Allow", principal="*"),)).allowed
    assert not decide(BOB, GET, (policy("Allow", principal={"AWS": ACCOUNT}),)).allowed
    assert not decide(BOB, GET, (policy("Allow", principal={"AWS": f"arn:aws:iam::{ACCOUNT}:user/eve"}),)).allowed


def test_a_resource_policy_that_names_the_role_stays_within_its_boundary() -> None:
    named = (policy("Allow", principal={"AWS": ROLE}),)
    assert decide(SESSION, GET, named).allowed
    assert not decide(replace(SESSION, boundary=()), GET, named).allowed
    assert decide(replace(SESSION, boundary=()), GET, (policy("Allow", principal={"AWS": SESSION.arn}),)).allowed


def test_across_accounts_both_sides_have_to_allow() -> None:
    bob, shared = replace(BOB, identity=(ALLOW,)), (policy("Allow", principal={"AWS": ACCOUNT}),)
    assert decide(bob, GET, shared, owner=OTHER).allowed
    assert not decide(BOB, GET, shared, owner=OTHER).allowed
    alone = decide(bob, GET, owner=OTHER)
    assert alone.message.endswith("because no resource-based policy allows the s3:GetObject action")


def test_no_policy_lets_a_role_of_another_account_be_passed_on() -> None:
    bob = replace(BOB, identity=(policy("Allow", "*"),))
    assert decide(bob, Requirement("iam:PassRole", ROLE, {})).allowed
    for who in (bob, ROOT):
        decision = decide(who, Requirement("iam:PassRole", ROLE.replace(ACCOUNT, OTHER), {}))
        assert not decision.allowed
        assert decision.message == "Cross-account pass role is not allowed."


def test_where_the_resource_must_allow_an_identity_policy_is_not_enough() -> None:
    bob = replace(BOB, identity=(ALLOW,))
    assert not decide(bob, GET, resource_must_allow=True).allowed
    assert decide(bob, GET, (policy("Allow", principal={"AWS": ACCOUNT}),), resource_must_allow=True).allowed


def test_a_deny_in_a_resource_policy_reaches_whom_it_names() -> None:
    bob = replace(BOB, identity=(ALLOW,))
    assert not decide(bob, GET, (policy("Deny", principal={"AWS": ACCOUNT}),)).allowed
    assert decide(bob, GET, (policy("Deny", principal={"AWS": OTHER}),)).allowed


def test_not_principal_denies_everybody_else() -> None:
    text = {"Effect": "Deny", "Action": "*", "Resource": "*", "NotPrincipal": {"AWS": BOB.arn}}
    only_bob = parse(json.dumps({"Version": "2012-10-17", "Statement": text}), "resource")
    assert decide(replace(BOB, identity=(ALLOW,)), GET, (only_bob,)).allowed
    assert not decide(replace(SESSION, identity=(ALLOW,)), GET, (only_bob,)).allowed


def test_a_service_is_allowed_by_a_policy_that_names_it() -> None:
    service = Principal(ACCOUNT, "events.amazonaws.com", "Service", "events.amazonaws.com")
    assert decide(service, GET, (policy("Allow", principal={"Service": "events.amazonaws.com"}),)).allowed
    assert not decide(service, GET, (policy("Allow", principal={"Service": "sns.amazonaws.com"}),)).allowed


def test_conditions_see_the_principal() -> None:
    own = policy("Allow", resource="arn:aws:s3:::b/${aws:username}/*")
    bob = replace(BOB, identity=(own,))
    assert decide(bob, Requirement("s3:GetObject", "arn:aws:s3:::b/bob/x", {})).allowed
    assert not decide(bob, Requirement("s3:GetObject", "arn:aws:s3:::b/eve/x", {"aws:username": "eve"})).allowed
    team = policy("Allow", Condition={"StringEquals": {"aws:PrincipalTag/Team": "ml"}})
    assert decide(replace(BOB, identity=(team,), tags={"team": "ml"}), GET).allowed
    role = policy("Allow", Condition={"ArnEquals": {"aws:PrincipalArn": ROLE}})
    assert decide(replace(SESSION, identity=(role,)), GET).allowed
