"""Inline policies: documents that live and die with a user, a group or a role."""

from __future__ import annotations

from clary.services.iam import faults
from clary.services.iam.entities import document, edit, encoded, find, paged, size_of
from clary.services.iam.kinds import GROUP, ROLE, USER
from clary.services.operation import Call, Operations, Params, Result, operation
from clary.store.records import Kind, Record

SIZES_MAX = {USER: 2_048, GROUP: 5_120, ROLE: 10_240}
"""How many characters, white space apart, an identity's inline policies may have together."""


class InlinePolicies(Operations):
    """PutUserPolicy and its siblings."""

    @operation("PutUserPolicy")
    def put_user(self, call: Call, request: Params) -> Result:
        """Write a policy of a user."""
        return _put(call, USER, request["UserName"], request)

    @operation("GetUserPolicy")
    def get_user(self, call: Call, request: Params) -> Result:
        """Tell of a policy of a user."""
        return _get(call, USER, "UserName", request)

    @operation("DeleteUserPolicy")
    def delete_user(self, call: Call, request: Params) -> Result:
        """Remove a policy of a user."""
        return _delete(call, USER, request["UserName"], request["PolicyName"])

    @operation("ListUserPolicies")
    def list_user(self, call: Call, request: Params) -> Result:
        """List the names of a user's policies."""
        return _list(call, USER, request["UserName"], request)

    @operation("PutGroupPolicy")
    def put_group(self, call: Call, request: Params) -> Result:
        """Write a policy of a group."""
        return _put(call, GROUP, request["GroupName"], request)

    @operation("GetGroupPolicy")
    def get_group(self, call: Call, request: Params) -> Result:
        """Tell of a policy of a group."""
        return _get(call, GROUP, "GroupName", request)

    @operation("DeleteGroupPolicy")
    def delete_group(self, call: Call, request: Params) -> Result:
        """Remove a policy of a group."""
        return _delete(call, GROUP, request["GroupName"], request["PolicyName"])

    @operation("ListGroupPolicies")
    def list_group(self, call: Call, request: Params) -> Result:
        """List the names of a group's policies."""
        return _list(call, GROUP, request["GroupName"], request)

    @operation("PutRolePolicy")
    def put_role(self, call: Call, request: Params) -> Result:
        """Write a policy of a role."""
        return _put(call, ROLE, request["RoleName"], request)

    @operation("GetRolePolicy")
    def get_role(self, call: Call, request: Params) -> Result:
        """Tell of a policy of a role."""
        return _get(call, ROLE, "RoleName", request)

    @operation("DeleteRolePolicy")
    def delete_role(self, call: Call, request: Params) -> Result:
        """Remove a policy of a role."""
        return _delete(call, ROLE, request["RoleName"], request["PolicyName"])

    @operation("ListRolePolicies")
    def list_role(self, call: Call, request: Params) -> Result:
        """List the names of a role's policies."""
        return _list(call, ROLE, request["RoleName"], request)


def _put(call: Call, kind: Kind, name: str, request: Params) -> Result:
    text = document(request["PolicyDocument"])

    def put(record: Record) -> dict[str, object]:
        inline = {**record.spec["Inline"], request["PolicyName"]: text}
        if sum(map(size_of, inline.values())) > SIZES_MAX[kind]:
            raise faults.limit_exceeded(
                f"Maximum policy size of {SIZES_MAX[kind]} bytes exceeded for {kind.noun} {name}"
            )
        return {**record.spec, "Inline": inline}

    edit(call, kind, name, put)
    return None


def _get(call: Call, kind: Kind, member: str, request: Params) -> Result:
    record = find(call.store.records, kind, request[member])
    text = record.spec["Inline"].get(request["PolicyName"])
    if text is None:
        raise _missing(kind, request["PolicyName"])
    return {member: record.spec[member], "PolicyName": request["PolicyName"], "PolicyDocument": encoded(text)}


def _delete(call: Call, kind: Kind, name: str, policy: str) -> Result:
    def drop(record: Record) -> dict[str, object]:
        if policy not in record.spec["Inline"]:
            raise _missing(kind, policy)
        inline = {each: text for each, text in record.spec["Inline"].items() if each != policy}
        return {**record.spec, "Inline": inline}

    edit(call, kind, name, drop)
    return None


def _list(call: Call, kind: Kind, name: str, request: Params) -> Result:
    return paged("PolicyNames", find(call.store.records, kind, name).spec["Inline"], request, str, str)


def _missing(kind: Kind, policy: str) -> Exception:
    return faults.no_such_entity(f"The {kind.noun} policy with name {policy} cannot be found.")
