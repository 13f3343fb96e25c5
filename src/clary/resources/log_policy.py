"""What an account lets AWS's services do with its log groups: a few named policies."""

from __future__ import annotations

from collections.abc import Sequence

from clary.access.policy import Policy, parse
from clary.store.records import Kind, Record

LOG_POLICY = Kind("logs", "resource-policy")
POLICIES_MAX = 10


def parsed(records: Sequence[Record]) -> list[Policy]:
    """Return the policies that records hold."""
    return [parse(each.spec["policyDocument"], "resource") for each in records]
