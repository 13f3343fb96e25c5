"""Managed policies: an account's own, with up to five versions, and AWS's, which nobody here may change."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from clary.core.ids import Arn, aws_id
from clary.services.iam import faults
from clary.services.iam.entities import (
    MANAGED_SIZE_MAX,
    document,
    edit,
    encoded,
    everyone,
    holders,
    paged,
    size_of,
    tag_list,
    tagged,
    tags_of,
    tags_page,
    untagged,
    write,
)  # fmt: skip
from clary.services.iam.kinds import AWS_POLICIES, POLICY, key_of, record_arn
from clary.services.iam.library import aws_managed
from clary.services.operation import Call, Operations, Params, Result, operation
from clary.store.records import Kind, NameTaken, Record, Records

VERSIONS_MAX = 5
VERSION_NUMBER_MAX = 10**10 - 1
Spec = Mapping[str, Any]


class ManagedPolicies(Operations):
    """CreatePolicy and its siblings."""

    @operation("CreatePolicy")
    def create(self, call: Call, request: Params) -> Result:
        """Add a policy."""
        name = request["PolicyName"]
        spec: Spec = {
            "PolicyName": name,
            "Path": request.get("Path", "/"),
            "Description": request.get("Description", ""),
            "Tags": tags_of(request),
            "Versions": [_version(1, _sized(request["PolicyDocument"]), call.now)],
            "Default": "v1",
            "Newest": 1,
        }
        tags = {f"tag:{key}": value for key, value in spec["Tags"].items()}
        try:
            record = call.store.records.create(
                POLICY, key_of(name), spec, status={"Id": aws_id("ANPA")}, attributes=tags
            )
        except NameTaken:
            text = f"A policy called {name} already exists. Duplicate names are not allowed."
            raise faults.already_exists(text) from None
        return {"Policy": policy_view(call.store.records, record)}

    @operation("GetPolicy")
    def get(self, call: Call, request: Params) -> Result:
        """Tell of a policy."""
        records, policy_arn = call.store.records, request["PolicyArn"]
        if policy_arn in aws_managed():
            return {"Policy": aws_view(records, policy_arn)}
        return {"Policy": policy_view(records, _find(records, policy_arn))}

    @operation("ListPolicies")
    def list_page(self, call: Call, request: Params) -> Result:
        """List policies: own ones, AWS's, or both."""
        scope, prefix = request.get("Scope", "All"), request.get("PathPrefix", "/")
        views = [view for view in _views(call.store.records, scope) if view["Path"].startswith(prefix)]
        for count in _wanted_counts(request):
            views = [view for view in views if view[count]]
        return paged("Policies", views, request, dict, lambda view: view["Arn"])

    @operation("DeletePolicy")
    def delete(self, call: Call, request: Params) -> Result:
        """Remove a policy that is attached to nothing and has one version."""
        with call.store.records.together() as records:
            policy = _own(records, request["PolicyArn"])
            held = [next(holders(records, f"{mark}:{request['PolicyArn']}"), None) for mark in ("attached", "boundary")]
            if any(held):
                raise faults.delete_conflict("Cannot delete a policy attached to entities.")
            if len(policy.spec["Versions"]) > 1:
                raise faults.delete_conflict(
                    "This policy has more than one version. Before you delete a policy, you must delete the policy's "
                    "versions. The default version is deleted with the policy."
                )
            records.remove(policy)
        return None

    @operation("CreatePolicyVersion")
    def create_version(self, call: Call, request: Params) -> Result:
        """Add a version, and make it the one that counts if asked."""
        text = _sized(request["PolicyDocument"])

        def add(policy: Record) -> Spec:
            if len(policy.spec["Versions"]) >= VERSIONS_MAX:
                raise faults.limit_exceeded(
                    f"A managed policy can have up to {VERSIONS_MAX} versions. Before you create a new version, you "
                    "must delete an existing version."
                )
            version = _version(policy.spec["Newest"] + 1, text, call.now)
            default = version["VersionId"] if request.get("SetAsDefault") else policy.spec["Default"]
            versions = [*policy.spec["Versions"], version]
            return {**policy.spec, "Versions": versions, "Default": default, "Newest": policy.spec["Newest"] + 1}

        policy = _edit(call, request, add)
        return {"PolicyVersion": _version_view(policy, policy.spec["Versions"][-1], whole=False)}

    @operation("GetPolicyVersion")
    def get_version(self, call: Call, request: Params) -> Result:
        """Tell of a version, its document included."""
        policy_arn, version_id = request["PolicyArn"], request["VersionId"]
        aws = aws_managed().get(policy_arn)
        if aws is not None and version_id == aws["DefaultVersionId"]:
            return {"PolicyVersion": aws_version(request["PolicyArn"])}
        if aws is not None:
            raise _no_version(policy_arn, version_id)
        policy = _find(call.store.records, policy_arn)
        return {"PolicyVersion": _version_view(policy, _version_of(policy, version_id), whole=True)}

    @operation("ListPolicyVersions")
    def list_versions(self, call: Call, request: Params) -> Result:
        """List the versions of a policy, newest first."""
        if request["PolicyArn"] in aws_managed():
            version = aws_version(request["PolicyArn"])
            return {"Versions": [{k: v for k, v in version.items() if k != "Document"}], "IsTruncated": False}
        policy = _find(call.store.records, request["PolicyArn"])
        views = [_version_view(policy, each, whole=False) for each in policy.spec["Versions"]]
        return paged("Versions", views, request, dict, _newest_first)

    @operation("DeletePolicyVersion")
    def delete_version(self, call: Call, request: Params) -> Result:
        """Remove a version that is not the default."""

        def drop(policy: Record) -> Spec:
            version = _version_of(policy, request["VersionId"])
            if version["VersionId"] == policy.spec["Default"]:
                raise faults.delete_conflict("Cannot delete the default version of a policy.")
            return {**policy.spec, "Versions": [each for each in policy.spec["Versions"] if each != version]}

        _edit(call, request, drop)
        return None

    @operation("SetDefaultPolicyVersion")
    def set_default(self, call: Call, request: Params) -> Result:
        """Make another version the one that counts."""
        _edit(
            call,
            request,
            lambda policy: {**policy.spec, "Default": _version_of(policy, request["VersionId"])["VersionId"]},
        )
        return None

    @operation("TagPolicy")
    def tag(self, call: Call, request: Params) -> Result:
        """Add tags to a policy."""
        _edit(call, request, lambda policy: tagged(policy, request))
        return None

    @operation("UntagPolicy")
    def untag(self, call: Call, request: Params) -> Result:
        """Take tags off a policy."""
        _edit(call, request, lambda policy: untagged(policy, request))
        return None

    @operation("ListPolicyTags")
    def list_tags(self, call: Call, request: Params) -> Result:
        """List the tags of a policy."""
        return tags_page(_find(call.store.records, request["PolicyArn"]), request)


def bound(call: Call, kind: Kind, name: str, policy_arn: str) -> None:
    """Let a managed policy bound what a user or role may do at most; none, if no policy is named, does."""
    if policy_arn:
        require_policy(call.store.records, policy_arn)
    edit(call, kind, name, lambda record: {**record.spec, "Boundary": policy_arn})


def require_policy(records: Records, policy_arn: str) -> None:
    """Raise NoSuchEntity unless there is such a managed policy."""
    if policy_arn in aws_managed():
        return
    parts = Arn.parse(policy_arn)
    if parts is None or parts.service != "iam" or not parts.resource.startswith("policy/"):
        raise faults.invalid_input(f"ARN {policy_arn} is not valid.")
    policy = records.find(POLICY, key_of(policy_arn.rpartition("/")[2]))
    if policy is None or record_arn(policy) != policy_arn:
        raise faults.no_such_entity(f"Policy {policy_arn} does not exist or is not attachable.")


def policy_view(records: Records, policy: Record) -> dict[str, Any]:
    """Return an account's own policy as GetPolicy shows it."""
    return {
        "PolicyName": policy.spec["PolicyName"],
        "PolicyId": policy.status["Id"],
        "Arn": record_arn(policy),
        "Path": policy.spec["Path"],
        "DefaultVersionId": policy.spec["Default"],
        **_counts(records, record_arn(policy)),
        "IsAttachable": True,
        "CreateDate": policy.created,
        "UpdateDate": policy.modified,
        **({"Description": policy.spec["Description"]} if policy.spec["Description"] else {}),
        **({"Tags": tag_list(policy.spec["Tags"])} if policy.spec["Tags"] else {}),
    }


def aws_view(records: Records, policy_arn: str) -> dict[str, Any]:
    """Return one of AWS's policies as GetPolicy shows it."""
    told = aws_managed()[policy_arn]
    return {
        "PolicyName": told["PolicyName"],
        "PolicyId": "ANPA" + told["PolicyName"].upper().ljust(17, "A")[:17],
        "Arn": policy_arn,
        "Path": told["Path"],
        "DefaultVersionId": told["DefaultVersionId"],
        **_counts(records, policy_arn),
        "IsAttachable": True,
        "CreateDate": _epoch(told["CreateDate"]),
        "UpdateDate": _epoch(told["UpdateDate"]),
    }


def version_views(policy: Record) -> list[dict[str, Any]]:
    """Return all versions of a policy with their documents."""
    return [_version_view(policy, each, whole=True) for each in reversed(policy.spec["Versions"])]


def aws_version(policy_arn: str) -> dict[str, Any]:
    """Return the one version of an AWS policy that is known here."""
    told = aws_managed()[policy_arn]
    return {
        "VersionId": told["DefaultVersionId"],
        "IsDefaultVersion": True,
        "CreateDate": _epoch(told["UpdateDate"]),
        "Document": encoded(told["Document"]),
    }


def _views(records: Records, scope: str) -> Iterator[dict[str, Any]]:
    if scope in ("All", "Local"):
        for policy in everyone(records, POLICY):
            yield {name: value for name, value in policy_view(records, policy).items() if name != "Tags"}
    if scope in ("All", "AWS"):
        for policy_arn in aws_managed():
            yield aws_view(records, policy_arn)


def _wanted_counts(request: Params) -> Iterator[str]:
    """Give the counts that must not be nought in what is listed."""
    usage = request.get("PolicyUsageFilter")
    if request.get("OnlyAttached") or usage == "PermissionsPolicy":
        yield "AttachmentCount"
    if usage == "PermissionsBoundary":
        yield "PermissionsBoundaryUsageCount"


def _counts(records: Records, policy_arn: str) -> dict[str, int]:
    return {
        "AttachmentCount": sum(1 for _ in holders(records, f"attached:{policy_arn}")),
        "PermissionsBoundaryUsageCount": sum(1 for _ in holders(records, f"boundary:{policy_arn}")),
    }


def _find(records: Records, policy_arn: str) -> Record:
    policy = records.find(POLICY, key_of(policy_arn.rpartition("/")[2]))
    if policy is None or record_arn(policy) != policy_arn:
        raise faults.policy_not_found(policy_arn)
    return policy


def _own(records: Records, policy_arn: str) -> Record:
    if policy_arn.startswith(AWS_POLICIES):
        raise faults.unmodifiable(f"Policy {policy_arn} is managed by AWS and cannot be changed.")
    return _find(records, policy_arn)


def _edit(call: Call, request: Params, change: Callable[[Record], Spec]) -> Record:
    with call.store.records.together() as records:
        policy = _own(records, request["PolicyArn"])
        return write(records, policy, change(policy))


def _sized(text: str) -> str:
    if size_of(text) > MANAGED_SIZE_MAX:
        raise faults.limit_exceeded(f"Cannot exceed quota for PolicySize: {MANAGED_SIZE_MAX}")
    return document(text)


def _version(number: int, text: str, now: float) -> dict[str, Any]:
    return {"VersionId": f"v{number}", "Document": text, "CreateDate": now}


def _version_of(policy: Record, version_id: str) -> dict[str, Any]:
    for version in policy.spec["Versions"]:
        if version["VersionId"] == version_id:
            return dict(version)
    raise _no_version(record_arn(policy), version_id)


def _newest_first(version: Mapping[str, Any]) -> str:
    """Return a name by which versions are in the order of their numbers, the highest first."""
    return f"{VERSION_NUMBER_MAX - int(version['VersionId'][1:]):010}"


def _no_version(policy_arn: str, version_id: str) -> Exception:
    return faults.no_such_entity(f"Policy {policy_arn} version {version_id} does not exist or is not attachable.")


def _version_view(policy: Record, version: Mapping[str, Any], *, whole: bool) -> dict[str, Any]:
    return {
        "VersionId": version["VersionId"],
        "IsDefaultVersion": version["VersionId"] == policy.spec["Default"],
        "CreateDate": version["CreateDate"],
        **({"Document": encoded(version["Document"])} if whole else {}),
    }


def _epoch(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
