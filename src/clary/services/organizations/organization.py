"""The organization of a Clary: which account manages it, and where it hangs together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from clary.core.errors import ServiceError
from clary.core.ids import arn
from clary.services.iam.kinds import ACCOUNT, ORGANIZATION
from clary.services.operation import Call, Operations, Params, Result, operation
from clary.store.records import Record
from clary.store.store import Store


@dataclass(frozen=True, slots=True)
class Organization:
    """An organization and its managing account."""

    management: str
    id: str
    root_id: str
    email: str

    def arn(self, resource: str) -> str:
        """Return the ARN of something in the organization, such as `account/{organization}/1234…`."""
        return arn("organizations", "", self.management, resource)

    def account_arn(self, account: str) -> str:
        """Return the ARN of one of its accounts."""
        return self.arn(f"account/{self.id}/{account}")


def organization_of(call: Call, store: Store) -> Organization:
    """Return the organization that the caller's account is in, or raise AWSOrganizationsNotInUseException."""
    own = call.store.records.find(ACCOUNT, call.account)
    record = store.records(own.account, "").find(ORGANIZATION, "organization") if own else None
    if record is None:
        text = "Your account is not a member of an organization."
        raise ServiceError(text, code="AWSOrganizationsNotInUseException", status=400)
    return _view(store, record)


def require_management(call: Call, store: Store) -> Organization:
    """Return the organization if the caller's account manages it, or raise AccessDeniedException."""
    organization = organization_of(call, store)
    if organization.management != call.account:
        text = "You don't have permissions to access this resource."
        raise ServiceError(text, code="AccessDeniedException", status=400)
    return organization


def _view(store: Store, record: Record) -> Organization:
    account = store.records(record.account, "").find(ACCOUNT, record.account)
    assert account is not None, "the managing account is made with its organization"
    return Organization(record.account, record.spec["Id"], record.spec["RootId"], account.spec["Email"])


class Organizations(Operations):
    """DescribeOrganization and its siblings."""

    @operation("DescribeOrganization")
    def describe(self, call: Call, _: Params) -> Result:
        """Tell of the organization."""
        organization = organization_of(call, self.platform.store)
        return {
            "Organization": {
                "Id": organization.id,
                "Arn": organization.arn(f"organization/{organization.id}"),
                "FeatureSet": "ALL",
                "MasterAccountArn": organization.account_arn(organization.management),
                "MasterAccountId": organization.management,
                "MasterAccountEmail": organization.email,
                "AvailablePolicyTypes": [],
            }
        }

    @operation("CreateOrganization")
    def create(self, call: Call, _: Params) -> Result:
        """Refuse: every account of a Clary is in its one organization from the start."""
        organization_of(call, self.platform.store)
        text = "The AWS account is already a member of an organization."
        raise ServiceError(text, code="AlreadyInOrganizationException", status=400)

    @operation("ListRoots")
    def list_roots(self, call: Call, _: Params) -> Result:
        """List the one root that all accounts hang below."""
        organization = require_management(call, self.platform.store)
        return {"Roots": [_root(organization)]}


def _root(organization: Organization) -> dict[str, Any]:
    return {
        "Id": organization.root_id,
        "Arn": organization.arn(f"root/{organization.id}/{organization.root_id}"),
        "Name": "Root",
        "PolicyTypes": [],
    }
