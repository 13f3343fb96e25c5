"""Roles of an account, and who may assume them."""

from __future__ import annotations

import json
from typing import Any

from clary.core.ids import uid
from clary.services.iam import faults
from clary.services.iam.entities import (
    below,
    boundary_view,
    edit,
    encoded,
    everyone,
    find,
    paged,
    tag_list,
    tagged,
    tags_of,
    tags_page,
    trust_document,
    unique,
    untagged,
)  # fmt: skip
from clary.services.iam.identities import MAX_SESSION_S, create_role
from clary.services.iam.kinds import AWS_POLICIES, ROLE, record_arn
from clary.services.iam.library import aws_managed
from clary.services.iam.managed_policies import bound, require_policy
from clary.services.operation import Call, Operations, Params, Result, operation
from clary.store.records import Record

SERVICE_PATH = "/aws-service-role/"
SERVICE_SUFFIX = ".amazonaws.com"


class Roles(Operations):
    """CreateRole and its siblings."""

    @operation("CreateRole")
    def create(self, call: Call, request: Params) -> Result:
        """Add a role."""
        name, boundary, path = request["RoleName"], request.get("PermissionsBoundary", ""), request.get("Path", "/")
        trust = trust_document(request["AssumeRolePolicyDocument"])
        if path.startswith(SERVICE_PATH):
            raise faults.validation_error(f"The path {SERVICE_PATH} is for service-linked roles.")
        if boundary:
            require_policy(call.store.records, boundary)
        with unique("Role", name):
            record = create_role(
                call.store.records, name, trust, path=path, Tags=tags_of(request), Boundary=boundary,
                Description=request.get("Description", ""),
                MaxSessionDuration=request.get("MaxSessionDuration", MAX_SESSION_S),
            )  # fmt: skip
        return {"Role": role_view(record)}

    @operation("GetRole")
    def get(self, call: Call, request: Params) -> Result:
        """Tell of a role."""
        return {"Role": role_view(find(call.store.records, ROLE, request["RoleName"]))}

    @operation("ListRoles")
    def list_page(self, call: Call, request: Params) -> Result:
        """List roles below a path."""
        roles = below(everyone(call.store.records, ROLE), request)
        return paged("Roles", roles, request, role_summary, lambda role: role.name)

    @operation("UpdateRole")
    def update(self, call: Call, request: Params) -> Result:
        """Change a role's description and longest session."""
        named = {name: request[name] for name in ("Description", "MaxSessionDuration") if name in request}
        edit(call, ROLE, request["RoleName"], lambda role: {**role.spec, **named})
        return {}

    @operation("UpdateRoleDescription")
    def update_description(self, call: Call, request: Params) -> Result:
        """Change a role's description."""
        told = {"Description": request["Description"]}
        return {"Role": role_view(edit(call, ROLE, request["RoleName"], lambda role: {**role.spec, **told}))}

    @operation("UpdateAssumeRolePolicy")
    def update_trust(self, call: Call, request: Params) -> Result:
        """Change who may assume a role."""
        trust = trust_document(request["PolicyDocument"])
        edit(call, ROLE, request["RoleName"], lambda role: {**role.spec, "Trust": trust})
        return None

    @operation("DeleteRole")
    def delete(self, call: Call, request: Params) -> Result:
        """Remove a role without policies; its sessions end."""
        with call.store.records.together() as records:
            role = find(records, ROLE, request["RoleName"])
            if role.spec["Path"].startswith(SERVICE_PATH):
                raise faults.unmodifiable(
                    f"Cannot perform the operation on the protected role '{role.spec['RoleName']}' - "
                    "this role is only modifiable by AWS"
                )
            for what, holds in (
                ("detach all policies", role.spec["Attached"]),
                ("delete policies", role.spec["Inline"]),
            ):
                if holds:
                    raise faults.delete_conflict(f"Cannot delete entity, must {what} first.")
            records.remove(role)
        return None

    @operation("TagRole")
    def tag(self, call: Call, request: Params) -> Result:
        """Add tags to a role."""
        edit(call, ROLE, request["RoleName"], lambda role: tagged(role, request))
        return None

    @operation("UntagRole")
    def untag(self, call: Call, request: Params) -> Result:
        """Take tags off a role."""
        edit(call, ROLE, request["RoleName"], lambda role: untagged(role, request))
        return None

    @operation("ListRoleTags")
    def list_tags(self, call: Call, request: Params) -> Result:
        """List the tags of a role."""
        return tags_page(find(call.store.records, ROLE, request["RoleName"]), request)

    @operation("PutRolePermissionsBoundary")
    def put_boundary(self, call: Call, request: Params) -> Result:
        """Bound what a role may do at most."""
        bound(call, ROLE, request["RoleName"], request["PermissionsBoundary"])
        return None

    @operation("DeleteRolePermissionsBoundary")
    def delete_boundary(self, call: Call, request: Params) -> Result:
        """Take the bound away."""
        bound(call, ROLE, request["RoleName"], "")
        return None

    @operation("CreateServiceLinkedRole")
    def create_service_linked(self, call: Call, request: Params) -> Result:
        """Add the role that a service acts with in this account."""
        service = request["AWSServiceName"]
        if not service.endswith(SERVICE_SUFFIX):
            raise faults.invalid_input(f"Invalid service name: {service}")
        noun = "".join(word.capitalize() for word in service.removesuffix(SERVICE_SUFFIX).split("-"))
        suffix = f"_{request['CustomSuffix']}" if request.get("CustomSuffix") else ""
        name = f"AWSServiceRoleFor{noun}{suffix}"
        policy = f"{AWS_POLICIES}aws-service-role/{noun}ServiceRolePolicy"
        with unique("Role", name):
            record = create_role(
                call.store.records, name, _service_trust(service), path=f"{SERVICE_PATH}{service}/",
                Description=request.get("Description", ""), Attached=[policy] if policy in aws_managed() else [],
            )  # fmt: skip
        return {"Role": role_view(record)}

    @operation("DeleteServiceLinkedRole")
    def delete_service_linked(self, call: Call, request: Params) -> Result:
        """Remove a service's role; done at once, so that its status is known by the task's name alone."""
        with call.store.records.together() as records:
            role = find(records, ROLE, request["RoleName"])
            if not role.spec["Path"].startswith(SERVICE_PATH):
                raise faults.invalid_input(f"{request['RoleName']} is not a service-linked role.")
            records.remove(role)
        return {"DeletionTaskId": f"task{role.spec['Path']}{role.spec['RoleName']}/{uid()}"}

    @operation("GetServiceLinkedRoleDeletionStatus")
    def deletion_status(self, call: Call, request: Params) -> Result:
        """Tell how the removal of a service's role goes: it is over before its task has a name."""
        role = call.store.records.find(ROLE, request["DeletionTaskId"].rsplit("/", 2)[-2].lower())
        return {"Status": "SUCCEEDED" if role is None else "NOT_STARTED"}


def _service_trust(service: str) -> str:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def role_summary(role: Record) -> dict[str, Any]:
    """Return a role as lists show it."""
    described = {"Description": role.spec["Description"]} if role.spec["Description"] else {}
    return {
        "RoleName": role.spec["RoleName"],
        "RoleId": role.status["Id"],
        "Arn": record_arn(role),
        "Path": role.spec["Path"],
        "CreateDate": role.created,
        "AssumeRolePolicyDocument": encoded(role.spec["Trust"]),
        "MaxSessionDuration": role.spec["MaxSessionDuration"],
        **described,
    }


def role_view(role: Record) -> dict[str, Any]:
    """Return a role as GetRole shows it."""
    tags = {"Tags": tag_list(role.spec["Tags"])} if role.spec["Tags"] else {}
    return {**role_summary(role), **boundary_view(role.spec), **tags}
