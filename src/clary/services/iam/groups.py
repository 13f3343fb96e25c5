"""Groups of users, and who is in them."""

from __future__ import annotations

from typing import Any

from clary.services.iam import faults
from clary.services.iam.entities import below, created, everyone, find, paged, rename, unique, write
from clary.services.iam.identities import create_group
from clary.services.iam.kinds import GROUP, USER, key_of, record_arn
from clary.services.iam.users import user_summary
from clary.services.operation import Call, Operations, Params, Result, operation
from clary.store.records import Record, Records

GROUPS_PER_USER_MAX = 10


class Groups(Operations):
    """CreateGroup and its siblings. A user's record says which groups it is in."""

    @operation("CreateGroup")
    def create(self, call: Call, request: Params) -> Result:
        """Add a group."""
        with unique("Group", request["GroupName"]):
            record = create_group(call.store.records, request["GroupName"], path=request.get("Path", "/"))
        return {"Group": group_view(record)}

    @operation("GetGroup")
    def get(self, call: Call, request: Params) -> Result:
        """Tell of a group and its users."""
        group = find(call.store.records, GROUP, request["GroupName"])
        page = paged("Users", _members(call.store.records, group), request, user_summary, lambda user: user.name)
        return {"Group": group_view(group), **page}

    @operation("ListGroups")
    def list_page(self, call: Call, request: Params) -> Result:
        """List groups below a path."""
        groups = below(everyone(call.store.records, GROUP), request)
        return paged("Groups", groups, request, group_view, lambda group: group.name)

    @operation("UpdateGroup")
    def update(self, call: Call, request: Params) -> Result:
        """Give a group another name or path; its users stay in it."""
        with call.store.records.together() as records:
            group = find(records, GROUP, request["GroupName"])
            name = request.get("NewGroupName", group.spec["GroupName"])
            spec = {**group.spec, "GroupName": name, "Path": request.get("NewPath", group.spec["Path"])}
            if key_of(name) == group.name:
                write(records, group, spec)
                return None
            members = _members(records, group)
            with unique("Group", name):
                rename(records, GROUP, group, key_of(name), spec)
            for user in members:
                groups = [key_of(name) if each == group.name else each for each in user.spec["Groups"]]
                write(records, user, {**user.spec, "Groups": groups})
        return None

    @operation("DeleteGroup")
    def delete(self, call: Call, request: Params) -> Result:
        """Remove a group without users and policies."""
        with call.store.records.together() as records:
            group = find(records, GROUP, request["GroupName"])
            for what, holds in (
                ("remove users from group", _members(records, group)),
                ("detach all policies", group.spec["Attached"]),
                ("delete policies", group.spec["Inline"]),
            ):
                if holds:
                    raise faults.delete_conflict(f"Cannot delete entity, must {what} first.")
            records.remove(group)
        return None

    @operation("AddUserToGroup")
    def add(self, call: Call, request: Params) -> Result:
        """Put a user into a group; no error if it is there already."""
        with call.store.records.together() as records:
            group, user = find(records, GROUP, request["GroupName"]), find(records, USER, request["UserName"])
            groups = user.spec["Groups"]
            if group.name in groups:
                return None
            if len(groups) >= GROUPS_PER_USER_MAX:
                raise faults.limit_exceeded(f"Cannot exceed quota for GroupsPerUser: {GROUPS_PER_USER_MAX}")
            write(records, user, {**user.spec, "Groups": [*groups, group.name]})
        return None

    @operation("RemoveUserFromGroup")
    def remove(self, call: Call, request: Params) -> Result:
        """Take a user out of a group."""
        with call.store.records.together() as records:
            group, user = find(records, GROUP, request["GroupName"]), find(records, USER, request["UserName"])
            write(records, user, {**user.spec, "Groups": [each for each in user.spec["Groups"] if each != group.name]})
        return None

    @operation("ListGroupsForUser")
    def list_for_user(self, call: Call, request: Params) -> Result:
        """List the groups that a user is in."""
        records = call.store.records
        user = find(records, USER, request["UserName"])
        groups = [group for name in user.spec["Groups"] if (group := records.find(GROUP, name)) is not None]
        return paged("Groups", groups, request, group_view, lambda group: group.name)


def _members(records: Records, group: Record) -> list[Record]:
    return list(everyone(records, USER, {f"group:{group.name}": "1"}))


def group_view(group: Record) -> dict[str, Any]:
    """Return a group as results show it."""
    return {
        "GroupName": group.spec["GroupName"],
        "GroupId": group.status["Id"],
        "Arn": record_arn(group),
        "Path": group.spec["Path"],
        "CreateDate": created(group),
    }
