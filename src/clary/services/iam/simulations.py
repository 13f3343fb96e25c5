"""Simulations: what policies would decide, by the same code that decides."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

from clary.access.decide import Decision, Requirement, decide
from clary.access.match import Value
from clary.access.policy import MalformedPolicy, Policy, Sort
from clary.access.principal import Principal
from clary.core.clock import iso8601
from clary.core.ids import Arn
from clary.services.iam import faults
from clary.services.iam.entities import find, paged
from clary.services.iam.kinds import GROUP, ROLE, USER
from clary.services.iam.library import Library
from clary.services.iam.principals import Principals
from clary.services.operation import Call, Operations, Params, Platform, Result, operation
from clary.store.records import Kind

KINDS: Mapping[str, Kind] = {"user": USER, "role": ROLE, "group": GROUP}
_VARIABLE = re.compile(r"\$\{([a-zA-Z0-9-]+:[^},]+)")


class Simulations(Operations):
    """SimulatePrincipalPolicy and its siblings."""

    def __init__(self, platform: Platform) -> None:
        super().__init__(platform)
        self._principals = Principals(platform.store, platform.store.clock)

    @operation("SimulatePrincipalPolicy")
    def simulate_principal(self, call: Call, request: Params) -> Result:
        """Tell what a user, group or role may do."""
        principal = self._principal(call, request["PolicySourceArn"])
        added = _parsed(self._principals.library, request.get("PolicyInputList", ()), "PolicyInputList")
        principal = replace(principal, identity=(*principal.identity, *added))
        return _simulation(call, self._principals.library, principal, request)

    @operation("SimulateCustomPolicy")
    def simulate_custom(self, call: Call, request: Params) -> Result:
        """Tell what given policies would let a caller do."""
        policies = _parsed(self._principals.library, request["PolicyInputList"], "PolicyInputList")
        principal = Principal(call.account, f"arn:aws:iam::{call.account}:user/simulated", "User", "simulated")
        return _simulation(call, self._principals.library, replace(principal, identity=policies), request)

    @operation("GetContextKeysForCustomPolicy")
    def keys_of_custom(self, call: Call, request: Params) -> Result:
        """List the condition keys that policies ask for."""
        policies = _parsed(self._principals.library, request["PolicyInputList"], "PolicyInputList")
        return {"ContextKeyNames": sorted(_keys(policies))}

    @operation("GetContextKeysForPrincipalPolicy")
    def keys_of_principal(self, call: Call, request: Params) -> Result:
        """List the condition keys that the policies of a user, group or role ask for."""
        policies = self._principal(call, request["PolicySourceArn"]).identity
        added = _parsed(self._principals.library, request.get("PolicyInputList", ()), "PolicyInputList")
        return {"ContextKeyNames": sorted(_keys((*policies, *added)))}

    def _principal(self, call: Call, arn: str) -> Principal:
        parts = Arn.parse(arn)
        sort, _, path = parts.resource.partition("/") if parts else ("", "", "")
        if parts is None or parts.service != "iam" or sort not in KINDS:
            raise faults.invalid_input(f"Invalid Entity Arn: {arn} does not clearly define entity type and name.")
        if parts.account != call.account:
            raise faults.no_such_entity(f"The {sort} with name {path.rpartition('/')[2]} cannot be found.")
        return self._principals.principal_of(find(call.store.records, KINDS[sort], path.rpartition("/")[2]))


def _parsed(library: Library, documents: Sequence[str], source: str, sort: Sort = "identity") -> tuple[Policy, ...]:
    try:
        return tuple(library.parsed(text, sort, source=f"{source}.{n}") for n, text in enumerate(documents, 1))
    except MalformedPolicy as error:
        raise faults.invalid_input(str(error)) from None


def _simulation(call: Call, library: Library, principal: Principal, request: Params) -> Result:
    boundary = request.get("PermissionsBoundaryPolicyInputList")
    if boundary:
        principal = replace(principal, boundary=_parsed(library, boundary, "PermissionsBoundaryPolicyInputList"))
    resource_policies: tuple[Policy, ...] = ()
    if request.get("ResourcePolicy"):
        resource_policies = _parsed(library, [request["ResourcePolicy"]], "ResourcePolicy", "resource")
    if request.get("CallerArn"):
        principal = replace(principal, arn=request["CallerArn"])
    context = {"aws:currenttime": iso8601(call.now), "aws:epochtime": str(int(call.now)), **_context(request)}
    asked = product(request["ActionNames"], request.get("ResourceArns") or ["*"])
    results = []
    for number, (action, resource) in enumerate(asked):
        decision = decide(principal, Requirement(action, resource, context), resource_policies)
        results.append((f"{number:06}", _view(principal, action, resource, decision, context)))
    return paged("EvaluationResults", results, request, lambda each: each[1], lambda each: each[0])


def _context(request: Params) -> dict[str, Value]:
    entries = request.get("ContextEntries", ())
    return {entry["ContextKeyName"].lower(): list(entry.get("ContextKeyValues", ())) for entry in entries}


def _view(
    principal: Principal, action: str, resource: str, decision: Decision, context: Mapping[str, Value]
) -> dict[str, Any]:
    silent = "explicitDeny" if decision.explicit else "implicitDeny"
    view: dict[str, Any] = {
        "EvalActionName": action,
        "EvalResourceName": resource,
        "EvalDecision": "allowed" if decision.allowed else silent,
        "MatchedStatements": [_place(policy) for policy, _ in decision.matched],
        "MissingContextValues": sorted(_keys(principal.identity) - context.keys() - _KNOWN),
    }
    if principal.boundary is not None:
        bounded = decide(replace(principal, identity=principal.boundary), Requirement(action, resource, context))
        view["PermissionsBoundaryDecisionDetail"] = {"AllowedByPermissionsBoundary": bounded.allowed}
    return view


_KNOWN = frozenset(("aws:principalarn", "aws:principalaccount", "aws:principaltype", "aws:userid", "aws:username"))


def _place(policy: Policy) -> dict[str, Any]:
    lines = policy.document.count("\n") + 1
    return {
        "SourcePolicyId": policy.source,
        "SourcePolicyType": "IAM Policy",
        # A statement's own place in the text is not kept; the whole document holds it.
        "StartPosition": {"Line": 1, "Column": 1},
        "EndPosition": {"Line": lines, "Column": len(policy.document.rpartition("\n")[2]) + 1},
    }


def _keys(policies: Sequence[Policy]) -> set[str]:
    return {key for policy in policies for key in _keys_of(policy)}


def _keys_of(policy: Policy) -> Iterator[str]:
    for statement in policy.statements:
        yield from (condition.key for condition in statement.conditions)
    yield from (found.lower() for found in _VARIABLE.findall(policy.document))
