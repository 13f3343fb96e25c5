from __future__ import annotations

from dataclasses import replace

import pytest

from clary.core.errors import ServiceError
from clary.services.iam.principals import Principals


def make(organizations, email: str = "a@example.com", **more: object) -> str:
    status = organizations("CreateAccount", Email=email, AccountName="ci", **more)["CreateAccountStatus"]
    assert status["State"] == "SUCCEEDED"
    return status["AccountId"]


def test_a_new_account_is_there_at_once_and_lets_the_management_in(organizations, management, store) -> None:
    account = make(organizations)
    described = organizations("DescribeAccount", AccountId=account)["Account"]
    assert (described["Id"], described["Status"], described["Email"]) == (account, "ACTIVE", "a@example.com")
    role = f"arn:aws:iam::{account}:role/OrganizationAccountAccessRole"
    told = management("sts")("AssumeRole", RoleArn=role, RoleSessionName="ci")["Credentials"]
    session = Principals(store, store.clock).find(told["AccessKeyId"], told["SessionToken"])
    assert session.principal.account == account


def test_how_it_went_can_be_asked_later(organizations) -> None:
    status = organizations("CreateAccount", Email="a@example.com", AccountName="ci")["CreateAccountStatus"]
    again = organizations("DescribeCreateAccountStatus", CreateAccountRequestId=status["Id"])["CreateAccountStatus"]
    assert again == status
    with pytest.raises(ServiceError) as refused:
        organizations("DescribeCreateAccountStatus", CreateAccountRequestId="car-00000000")
    assert refused.value.code == "CreateAccountStatusNotFoundException"


def test_an_email_serves_one_account(organizations) -> None:
    make(organizations)
    status = organizations("CreateAccount", Email="A@example.com", AccountName="ci")["CreateAccountStatus"]
    assert (status["State"], status["FailureReason"]) == ("FAILED", "EMAIL_ALREADY_EXISTS")
    failed = organizations("ListCreateAccountStatus", States=["FAILED"])["CreateAccountStatuses"]
    assert [each["Id"] for each in failed] == [status["Id"]]


def test_accounts_are_listed_in_pages(organizations, management) -> None:
    made = {make(organizations, f"{n}@example.com") for n in range(5)} | {management.account}
    first = organizations("ListAccounts", MaxResults=4)
    rest = organizations("ListAccounts", MaxResults=4, NextToken=first["NextToken"])
    assert {each["Id"] for each in first["Accounts"] + rest["Accounts"]} == made
    assert "NextToken" not in rest


def test_a_closed_account_is_marked_to_be_removed_and_its_sessions_end(organizations, management, store) -> None:
    account = make(organizations)
    role = f"arn:aws:iam::{account}:role/OrganizationAccountAccessRole"
    told = management("sts")("AssumeRole", RoleArn=role, RoleSessionName="ci")["Credentials"]
    organizations("CloseAccount", AccountId=account)
    assert organizations("DescribeAccount", AccountId=account)["Account"]["Status"] == "PENDING_CLOSURE"
    assert Principals(store, store.clock).find(told["AccessKeyId"], told["SessionToken"]) is None
    with pytest.raises(ServiceError) as refused:
        management("sts")("AssumeRole", RoleArn=role, RoleSessionName="ci")
    assert refused.value.code == "AccessDenied"
    with pytest.raises(ServiceError) as refused:
        organizations("CloseAccount", AccountId=account)
    assert refused.value.code == "AccountAlreadyClosedException"


def test_the_management_account_stays_open(organizations, management) -> None:
    with pytest.raises(ServiceError) as refused:
        organizations("CloseAccount", AccountId=management.account)
    assert refused.value.code == "ConstraintViolationException"
    assert refused.value.members == {"Reason": "CANNOT_CLOSE_MANAGEMENT_ACCOUNT"}


def test_an_unknown_account_is_not_found(organizations) -> None:
    for name in ("DescribeAccount", "CloseAccount"):
        with pytest.raises(ServiceError) as refused:
            organizations(name, AccountId="000000000000")
        assert refused.value.code == "AccountNotFoundException"


def test_members_see_themselves_and_the_organization_only(organizations, management) -> None:
    member = replace(management, account=make(organizations))
    other = make(organizations, "b@example.com")
    own = member("organizations")
    described = own("DescribeOrganization")["Organization"]
    assert described["MasterAccountId"] == management.account
    assert own("DescribeAccount", AccountId=member.account)["Account"]["Id"] == member.account
    for name, params in (
        ("ListAccounts", {}),
        ("CreateAccount", {"Email": "x@example.com", "AccountName": "x"}),
        ("CloseAccount", {"AccountId": other}),
        ("DescribeAccount", {"AccountId": other}),
    ):
        with pytest.raises(ServiceError) as refused:
            own(name, **params)
        assert refused.value.code == "AccessDeniedException"


def test_all_hangs_below_one_root(organizations, management) -> None:
    account = make(organizations)
    (root,) = organizations("ListRoots")["Roots"]
    assert organizations("ListParents", ChildId=account)["Parents"] == [{"Id": root["Id"], "Type": "ROOT"}]
    below = organizations("ListAccountsForParent", ParentId=root["Id"])["Accounts"]
    assert {each["Id"] for each in below} == {account, management.account}


def test_accounts_bear_tags(organizations) -> None:
    account = make(organizations, Tags=[{"Key": "team", "Value": "ml"}])
    organizations("TagResource", ResourceId=account, Tags=[{"Key": "run", "Value": "7"}])
    organizations("UntagResource", ResourceId=account, TagKeys=["team"])
    assert organizations("ListTagsForResource", ResourceId=account)["Tags"] == [{"Key": "run", "Value": "7"}]
