"""Records of identities: their kinds, and what is looked up by.

A user, group or role keeps its inline policies and the ARNs of attached ones in
its spec, so that one read tells what it may. Names are unique whatever their case.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from clary.core.ids import arn
from clary.store.records import Attributes, Kind, Record, Unique

USER = Kind("iam", "user", Unique.ACCOUNT)
GROUP = Kind("iam", "group", Unique.ACCOUNT)
ROLE = Kind("iam", "role", Unique.ACCOUNT)
POLICY = Kind("iam", "policy", Unique.ACCOUNT)
ACCESS_KEY = Kind("iam", "access-key", Unique.WORLD)
ALIAS = Kind("iam", "account-alias", Unique.WORLD)
ACCOUNT = Kind("organizations", "account", Unique.WORLD)
ORGANIZATION = Kind("organizations", "organization", Unique.ACCOUNT)

ACTIVE = "ACTIVE"
ACCESS_KEY_PURPOSE = "iam access key"
AWS_POLICIES = "arn:aws:iam::aws:policy/"
Spec = Mapping[str, Any]


def key_of(name: str) -> str:
    """Return the name that a record of an identity goes by."""
    return name.lower()


def identity_arn(account: str, noun: str, spec: Spec) -> str:
    """Return the ARN of a user, group, role or policy."""
    name = spec[f"{noun.capitalize()}Name"]
    return arn("iam", "", account, f"{noun}{spec['Path']}{name}")


def record_arn(record: Record) -> str:
    """Return the ARN of the identity that a record holds."""
    return identity_arn(record.account, record.kind.partition("/")[2], record.spec)


def attributes_of(spec: Spec) -> Attributes:
    """Return what an identity is found by: its tags, groups, attached policies and boundary."""
    found = {f"tag:{key}": value for key, value in spec.get("Tags", {}).items()}
    found |= _marks("group", spec.get("Groups", ()))
    found |= _marks("attached", spec.get("Attached", ()))
    found |= _marks("boundary", filter(None, (spec.get("Boundary"),)))
    return found


def _marks(prefix: str, values: Iterable[str]) -> dict[str, str]:
    return {f"{prefix}:{value}": "1" for value in values}
