"""Users of an account."""

from __future__ import annotations

from typing import Any

from clary.services.iam import faults
from clary.services.iam.entities import (
    below,
    boundary_view,
    created,
    edit,
    everyone,
    find,
    paged,
    rename,
    tag_list,
    tagged,
    tags_of,
    tags_page,
    unique,
    untagged,
    write,
)  # fmt: skip
from clary.services.iam.identities import create_user, move_access_key
from clary.services.iam.kinds import ACCOUNT, USER, key_of, record_arn
from clary.services.iam.managed_policies import bound, require_policy
from clary.services.operation import Call, Operations, Params, Result, operation
from clary.store.records import Record


class Users(Operations):
    """CreateUser and its siblings."""

    @operation("CreateUser")
    def create(self, call: Call, request: Params) -> Result:
        """Add a user."""
        name, boundary = request["UserName"], request.get("PermissionsBoundary", "")
        if boundary:
            require_policy(call.store.records, boundary)
        with unique("User", name):
            record = create_user(
                call.store.records, name, path=request.get("Path", "/"), Tags=tags_of(request), Boundary=boundary
            )
        return {"User": user_view(record)}

    @operation("GetUser")
    def get(self, call: Call, request: Params) -> Result:
        """Tell of a user; of the caller if none is named."""
        name = request.get("UserName") or own_name(call)
        if not name:
            account = call.store.records.find(ACCOUNT, call.account)
            made = {} if account is None else {"CreateDate": account.created}
            return {"User": {"UserId": call.account, "Arn": call.principal.arn, "Path": "/", **made}}
        return {"User": user_view(find(call.store.records, USER, name))}

    @operation("ListUsers")
    def list_page(self, call: Call, request: Params) -> Result:
        """List users below a path."""
        users = below(everyone(call.store.records, USER), request)
        return paged("Users", users, request, user_summary, lambda user: user.name)

    @operation("UpdateUser")
    def update(self, call: Call, request: Params) -> Result:
        """Give a user another name or path; keys, groups and policies stay."""
        name = request["UserName"]
        new_name = request.get("NewUserName", name)
        with call.store.records.together() as records:
            user = find(records, USER, name)
            path = request.get("NewPath", user.spec["Path"])
            if key_of(new_name) == user.name:
                write(records, user, {**user.spec, "UserName": new_name, "Path": path})
                return None
            spec = {**user.spec, "UserName": new_name, "Path": path}
            with unique("User", new_name):
                renamed = rename(records, USER, user, key_of(new_name), spec)
            for key in records.children(user.uid):
                move_access_key(records, key, renamed)
        return None

    @operation("DeleteUser")
    def delete(self, call: Call, request: Params) -> Result:
        """Remove a user that nothing hangs on any more."""
        with call.store.records.together() as records:
            user = find(records, USER, request["UserName"])
            for what, holds in (
                ("detach all policies", user.spec["Attached"]),
                ("delete policies", user.spec["Inline"]),
                ("delete access keys", records.children(user.uid)),
                ("remove user from all groups", user.spec["Groups"]),
            ):
                if holds:
                    raise faults.delete_conflict(f"Cannot delete entity, must {what} first.")
            records.remove(user)
        return None

    @operation("TagUser")
    def tag(self, call: Call, request: Params) -> Result:
        """Add tags to a user."""
        edit(call, USER, request["UserName"], lambda user: tagged(user, request))
        return None

    @operation("UntagUser")
    def untag(self, call: Call, request: Params) -> Result:
        """Take tags off a user."""
        edit(call, USER, request["UserName"], lambda user: untagged(user, request))
        return None

    @operation("ListUserTags")
    def list_tags(self, call: Call, request: Params) -> Result:
        """List the tags of a user."""
        return tags_page(find(call.store.records, USER, request["UserName"]), request)

    @operation("PutUserPermissionsBoundary")
    def put_boundary(self, call: Call, request: Params) -> Result:
        """Bound what a user may do at most."""
        bound(call, USER, request["UserName"], request["PermissionsBoundary"])
        return None

    @operation("DeleteUserPermissionsBoundary")
    def delete_boundary(self, call: Call, request: Params) -> Result:
        """Take the bound away."""
        bound(call, USER, request["UserName"], "")
        return None


def own_name(call: Call) -> str:
    """Return the name of the user who calls, '' for the account's root."""
    if call.principal.sort == "User":
        return call.principal.arn.rpartition("/")[2]
    if call.principal.sort != "Root":
        raise faults.validation_error("Must specify userName when calling with non-User credentials")
    return ""


def user_summary(user: Record) -> dict[str, Any]:
    """Return a user as lists show it."""
    return {
        "UserName": user.spec["UserName"],
        "UserId": user.status["Id"],
        "Arn": record_arn(user),
        "Path": user.spec["Path"],
        "CreateDate": created(user),
    }


def user_view(user: Record) -> dict[str, Any]:
    """Return a user as GetUser shows it."""
    tags = {"Tags": tag_list(user.spec["Tags"])} if user.spec["Tags"] else {}
    return {**user_summary(user), **boundary_view(user.spec), **tags}
