"""Attachments: which managed policies hold for a user, a group or a role."""

from __future__ import annotations

from clary.services.iam import faults
from clary.services.iam.entities import edit, find, holders, paged
from clary.services.iam.kinds import GROUP, ROLE, USER
from clary.services.iam.managed_policies import require_policy
from clary.services.operation import Call, Operations, Params, Result, operation
from clary.store.records import Kind, Record

ATTACHED_MAX = 20
"""How many managed policies an identity may have; AWS gives 10, and 20 on request."""

USAGES = {"PermissionsPolicy": "attached", "PermissionsBoundary": "boundary"}
"""What an identity is found by, by the use it makes of a policy."""


class Attachments(Operations):
    """AttachRolePolicy and its siblings."""

    @operation("AttachUserPolicy")
    def attach_user(self, call: Call, request: Params) -> Result:
        """Let a policy hold for a user."""
        return _attach(call, USER, request["UserName"], request["PolicyArn"])

    @operation("DetachUserPolicy")
    def detach_user(self, call: Call, request: Params) -> Result:
        """Let a policy hold for a user no more."""
        return _detach(call, USER, request["UserName"], request["PolicyArn"])

    @operation("ListAttachedUserPolicies")
    def list_user(self, call: Call, request: Params) -> Result:
        """List the managed policies of a user."""
        return _list(call, USER, request["UserName"], request)

    @operation("AttachGroupPolicy")
    def attach_group(self, call: Call, request: Params) -> Result:
        """Let a policy hold for a group."""
        return _attach(call, GROUP, request["GroupName"], request["PolicyArn"])

    @operation("DetachGroupPolicy")
    def detach_group(self, call: Call, request: Params) -> Result:
        """Let a policy hold for a group no more."""
        return _detach(call, GROUP, request["GroupName"], request["PolicyArn"])

    @operation("ListAttachedGroupPolicies")
    def list_group(self, call: Call, request: Params) -> Result:
        """List the managed policies of a group."""
        return _list(call, GROUP, request["GroupName"], request)

    @operation("AttachRolePolicy")
    def attach_role(self, call: Call, request: Params) -> Result:
        """Let a policy hold for a role."""
        return _attach(call, ROLE, request["RoleName"], request["PolicyArn"])

    @operation("DetachRolePolicy")
    def detach_role(self, call: Call, request: Params) -> Result:
        """Let a policy hold for a role no more."""
        return _detach(call, ROLE, request["RoleName"], request["PolicyArn"])

    @operation("ListAttachedRolePolicies")
    def list_role(self, call: Call, request: Params) -> Result:
        """List the managed policies of a role."""
        return _list(call, ROLE, request["RoleName"], request)

    @operation("ListEntitiesForPolicy")
    def list_entities(self, call: Call, request: Params) -> Result:
        """List the users, groups and roles that a policy is attached to or bounds."""
        policy = request["PolicyArn"]
        require_policy(call.store.records, policy)
        usage = request.get("PolicyUsageFilter")
        marks = [USAGES[usage]] if usage else USAGES.values()
        held = {each.uid: each for mark in marks for each in holders(call.store.records, f"{mark}:{policy}")}
        wanted = [each for each in held.values() if _wanted(each, request)]
        page = paged("Entities", wanted, request, lambda record: record, lambda record: f"{record.kind}/{record.name}")
        entities = page.pop("Entities")
        return {
            "PolicyUsers": _entities(entities, USER, "User"),
            "PolicyGroups": _entities(entities, GROUP, "Group"),
            "PolicyRoles": _entities(entities, ROLE, "Role"),
            **page,
        }


def _attach(call: Call, kind: Kind, name: str, policy: str) -> Result:
    require_policy(call.store.records, policy)

    def attach(record: Record) -> dict[str, object]:
        attached = [*(each for each in record.spec["Attached"] if each != policy), policy]
        if len(attached) > ATTACHED_MAX:
            raise faults.limit_exceeded(f"Cannot exceed quota for PoliciesPer{kind.noun.capitalize()}: {ATTACHED_MAX}")
        return {**record.spec, "Attached": attached}

    edit(call, kind, name, attach)
    return None


def _detach(call: Call, kind: Kind, name: str, policy: str) -> Result:
    def detach(record: Record) -> dict[str, object]:
        if policy not in record.spec["Attached"]:
            raise faults.policy_not_found(policy)
        return {**record.spec, "Attached": [each for each in record.spec["Attached"] if each != policy]}

    edit(call, kind, name, detach)
    return None


def _list(call: Call, kind: Kind, name: str, request: Params) -> Result:
    prefix = request.get("PathPrefix", "/")
    attached = find(call.store.records, kind, name).spec["Attached"]
    below = [policy for policy in attached if policy.partition(":policy")[2].startswith(prefix)]
    return paged("AttachedPolicies", below, request, _view, str)


def _view(policy: str) -> dict[str, str]:
    return {"PolicyName": policy.rpartition("/")[2], "PolicyArn": policy}


def _wanted(record: Record, request: Params) -> bool:
    kinds = {"User": USER, "Group": GROUP, "Role": ROLE}
    kind = kinds.get(request.get("EntityFilter", ""))
    below = record.spec["Path"].startswith(request.get("PathPrefix", "/"))
    return below and (kind is None or record.kind == str(kind))


def _entities(records: list[Record], kind: Kind, noun: str) -> list[dict[str, str]]:
    return [
        {f"{noun}Name": record.spec[f"{noun}Name"], f"{noun}Id": record.status["Id"]}
        for record in records
        if record.kind == str(kind)
    ]
