"""AWS Identity and Access Management: users, groups, roles, keys and policies of an account."""

from __future__ import annotations

from clary.services.iam.access_keys import AccessKeys
from clary.services.iam.accounts import Accounts
from clary.services.iam.attachments import Attachments
from clary.services.iam.groups import Groups
from clary.services.iam.inline_policies import InlinePolicies
from clary.services.iam.managed_policies import ManagedPolicies
from clary.services.iam.roles import Roles
from clary.services.iam.simulations import Simulations
from clary.services.iam.users import Users
from clary.services.operation import Operations, Platform


def operations(platform: Platform) -> tuple[Operations, ...]:
    """Return the operations of IAM."""
    nouns = (
        Users, Groups, Roles, AccessKeys, InlinePolicies, ManagedPolicies, Attachments, Accounts, Simulations,
    )  # fmt: skip
    return tuple(noun(platform) for noun in nouns)
