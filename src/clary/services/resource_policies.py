"""Leave for operations on what other accounts and services may reach: identity policies and the resource's own, as one.

The operations stand in `access.overrides.FREE`, since only their service knows the resource's policy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from clary.access.decide import Requirement, decide
from clary.access.match import Context
from clary.access.policy import Policy
from clary.core.errors import AccessDenied
from clary.services.operation import Call


@dataclass(frozen=True, slots=True)
class Guarded:
    """A resource, whose it is, and its policies."""

    arn: str
    owner: str
    policies: Sequence[Policy] = ()


def authorise(call: Call, action: str, resource: Guarded, context: Context | None = None) -> None:
    """Raise AccessDenied unless the caller may take the action on the resource."""
    service = call.principal.sort == "Service"
    needed = Requirement(action, resource.arn, {"aws:requestedregion": call.region, **call.context, **(context or {})})
    decision = decide(
        call.principal,
        needed,
        resource.policies,
        # A service belongs to no account and has no identity policies: the resource alone lets it in.
        owner="" if service else resource.owner,
        resource_must_allow=service,
    )
    if not decision.allowed:
        raise AccessDenied(decision.message, code="AccessDenied")
