from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from clary.access.principal import Principal
from clary.core.errors import ServiceError
from clary.core.settings import load
from clary.services.iam.bootstrap import bootstrap
from clary.services.iam.identities import create_role, create_user
from clary.services.iam.principals import Principals
from clary.services.operation import handlers
from clary.services.sts import operations
from clary.wire.message import Headers, Request


def document(effect: str = "Allow", action: object = "sts:AssumeRole", **more: object) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": {"Effect": effect, "Action": action, **more}})


@pytest.fixture
def world(aws, store, home):
    return replace(aws, account=bootstrap(store, load({"home": home}, {})))


@pytest.fixture
def principals(store) -> Principals:
    return Principals(store, store.clock)


@pytest.fixture
def sts(world):
    """Return `sts(principal, "AssumeRole", …)`: a call as somebody."""
    table = handlers(operations(world.platform))

    def invoke(principal: Principal, name: str, /, *, token: str = "", **params: Any) -> Any:
        http = Request("POST", "/", "", Headers([("X-Amz-Security-Token", token)]), b"")
        call = replace(world.call("sts", name), principal=principal, account=principal.account, http=http)
        return table[name](call, params)

    return invoke


@pytest.fixture
def bob(store, world, principals) -> Principal:
    policy = document(Resource="*", action=["sts:AssumeRole", "sts:TagSession"])
    user = create_user(store.records(world.account, ""), "bob", Inline={"assume": policy})
    return principals.principal_of(user)


def refusal(sts, *args: Any, **params: Any) -> ServiceError:
    with pytest.raises(ServiceError) as refused:
        sts(*args, **params)
    return refused.value


def role(store, account: str, trusted: object, **more: Any) -> str:
    create_role(
        store.records(account, ""), "job", document(Principal={"AWS": trusted}, **more.pop("trust", {})), **more
    )
    return f"arn:aws:iam::{account}:role/job"


def test_everybody_may_ask_who_they_are(sts, bob) -> None:
    told = sts(bob, "GetCallerIdentity")
    assert told == {"UserId": bob.user_id, "Account": bob.account, "Arn": bob.arn}


def test_a_role_is_assumed_by_whom_it_trusts(sts, bob, store, principals) -> None:
    arn = role(store, bob.account, bob.account)
    told = sts(bob, "AssumeRole", RoleArn=arn, RoleSessionName="s")
    assert told["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{bob.account}:assumed-role/job/s"
    keys = told["Credentials"]
    session = principals.find(keys["AccessKeyId"], keys["SessionToken"])
    assert session.secret == keys["SecretAccessKey"]
    assert session.expires == keys["Expiration"]
    assert sts(session.principal, "GetCallerIdentity")["Arn"] == told["AssumedRoleUser"]["Arn"]


def test_an_identity_policy_alone_does_not_open_a_role(sts, bob, store) -> None:
    arn = role(store, bob.account, "123456789012")
    error = refusal(sts, bob, "AssumeRole", RoleArn=arn, RoleSessionName="s")
    assert (error.code, error.status) == ("AccessDenied", 403)
    assert error.message == f"User: {bob.arn} is not authorized to perform: sts:AssumeRole on resource: {arn}"


def test_trust_in_the_account_needs_an_identity_policy_and_trust_in_the_user_does_not(sts, bob, store) -> None:
    weak = replace(bob, identity=())
    arn = role(store, bob.account, bob.account)
    assert refusal(sts, weak, "AssumeRole", RoleArn=arn, RoleSessionName="s").code == "AccessDenied"
    create_role(store.records(bob.account, ""), "named", document(Principal={"AWS": bob.arn}))
    assert sts(weak, "AssumeRole", RoleArn=f"arn:aws:iam::{bob.account}:role/named", RoleSessionName="s")


def test_across_accounts_both_sides_have_to_agree(sts, bob, store, world) -> None:
    made = world("organizations")("CreateAccount", Email="a@example.com", AccountName="a")["CreateAccountStatus"]
    arn = role(store, made["AccountId"], bob.account)
    assert sts(bob, "AssumeRole", RoleArn=arn, RoleSessionName="s")
    assert refusal(sts, replace(bob, identity=()), "AssumeRole", RoleArn=arn, RoleSessionName="s")


def test_an_external_id_guards_against_the_confused_deputy(sts, bob, store) -> None:
    condition = {"Condition": {"StringEquals": {"sts:ExternalId": "secret"}}}
    asked = {"RoleArn": role(store, bob.account, bob.account, trust=condition), "RoleSessionName": "s"}
    assert sts(bob, "AssumeRole", **asked, ExternalId="secret")
    assert refusal(sts, bob, "AssumeRole", **asked).code == "AccessDenied"
    assert refusal(sts, bob, "AssumeRole", **asked, ExternalId="guess").code == "AccessDenied"


def test_a_role_that_is_not_there_is_denied_like_one_that_does_not_trust(sts, bob) -> None:
    arn = f"arn:aws:iam::{bob.account}:role/none"
    assert refusal(sts, bob, "AssumeRole", RoleArn=arn, RoleSessionName="s").code == "AccessDenied"


def test_a_session_lasts_no_longer_than_the_role_allows(sts, bob, store, principals) -> None:
    asked = {"RoleArn": role(store, bob.account, "*", MaxSessionDuration=7200), "RoleSessionName": "s"}
    before = store.clock()
    assert sts(bob, "AssumeRole", **asked, DurationSeconds=7200)["Credentials"]["Expiration"] >= before + 7200
    assert sts(bob, "AssumeRole", **asked)["Credentials"]["Expiration"] < before + 3700
    assert "MaxSessionDuration" in refusal(sts, bob, "AssumeRole", **asked, DurationSeconds=7201).message
    chained = principals.role_session(asked["RoleArn"], "first", 900).principal
    assert sts(chained, "AssumeRole", **asked)
    assert "1 hour session limit" in refusal(sts, chained, "AssumeRole", **asked, DurationSeconds=3601).message


def test_session_policies_are_read_strictly_and_kept_small(sts, bob, store) -> None:
    asked = {"RoleArn": role(store, bob.account, "*"), "RoleSessionName": "s"}
    assert refusal(sts, bob, "AssumeRole", **asked, Policy="{}").code == "MalformedPolicyDocument"
    arns = [{"arn": "arn:aws:iam::aws:policy/None"}]
    assert refusal(sts, bob, "AssumeRole", **asked, PolicyArns=arns).code == "NoSuchEntity"
    told = sts(bob, "AssumeRole", **asked, Policy=document(action="s3:*", Resource="*"))
    assert 0 < told["PackedPolicySize"] <= 100
    many = [{"Key": f"k{n}", "Value": "v" * 250} for n in range(20)]
    assert refusal(sts, bob, "AssumeRole", **asked, Tags=many).code == "AccessDenied"
    create_role(store.records(bob.account, ""), "tags", document(action="sts:*", Principal="*"))
    tagged = {"RoleArn": f"arn:aws:iam::{bob.account}:role/tags", "RoleSessionName": "s"}
    assert refusal(sts, bob, "AssumeRole", **tagged, Tags=many).code == "PackedPolicyTooLarge"


def test_session_tags_become_the_principals_and_transitive_ones_go_along(sts, bob, store, principals) -> None:
    trust = document(action=["sts:AssumeRole", "sts:TagSession"], Principal="*")
    for name in ("first", "second"):
        create_role(store.records(bob.account, ""), name, trust, Tags={"team": "ml"})
    arn = f"arn:aws:iam::{bob.account}:role/"
    tags = [{"Key": "run", "Value": "7"}, {"Key": "own", "Value": "1"}]
    keys = sts(bob, "AssumeRole", RoleArn=f"{arn}first", RoleSessionName="s", Tags=tags, TransitiveTagKeys=["run"])[
        "Credentials"
    ]
    first = principals.find(keys["AccessKeyId"], keys["SessionToken"]).principal
    assert first.tags == {"team": "ml", "run": "7", "own": "1"}
    next_keys = sts(
        first, "AssumeRole", token=keys["SessionToken"], RoleArn=f"{arn}second", RoleSessionName="t"
    )["Credentials"]  # fmt: skip
    second = principals.find(next_keys["AccessKeyId"], next_keys["SessionToken"]).principal
    assert second.tags == {"team": "ml", "run": "7"}


def test_a_user_gets_a_session_token_and_a_session_does_not(sts, bob, store, principals) -> None:
    keys = sts(bob, "GetSessionToken", DurationSeconds=900)["Credentials"]
    session = principals.find(keys["AccessKeyId"], keys["SessionToken"])
    assert (session.principal.arn, session.principal.sort) == (bob.arn, "User")
    error = refusal(sts, session.principal, "GetSessionToken")
    assert (error.code, error.message) == ("AccessDenied", "Cannot call GetSessionToken with session credentials")


def test_the_roots_session_lasts_an_hour_at_most(sts, world, store, principals) -> None:
    root = Principal(world.account, f"arn:aws:iam::{world.account}:root", "Root", world.account)
    keys = sts(root, "GetSessionToken", DurationSeconds=43200)["Credentials"]
    assert keys["Expiration"] <= store.clock() + 3600
    assert principals.find(keys["AccessKeyId"], keys["SessionToken"]).principal.sort == "Root"


def test_an_access_key_tells_its_account(sts, bob, world, home) -> None:
    told = json.loads((home / "credentials.json").read_text())
    assert sts(bob, "GetAccessKeyInfo", AccessKeyId=told["access_key_id"]) == {"Account": world.account}
    assert refusal(sts, bob, "GetAccessKeyInfo", AccessKeyId="AKIAIOSFODNN7EXAMPLE").code == "ValidationError"
