"""The account as a whole: its alias, its counts, all its identities at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from clary.services.iam import faults
from clary.services.iam.access_keys import KEYS_PER_USER_MAX
from clary.services.iam.attachments import ATTACHED_MAX
from clary.services.iam.entities import boundary_view, encoded, everyone, paged, tag_list
from clary.services.iam.groups import GROUPS_PER_USER_MAX, group_view
from clary.services.iam.kinds import ACCESS_KEY, ALIAS, GROUP, POLICY, ROLE, USER
from clary.services.iam.library import aws_managed
from clary.services.iam.managed_policies import VERSIONS_MAX, aws_version, aws_view, policy_view, version_views
from clary.services.iam.roles import role_summary
from clary.services.iam.users import user_summary
from clary.services.operation import Call, Operations, Params, Result, operation
from clary.store.records import NameTaken, Record, Records

Entry = tuple[str, str, dict[str, Any]]
"""Member of the result, name to order by, view."""


class Accounts(Operations):
    """GetAccountSummary and its siblings."""

    @operation("CreateAccountAlias")
    def create_alias(self, call: Call, request: Params) -> Result:
        """Give the account a name of its own, in place of the one it had."""
        alias = request["AccountAlias"]
        with call.store.records.together() as records:
            taken = records.find(ALIAS, alias)
            if taken is not None and taken.account == call.account:
                return None
            for former in everyone(records, ALIAS):
                records.remove(former)
            try:
                records.create(ALIAS, alias, {})
            except NameTaken:
                raise faults.already_exists(f"The account alias {alias} already exists.") from None
        return None

    @operation("ListAccountAliases")
    def list_aliases(self, call: Call, request: Params) -> Result:
        """List the account's name, if it has one."""
        aliases = [alias.name for alias in everyone(call.store.records, ALIAS)]
        return paged("AccountAliases", aliases, request, str, str)

    @operation("DeleteAccountAlias")
    def delete_alias(self, call: Call, request: Params) -> Result:
        """Take the account's name away."""
        alias = call.store.records.find(ALIAS, request["AccountAlias"])
        if alias is None or alias.account != call.account:
            raise faults.no_such_entity(f"The account alias {request['AccountAlias']} cannot be found.")
        call.store.records.remove(alias)
        return None

    @operation("GetAccountSummary")
    def summary(self, call: Call, _: Params) -> Result:
        """Count what there is, beside how much there may be."""
        records = call.store.records
        counts = {
            name: sum(1 for _ in everyone(records, kind))
            for name, kind in (("Users", USER), ("Groups", GROUP), ("Roles", ROLE), ("Policies", POLICY))
        }
        root_keys = sum(1 for key in everyone(records, ACCESS_KEY) if not key.parent)
        quotas = {
            "AccessKeysPerUserQuota": KEYS_PER_USER_MAX,
            "GroupsPerUserQuota": GROUPS_PER_USER_MAX,
            "AttachedPoliciesPerUserQuota": ATTACHED_MAX,
            "AttachedPoliciesPerGroupQuota": ATTACHED_MAX,
            "AttachedPoliciesPerRoleQuota": ATTACHED_MAX,
            "VersionsPerPolicyQuota": VERSIONS_MAX,
        }
        return {"SummaryMap": {**counts, **quotas, "AccountAccessKeysPresent": root_keys, "AccountMFAEnabled": 0}}

    @operation("GetAccountAuthorizationDetails")
    def details(self, call: Call, request: Params) -> Result:
        """Tell of all users, groups, roles and policies, with their documents."""
        wanted = request.get("Filter") or ["User", "Group", "Role", "LocalManagedPolicy", "AWSManagedPolicy"]
        page = paged("Entries", _entries(call, wanted), request, lambda entry: entry, lambda entry: "/".join(entry[:2]))
        entries: list[Entry] = page.pop("Entries")
        lists = {member: [view for each, _, view in entries if each == member] for member in _LISTS}
        return {**lists, **page}


_NOT_IN_DETAILS = ("Description", "MaxSessionDuration")
_LISTS = ("UserDetailList", "GroupDetailList", "RoleDetailList", "Policies")


def _entries(call: Call, wanted: list[str]) -> Iterator[Entry]:
    for sort, entries in (
        ("User", _users),
        ("Group", _groups),
        ("Role", _roles),
        ("LocalManagedPolicy", _local_policies),
        ("AWSManagedPolicy", _aws_policies),
    ):
        if sort in wanted:
            yield from entries(call.store.records)


def _users(records: Records) -> Iterator[Entry]:
    names = {group.name: group.spec["GroupName"] for group in everyone(records, GROUP)}
    for user in everyone(records, USER):
        groups = [names[key] for key in user.spec["Groups"] if key in names]
        inline = {"UserPolicyList": _inline(user), "GroupList": groups}
        yield "UserDetailList", user.name, {**user_summary(user), **inline, **_details(user)}


def _groups(records: Records) -> Iterator[Entry]:
    for group in everyone(records, GROUP):
        attached = {"AttachedManagedPolicies": _attached(group)}
        yield "GroupDetailList", group.name, {**group_view(group), "GroupPolicyList": _inline(group), **attached}


def _roles(records: Records) -> Iterator[Entry]:
    for role in everyone(records, ROLE):
        inline = {"RolePolicyList": _inline(role), "InstanceProfileList": []}
        view = {**role_summary(role), **inline, **_details(role)}
        yield "RoleDetailList", role.name, {name: view[name] for name in view if name not in _NOT_IN_DETAILS}


def _local_policies(records: Records) -> Iterator[Entry]:
    for policy in everyone(records, POLICY):
        view = {**policy_view(records, policy), "PolicyVersionList": version_views(policy)}
        yield "Policies", f"local/{policy.name}", view


def _aws_policies(records: Records) -> Iterator[Entry]:
    for arn in aws_managed():
        view = aws_view(records, arn)
        if view["AttachmentCount"]:
            yield "Policies", arn, {**view, "PolicyVersionList": [aws_version(arn)]}


def _details(record: Record) -> dict[str, Any]:
    return {
        "AttachedManagedPolicies": _attached(record),
        "Tags": tag_list(record.spec["Tags"]),
        **boundary_view(record.spec),
    }


def _attached(record: Record) -> list[dict[str, str]]:
    return [{"PolicyName": arn.rpartition("/")[2], "PolicyArn": arn} for arn in record.spec["Attached"]]


def _inline(record: Record) -> list[dict[str, str]]:
    return [{"PolicyName": name, "PolicyDocument": encoded(text)} for name, text in record.spec["Inline"].items()]
