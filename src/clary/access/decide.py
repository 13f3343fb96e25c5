"""The decision: an explicit deny wins over an allow, an allow over the silence that denies.

IAM user guide, «Policy evaluation logic»: identity policies within boundary and
session policy, resource policies beside them, both sides across accounts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from clary.access.match import Context
from clary.access.policy import Policy, Statement
from clary.access.principal import Principal


@dataclass(frozen=True, slots=True)
class Requirement:
    """What a call needs: one action on one resource."""

    action: str
    resource: str
    context: Context


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether the call may go on; if not, why, as AWS's message ends."""

    allowed: bool
    explicit: bool = False  # denied by a statement, not by silence
    reason: str = ""
    matched: tuple[tuple[Policy, Statement], ...] = ()


class Grant(IntEnum):
    """How directly a resource policy names a principal."""

    NONE = 0
    ACCOUNT = 1  # by its account: that hands on to identity policies
    ROLE = 2  # by the role of the session
    SELF = 3


def decide(
    principal: Principal,
    requirement: Requirement,
    resource_policies: Sequence[Policy] = (),
    *,
    owner: str = "",
) -> Decision:
    """Return whether the principal may; `owner` is the resource's account where that may be another one."""
    sides: list[tuple[str, Sequence[Policy]]] = [("an identity-based policy", principal.identity)]
    if principal.boundary is not None:
        sides.append(("a permissions boundary", principal.boundary))
    if principal.session is not None:
        sides.append(("a session policy", principal.session))
    action = requirement.action.lower()
    for name, policies in sides:
        found = _statements(policies, "Deny", action, requirement)
        if found:
            return Decision(allowed=False, explicit=True, reason=f"with an explicit deny in {name}", matched=found)
    denied = tuple(
        found for found in _statements(resource_policies, "Deny", action, requirement)
        if _named(found[1], principal) is not Grant.NONE
    )  # fmt: skip
    if denied:
        return Decision(
            allowed=False, explicit=True, reason="with an explicit deny in a resource-based policy", matched=denied
        )
    return _allowed(principal, requirement, resource_policies, foreign=bool(owner) and owner != principal.account)


def denial(principal: Principal, requirement: Requirement, decision: Decision) -> str:
    """Return AWS's message for a call that was denied."""
    what = f"{requirement.action} on resource: {requirement.resource}"
    return f"User: {principal.arn} is not authorized to perform: {what} {decision.reason}"


def grant_of(policies: Sequence[Policy], principal: Principal, requirement: Requirement) -> Grant:
    """Return how directly resource policies, such as a role's trust policy, allow the call."""
    found = _statements(policies, "Allow", requirement.action.lower(), requirement)
    return max((_named(statement, principal) for _, statement in found), default=Grant.NONE)


def _allowed(
    principal: Principal, requirement: Requirement, resource_policies: Sequence[Policy], *, foreign: bool
) -> Decision:
    grant = grant_of(resource_policies, principal, requirement) if resource_policies else Grant.NONE
    if grant is Grant.SELF and not foreign:
        return Decision(allowed=True)
    action = requirement.action.lower()
    matched: tuple[tuple[Policy, Statement], ...] = ()
    if principal.sort != "Root":
        matched = _statements(principal.identity, "Allow", action, requirement)
        if not matched and (foreign or grant is not Grant.ROLE):
            return _silent("identity-based policy", requirement)
    for name, policies in (("permissions boundary", principal.boundary), ("session policy", principal.session)):
        if policies is not None and not _statements(policies, "Allow", action, requirement):
            return _silent(name, requirement)
    if foreign and grant is Grant.NONE:
        return _silent("resource-based policy", requirement)
    return Decision(allowed=True, matched=matched)


def _silent(source: str, requirement: Requirement) -> Decision:
    return Decision(allowed=False, reason=f"because no {source} allows the {requirement.action} action")


def _statements(
    policies: Sequence[Policy], effect: str, action: str, requirement: Requirement
) -> tuple[tuple[Policy, Statement], ...]:
    return tuple(
        (policy, statement)
        for policy in policies
        for statement in policy.statements
        if statement.effect == effect and statement.applies(action, requirement.resource, requirement.context)
    )


def _named(statement: Statement, principal: Principal) -> Grant:
    named = [_named_by(sort, value, principal) for sort, values in statement.principals.items() for value in values]
    grant = max(named, default=Grant.NONE)
    if statement.not_principals:
        return Grant.SELF if grant is Grant.NONE else Grant.NONE
    return grant


def _named_by(sort: str, value: str, principal: Principal) -> Grant:
    if sort == "Service":
        return Grant.SELF if principal.sort == "Service" and value == principal.arn else Grant.NONE
    if sort != "AWS":
        return Grant.NONE
    if value in ("*", principal.arn, principal.user_id):
        return Grant.SELF
    if value in (principal.account, f"arn:aws:iam::{principal.account}:root"):
        return Grant.SELF if principal.sort == "Root" else Grant.ACCOUNT
    if principal.role_arn and (value == principal.role_arn or value == principal.user_id.partition(":")[0]):
        return Grant.ROLE
    return Grant.NONE
