"""Resource policies: what other services of AWS, such as EventBridge, may do with an account's log groups."""

from __future__ import annotations

from typing import Any

from clary.access.policy import MalformedPolicy, parse
from clary.core.errors import ServiceError
from clary.resources.log_policy import LOG_POLICY, POLICIES_MAX
from clary.services.logs.faults import InvalidParameter, NotFound
from clary.services.operation import Call, Operations, Params, Result, operation
from clary.store.query import Query
from clary.store.records import Change, Record

SIZE_MAX = 5120


class ResourcePolicies(Operations):
    """PutResourcePolicy and its siblings, for the policies of an account."""

    @operation("PutResourcePolicy")
    def put(self, call: Call, request: Params) -> Result:
        """Make a policy, or write one over."""
        name, document = _name(request), request.get("policyDocument", "")
        _check(document)
        with call.store.records.together() as records:
            found = records.find(LOG_POLICY, name)
            if found is not None:
                policy = records.update(found, Change(spec={"policyDocument": document}))
            elif len(records.page(LOG_POLICY, Query(limit=POLICIES_MAX)).items) == POLICIES_MAX:
                raise ServiceError("Resource limit exceeded.", code="LimitExceededException", status=400)
            else:
                policy = records.create(LOG_POLICY, name, {"policyDocument": document})
        return {"resourcePolicy": _view(policy)}

    @operation("DescribeResourcePolicies")
    def describe(self, call: Call, request: Params) -> Result:
        """Return a page of policies by name."""
        _refuse_of_resource(request)
        query = Query(limit=request.get("limit", POLICIES_MAX), token=request.get("nextToken", ""))
        page = call.store.records.page(LOG_POLICY, query)
        more = {"nextToken": page.next_token} if page.next_token else {}
        return {"resourcePolicies": [_view(each) for each in page.items], **more}

    @operation("DeleteResourcePolicy")
    def delete(self, call: Call, request: Params) -> Result:
        """Take a policy away."""
        name = _name(request)
        policy = call.store.records.find(LOG_POLICY, name)
        if policy is None:
            raise NotFound(f"Policy with name [{name}] does not exist.")
        call.store.records.remove(policy)
        return None


def _name(request: Params) -> str:
    _refuse_of_resource(request)
    if not request.get("policyName"):
        raise InvalidParameter("policyName must be specified.")
    return str(request["policyName"])


def _refuse_of_resource(request: Params) -> None:
    if "resourceArn" in request or request.get("policyScope") == "RESOURCE":
        raise InvalidParameter("Policies of single log groups are not built in Clary yet; leave resourceArn out.")


def _check(document: str) -> None:
    if len(document) > SIZE_MAX:
        raise InvalidParameter(f"The policy document must be at most {SIZE_MAX} characters long.")
    try:
        parse(document, "resource")
    except MalformedPolicy as wrong:
        raise InvalidParameter(f"Invalid policy document: {wrong}") from None


def _view(policy: Record) -> dict[str, Any]:
    return {
        "policyName": policy.name,
        "policyDocument": policy.spec["policyDocument"],
        "lastUpdatedTime": int(policy.modified * 1000),
        "policyScope": "ACCOUNT",
    }
