from __future__ import annotations

from dataclasses import replace

import pytest

from clary.core.errors import ServiceError


@pytest.fixture
def member(organizations, management):
    """Return an account that somebody else manages."""
    made = organizations("CreateAccount", Email="a@example.com", AccountName="ci")["CreateAccountStatus"]
    return replace(management, account=made["AccountId"])("organizations")


def refusal(call, name: str, **params: object) -> tuple[str, int, str]:
    with pytest.raises(ServiceError) as refused:
        call(name, **params)
    return refused.value.code, refused.value.status, refused.value.message


def test_all_members_are_told_the_same_of_their_organization(organizations, member, management) -> None:
    told = organizations("DescribeOrganization")["Organization"]
    assert told["Id"].startswith("o-")
    assert told["Arn"] == f"arn:aws:organizations::{management.account}:organization/{told['Id']}"
    assert told["MasterAccountId"] == management.account
    own = organizations("DescribeAccount", AccountId=management.account)["Account"]
    assert (told["MasterAccountArn"], told["MasterAccountEmail"]) == (own["Arn"], own["Email"])
    assert told["FeatureSet"] == "ALL"
    assert member("DescribeOrganization")["Organization"] == told


def test_there_is_one_organization_and_no_second(organizations, member) -> None:
    text = "The AWS account is already a member of an organization."
    for call in (organizations, member):
        taken = refusal(call, "CreateOrganization", FeatureSet="ALL")
        assert taken == ("AlreadyInOrganizationException", 400, text)


def test_the_one_root_is_told_to_the_management_alone(organizations, member) -> None:
    (root,) = organizations("ListRoots")["Roots"]
    assert root["Id"].startswith("r-")
    told = organizations("DescribeOrganization")["Organization"]
    assert root["Arn"] == told["Arn"].replace("organization/", "root/", 1) + f"/{root['Id']}"
    assert (root["Name"], root["PolicyTypes"]) == ("Root", [])
    text = "You don't have permissions to access this resource."
    assert refusal(member, "ListRoots") == ("AccessDeniedException", 400, text)


@pytest.mark.parametrize("name", ["DescribeOrganization", "CreateOrganization", "ListRoots"])
def test_an_account_that_nobody_made_is_in_no_organization(aws, name) -> None:
    text = "Your account is not a member of an organization."
    assert refusal(aws("organizations"), name) == ("AWSOrganizationsNotInUseException", 400, text)
