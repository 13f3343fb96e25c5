from __future__ import annotations

import pytest

from clary.core.errors import ServiceError


def test_get_returns_what_create_was_given(iam, aws) -> None:
    tags = [{"Key": "Team", "Value": "ml"}]
    made = iam("CreateUser", UserName="Bob", Path="/team/", Tags=tags)["User"]
    assert made["Arn"] == f"arn:aws:iam::{aws.account}:user/team/Bob"
    assert made["UserId"].startswith("AIDA")
    assert iam("GetUser", UserName="Bob")["User"] == made
    assert made["Tags"] == tags


def test_names_are_unique_whatever_their_case(iam) -> None:
    iam("CreateUser", UserName="Bob")
    with pytest.raises(ServiceError, match=r"^User with name bob already exists\.$") as refused:
        iam("CreateUser", UserName="bob")
    assert (refused.value.code, refused.value.status) == ("EntityAlreadyExists", 409)


def test_an_unknown_user_is_no_such_entity(iam) -> None:
    with pytest.raises(ServiceError, match=r"^The user with name bob cannot be found\.$") as refused:
        iam("GetUser", UserName="bob")
    assert (refused.value.code, refused.value.status) == ("NoSuchEntity", 404)


def test_pages_are_in_order_and_miss_nothing(iam) -> None:
    for name in "ebdca":
        iam("CreateUser", UserName=name, Path="/odd/" if name in "bd" else "/")
    first = iam("ListUsers", MaxItems=3)
    assert first["IsTruncated"]
    rest = iam("ListUsers", MaxItems=3, Marker=first["Marker"])
    assert [user["UserName"] for user in first["Users"] + rest["Users"]] == list("abcde")
    assert not rest["IsTruncated"]
    assert [user["UserName"] for user in iam("ListUsers", PathPrefix="/odd/")["Users"]] == ["b", "d"]


def test_a_renamed_user_keeps_id_keys_and_policies(iam) -> None:
    made = iam("CreateUser", UserName="bob")["User"]
    key = iam("CreateAccessKey", UserName="bob")["AccessKey"]
    iam("AttachUserPolicy", UserName="bob", PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess")
    iam("UpdateUser", UserName="bob", NewUserName="rob", NewPath="/x/")
    renamed = iam("GetUser", UserName="rob")["User"]
    assert (renamed["UserId"], renamed["CreateDate"], renamed["Path"]) == (made["UserId"], made["CreateDate"], "/x/")
    (kept,) = iam("ListAccessKeys", UserName="rob")["AccessKeyMetadata"]
    assert (kept["AccessKeyId"], kept["UserName"], kept["CreateDate"]) == (key["AccessKeyId"], "rob", key["CreateDate"])
    assert len(iam("ListAttachedUserPolicies", UserName="rob")["AttachedPolicies"]) == 1
    with pytest.raises(ServiceError, match="cannot be found"):
        iam("GetUser", UserName="bob")


def test_a_user_that_something_hangs_on_is_not_deleted(iam) -> None:
    iam("CreateUser", UserName="bob")
    iam("CreateGroup", GroupName="g")
    iam("AddUserToGroup", UserName="bob", GroupName="g")
    key = iam("CreateAccessKey", UserName="bob")["AccessKey"]["AccessKeyId"]
    with pytest.raises(ServiceError, match="must delete access keys first") as refused:
        iam("DeleteUser", UserName="bob")
    assert (refused.value.code, refused.value.status) == ("DeleteConflict", 409)
    iam("DeleteAccessKey", UserName="bob", AccessKeyId=key)
    with pytest.raises(ServiceError, match="must remove user from all groups first"):
        iam("DeleteUser", UserName="bob")
    iam("RemoveUserFromGroup", UserName="bob", GroupName="g")
    iam("DeleteUser", UserName="bob")
    assert iam("ListUsers")["Users"] == []


def test_tags_are_added_replaced_whatever_their_case_and_taken_away(iam) -> None:
    iam("CreateUser", UserName="bob", Tags=[{"Key": "Team", "Value": "a"}])
    iam("TagUser", UserName="bob", Tags=[{"Key": "team", "Value": "b"}, {"Key": "cost", "Value": "1"}])
    assert iam("ListUserTags", UserName="bob")["Tags"] == [
        {"Key": "cost", "Value": "1"},
        {"Key": "team", "Value": "b"},
    ]
    iam("UntagUser", UserName="bob", TagKeys=["TEAM"])
    assert iam("ListUserTags", UserName="bob")["Tags"] == [{"Key": "cost", "Value": "1"}]
    with pytest.raises(ServiceError, match="Duplicate tag keys"):
        iam("TagUser", UserName="bob", Tags=[{"Key": "A", "Value": ""}, {"Key": "a", "Value": ""}])


def test_a_boundary_is_told_and_must_be_a_policy(iam) -> None:
    iam("CreateUser", UserName="bob")
    arn = "arn:aws:iam::aws:policy/PowerUserAccess"
    iam("PutUserPermissionsBoundary", UserName="bob", PermissionsBoundary=arn)
    assert iam("GetUser", UserName="bob")["User"]["PermissionsBoundary"]["PermissionsBoundaryArn"] == arn
    iam("DeleteUserPermissionsBoundary", UserName="bob")
    assert "PermissionsBoundary" not in iam("GetUser", UserName="bob")["User"]
    with pytest.raises(ServiceError, match="does not exist or is not attachable"):
        iam("PutUserPermissionsBoundary", UserName="bob", PermissionsBoundary="arn:aws:iam::aws:policy/None")
