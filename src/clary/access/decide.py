"""The decision: an explicit deny wins over an allow, an allow over the silence that denies.

IAM user guide, «Policy evaluation logic»: identity policies within boundary and
session policy, resource policies beside them, both sides across accounts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from clary.access.context import principal_context
from clary.access.match import Context, Later
from clary.access.policy import Effect, Policy, Statement
from clary.access.principal import Principal
from clary.core.ids import Arn

PASS_ROLE = "iam:PassRole"  # noqa: S105 - the name of an action
Found = tuple[Policy, Statement]
"""A statement that spoke, and the policy it stands in."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """What a call needs: one action on one resource."""

    action: str
    resource: str
    context: Context


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether the call may go on; `matched` are the statements that said so."""

    allowed: bool
    explicit: bool = False  # denied by a statement, not by silence
    message: str = ""  # AWS's words for the client, if it may not
    matched: tuple[Found, ...] = ()


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
    resource_must_allow: bool = False,
) -> Decision:
    """Return whether the principal may.

    `owner` is the resource's account where that may be another one; across
    accounts, and where `resource_must_allow` as with a role's trust policy, an
    identity policy alone is not enough.
    """
    if requirement.action == PASS_ROLE and _abroad(requirement.resource, principal):
        return Decision(allowed=False, message="Cross-account pass role is not allowed.")
    told = Later(lambda: {**requirement.context, **principal_context(principal)})
    asked = Requirement(requirement.action, requirement.resource, told)
    denied = _denied(principal, asked, resource_policies)
    if denied is not None:
        return denied
    foreign = bool(owner) and owner != principal.account
    grant = grant_of(resource_policies, principal, asked)
    if grant is Grant.NONE and (foreign or resource_must_allow):
        return _silent(principal, asked, "resource-based policy")
    if grant is Grant.SELF and not foreign:
        return Decision(allowed=True)
    return _allowed(principal, asked, identity_needed=foreign or grant is not Grant.ROLE)


def _abroad(resource: str, principal: Principal) -> bool:
    arn = Arn.parse(resource)
    return arn is not None and arn.account != principal.account


def grant_of(policies: Sequence[Policy], principal: Principal, asked: Requirement) -> Grant:
    """Return how directly resource policies, such as a role's trust policy, allow the call."""
    return max((_named(statement, principal) for _, statement in _statements(policies, "Allow", asked)),
               default=Grant.NONE)  # fmt: skip


def _denied(principal: Principal, asked: Requirement, resource_policies: Sequence[Policy]) -> Decision | None:
    """Return the decision if some statement says Deny, whatever else says Allow."""
    sides = (
        ("an identity-based policy", principal.identity),
        ("a permissions boundary", principal.boundary or ()),
        ("a session policy", principal.session or ()),
        ("a resource-based policy", resource_policies),
    )
    for name, policies in sides:
        found = _statements(policies, "Deny", asked)
        if policies is resource_policies:
            found = [each for each in found if _named(each[1], principal) is not Grant.NONE]
        if found:
            message = _message(principal, asked, f"with an explicit deny in {name}")
            return Decision(allowed=False, explicit=True, message=message, matched=tuple(found))
    return None


def _allowed(principal: Principal, asked: Requirement, *, identity_needed: bool) -> Decision:
    matched: list[Found] = []
    if principal.sort != "Root":
        matched = _statements(principal.identity, "Allow", asked)
        if not matched and identity_needed:
            return _silent(principal, asked, "identity-based policy")
    for name, policies in (("permissions boundary", principal.boundary), ("session policy", principal.session)):
        if policies is not None and not _statements(policies, "Allow", asked):
            return _silent(principal, asked, name)
    return Decision(allowed=True, matched=tuple(matched))


def _silent(principal: Principal, asked: Requirement, source: str) -> Decision:
    message = _message(principal, asked, f"because no {source} allows the {asked.action} action")
    return Decision(allowed=False, message=message)


def _message(principal: Principal, asked: Requirement, why: str) -> str:
    return f"User: {principal.arn} is not authorized to perform: {asked.action} on resource: {asked.resource} {why}"


def _statements(policies: Sequence[Policy], effect: Effect, asked: Requirement) -> list[Found]:
    action = asked.action.lower()
    return [
        (policy, statement)
        for policy in policies
        for statement in policy.statements
        if statement.effect == effect and statement.applies(action, asked.resource, asked.context)
    ]


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
