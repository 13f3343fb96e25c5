from __future__ import annotations

from dataclasses import replace

import pytest

from clary.access.principal import Principal
from clary.core.errors import ServiceError
from clary.core.settings import load
from clary.services.iam.bootstrap import bootstrap
from clary.services.iam.principals import Principals


@pytest.fixture
def bob(iam) -> dict[str, str]:
    iam("CreateUser", UserName="Bob")
    return {"UserName": "Bob"}


def as_principal(aws, sort: str, resource: str):
    """Return a client of IAM that acts as somebody else than the root."""
    principal = Principal(aws.account, f"arn:aws:iam::{aws.account}:{resource}", sort, "AIDAX")

    def invoke(name: str, **params: object):
        return aws._handlers("iam")[name](replace(aws.call("iam", name), principal=principal), params)

    return invoke


def test_a_user_may_have_two_keys(iam, bob) -> None:
    first = iam("CreateAccessKey", **bob)["AccessKey"]
    assert first["AccessKeyId"].startswith("AKIA")
    assert (len(first["AccessKeyId"]), len(first["SecretAccessKey"])) == (20, 40)
    assert (first["UserName"], first["Status"]) == ("Bob", "Active")
    second = iam("CreateAccessKey", **bob)["AccessKey"]
    assert second["SecretAccessKey"] != first["SecretAccessKey"]
    with pytest.raises(ServiceError, match=r"^Cannot exceed quota for AccessKeysPerUser: 2$") as refused:
        iam("CreateAccessKey", **bob)
    assert (refused.value.code, refused.value.status) == ("LimitExceeded", 409)
    iam("DeleteAccessKey", **bob, AccessKeyId=first["AccessKeyId"])
    iam("CreateAccessKey", **bob)


def test_keys_are_listed_in_pages_and_never_with_their_secret(iam, bob) -> None:
    made = sorted(iam("CreateAccessKey", **bob)["AccessKey"]["AccessKeyId"] for _ in range(2))
    first = iam("ListAccessKeys", **bob, MaxItems=1)
    rest = iam("ListAccessKeys", **bob, MaxItems=1, Marker=first["Marker"])
    told = first["AccessKeyMetadata"] + rest["AccessKeyMetadata"]
    assert [key["AccessKeyId"] for key in told] == made
    assert (first["IsTruncated"], rest["IsTruncated"]) == (True, False)
    assert all(set(key) == {"UserName", "AccessKeyId", "Status", "CreateDate"} for key in told)


def test_a_key_works_while_it_is_switched_on(aws, store, home) -> None:
    iam = replace(aws, account=bootstrap(store, load({"home": home}, {})))("iam")
    iam("CreateUser", UserName="Bob")
    key = iam("CreateAccessKey", UserName="Bob")["AccessKey"]
    named = {"UserName": "Bob", "AccessKeyId": key["AccessKeyId"]}

    def secret() -> str | None:
        credential = Principals(store, store.clock).find(key["AccessKeyId"], "")
        return credential.secret if credential else None

    assert secret() == key["SecretAccessKey"]
    iam("UpdateAccessKey", **named, Status="Inactive")
    assert iam("ListAccessKeys", UserName="Bob")["AccessKeyMetadata"][0]["Status"] == "Inactive"
    assert secret() is None
    iam("UpdateAccessKey", **named, Status="Active")
    assert secret() == key["SecretAccessKey"]
    iam("DeleteAccessKey", **named)
    assert secret() is None
    assert iam("ListAccessKeys", UserName="Bob")["AccessKeyMetadata"] == []


def test_a_key_is_told_by_its_owner_and_is_not_known_to_have_been_used(iam, bob) -> None:
    key = iam("CreateAccessKey", **bob)["AccessKey"]["AccessKeyId"]
    told = iam("GetAccessKeyLastUsed", AccessKeyId=key)
    assert told["UserName"] == "Bob"
    assert told["AccessKeyLastUsed"] == {"ServiceName": "N/A", "Region": "N/A"}


def test_the_keys_of_the_root_are_apart_from_those_of_users(aws, iam, bob) -> None:
    root = aws("iam")
    iam("CreateAccessKey", **bob)
    made = root("CreateAccessKey")["AccessKey"]["AccessKeyId"]
    assert [key["AccessKeyId"] for key in root("ListAccessKeys")["AccessKeyMetadata"]] == [made]
    assert iam("GetAccountSummary")["SummaryMap"]["AccountAccessKeysPresent"] == 1
    with pytest.raises(ServiceError, match="cannot be found"):
        iam("DeleteAccessKey", **bob, AccessKeyId=made)
    root("DeleteAccessKey", AccessKeyId=made)
    assert root("ListAccessKeys")["AccessKeyMetadata"] == []


def test_a_user_who_names_nobody_means_itself_and_a_role_must_name_somebody(aws, bob) -> None:
    own = as_principal(aws, "User", "user/Bob")
    made = own("CreateAccessKey")["AccessKey"]
    assert made["UserName"] == "Bob"
    assert [key["AccessKeyId"] for key in own("ListAccessKeys")["AccessKeyMetadata"]] == [made["AccessKeyId"]]
    with pytest.raises(ServiceError, match=r"^Must specify userName when calling with non-User credentials$") as no:
        as_principal(aws, "AssumedRole", "assumed-role/r/s")("ListAccessKeys")
    assert (no.value.code, no.value.status) == ("ValidationError", 400)


@pytest.mark.parametrize(
    ("name", "extra"),
    [("DeleteAccessKey", {}), ("UpdateAccessKey", {"Status": "Inactive"}), ("GetAccessKeyLastUsed", {})],
)
def test_another_accounts_key_is_out_of_reach(iam, aws, bob, name, extra) -> None:
    other = aws.other()("iam")
    other("CreateUser", UserName="Bob")
    key = other("CreateAccessKey", UserName="Bob")["AccessKey"]["AccessKeyId"]
    owner = {} if name == "GetAccessKeyLastUsed" else bob
    with pytest.raises(ServiceError, match=rf"^The Access Key with id {key} cannot be found\.$") as refused:
        iam(name, **owner, AccessKeyId=key, **extra)
    assert (refused.value.code, refused.value.status) == ("NoSuchEntity", 404)


def test_keys_belong_to_users_that_are_there(iam) -> None:
    for name in ("CreateAccessKey", "ListAccessKeys"):
        with pytest.raises(ServiceError, match=r"^The user with name eve cannot be found\.$"):
            iam(name, UserName="eve")
