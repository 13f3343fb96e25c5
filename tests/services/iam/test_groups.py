from __future__ import annotations

import pytest

from clary.core.errors import ServiceError
from clary.services.iam.groups import GROUPS_PER_USER_MAX

READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"


def names(groups) -> list[str]:
    return [group["GroupName"] for group in groups]


@pytest.fixture
def readers(iam) -> None:
    """Give a group with two users."""
    iam("CreateGroup", GroupName="Readers")
    for name in ("Eve", "Bob"):
        iam("CreateUser", UserName=name)
        iam("AddUserToGroup", UserName=name, GroupName="readers")


def test_get_returns_what_create_was_given(iam, aws) -> None:
    made = iam("CreateGroup", GroupName="Readers", Path="/team/")["Group"]
    assert made["Arn"] == f"arn:aws:iam::{aws.account}:group/team/Readers"
    assert made["GroupId"].startswith("AGPA")
    assert iam("GetGroup", GroupName="readers") == {"Group": made, "Users": [], "IsTruncated": False}
    with pytest.raises(ServiceError, match=r"^Group with name READERS already exists\.$") as refused:
        iam("CreateGroup", GroupName="READERS")
    assert (refused.value.code, refused.value.status) == ("EntityAlreadyExists", 409)


def test_groups_are_listed_below_a_path_and_in_pages(iam) -> None:
    for name in "cab":
        iam("CreateGroup", GroupName=name, Path="/odd/" if name == "b" else "/")
    first = iam("ListGroups", MaxItems=2)
    rest = iam("ListGroups", MaxItems=2, Marker=first["Marker"])
    assert names(first["Groups"] + rest["Groups"]) == ["a", "b", "c"]
    assert (first["IsTruncated"], rest["IsTruncated"]) == (True, False)
    assert names(iam("ListGroups", PathPrefix="/odd/")["Groups"]) == ["b"]


@pytest.mark.usefixtures("readers")
def test_users_come_into_a_group_once_and_leave_it(iam) -> None:
    iam("AddUserToGroup", UserName="bob", GroupName="Readers")
    first = iam("GetGroup", GroupName="Readers", MaxItems=1)
    rest = iam("GetGroup", GroupName="Readers", MaxItems=1, Marker=first["Marker"])
    assert [user["UserName"] for user in first["Users"] + rest["Users"]] == ["Bob", "Eve"]
    assert names(iam("ListGroupsForUser", UserName="Bob")["Groups"]) == ["Readers"]
    iam("RemoveUserFromGroup", UserName="Bob", GroupName="Readers")
    assert iam("ListGroupsForUser", UserName="Bob")["Groups"] == []
    assert [user["UserName"] for user in iam("GetGroup", GroupName="Readers")["Users"]] == ["Eve"]


@pytest.mark.usefixtures("readers")
def test_a_renamed_group_keeps_its_users_policies_and_id(iam) -> None:
    iam("AttachGroupPolicy", GroupName="Readers", PolicyArn=READ_ONLY)
    before = iam("GetGroup", GroupName="Readers")["Group"]
    iam("UpdateGroup", GroupName="Readers", NewGroupName="Writers", NewPath="/x/")
    after = iam("GetGroup", GroupName="Writers")
    assert [user["UserName"] for user in after["Users"]] == ["Bob", "Eve"]
    assert after["Group"]["Path"] == "/x/"
    assert (after["Group"]["GroupId"], after["Group"]["CreateDate"]) == (before["GroupId"], before["CreateDate"])
    assert names(iam("ListGroupsForUser", UserName="Bob")["Groups"]) == ["Writers"]
    assert len(iam("ListAttachedGroupPolicies", GroupName="Writers")["AttachedPolicies"]) == 1
    with pytest.raises(ServiceError, match=r"^The group with name Readers cannot be found\.$"):
        iam("GetGroup", GroupName="Readers")


def test_a_group_may_change_its_case_but_not_take_anothers_name(iam) -> None:
    iam("CreateGroup", GroupName="readers")
    iam("CreateGroup", GroupName="writers")
    iam("UpdateGroup", GroupName="readers", NewGroupName="Readers")
    assert names(iam("ListGroups")["Groups"]) == ["Readers", "writers"]
    with pytest.raises(ServiceError, match=r"^Group with name Writers already exists\.$") as refused:
        iam("UpdateGroup", GroupName="Readers", NewGroupName="Writers")
    assert refused.value.code == "EntityAlreadyExists"


@pytest.mark.usefixtures("readers")
def test_a_group_that_something_hangs_on_is_not_deleted(iam) -> None:
    with pytest.raises(ServiceError, match=r"^Cannot delete entity, must remove users from group first\.$") as refused:
        iam("DeleteGroup", GroupName="Readers")
    assert (refused.value.code, refused.value.status) == ("DeleteConflict", 409)
    for name in ("Bob", "Eve"):
        iam("RemoveUserFromGroup", UserName=name, GroupName="Readers")
    iam("AttachGroupPolicy", GroupName="Readers", PolicyArn=READ_ONLY)
    with pytest.raises(ServiceError, match="must detach all policies first"):
        iam("DeleteGroup", GroupName="Readers")
    iam("DetachGroupPolicy", GroupName="Readers", PolicyArn=READ_ONLY)
    iam("DeleteGroup", GroupName="Readers")
    assert iam("ListGroups")["Groups"] == []


def test_a_user_is_in_ten_groups_at_most(iam) -> None:
    iam("CreateUser", UserName="bob")
    for number in range(GROUPS_PER_USER_MAX + 1):
        iam("CreateGroup", GroupName=f"g{number:02}")
    for number in range(GROUPS_PER_USER_MAX):
        iam("AddUserToGroup", UserName="bob", GroupName=f"g{number:02}")
    with pytest.raises(ServiceError, match=r"^Cannot exceed quota for GroupsPerUser: 10$") as refused:
        iam("AddUserToGroup", UserName="bob", GroupName="g10")
    assert refused.value.code == "LimitExceeded"
    page = iam("ListGroupsForUser", UserName="bob", MaxItems=4)
    assert names(page["Groups"]) == ["g00", "g01", "g02", "g03"]
    assert names(iam("ListGroupsForUser", UserName="bob", Marker=page["Marker"])["Groups"])[0] == "g04"


@pytest.mark.parametrize("name", ["AddUserToGroup", "RemoveUserFromGroup"])
def test_who_comes_and_where_to_must_be_there(iam, name) -> None:
    iam("CreateUser", UserName="bob")
    iam("CreateGroup", GroupName="g")
    for user, group, missing in (("eve", "g", "user with name eve"), ("bob", "h", "group with name h")):
        with pytest.raises(ServiceError, match=rf"^The {missing} cannot be found\.$") as refused:
            iam(name, UserName=user, GroupName=group)
        assert refused.value.code == "NoSuchEntity"
