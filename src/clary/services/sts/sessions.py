"""Temporary credentials: of roles that trust the caller, and of the caller itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clary.access.context import request_context
from clary.access.decide import Requirement, decide
from clary.access.match import Value
from clary.core.errors import ServiceError
from clary.services.iam.entities import document, tags_of
from clary.services.iam.kinds import ACCESS_KEY
from clary.services.iam.managed_policies import require_policy
from clary.services.iam.principals import Principals, Session
from clary.services.iam.session_tokens import TEMPORARY_KEY
from clary.services.operation import Call, Operations, Params, Platform, Result, operation
from clary.store.records import Record

CHAINED_S_MAX = 3_600
USER_SESSION_S = 43_200
ROOT_SESSION_S_MAX = 3_600
PACKED_BYTES_MAX = 4_096
"""How much all session policies and tags may take together; AWS's packed limit is told in percent of it."""


class Sessions(Operations):
    """AssumeRole and its siblings."""

    def __init__(self, platform: Platform) -> None:
        super().__init__(platform)
        self._principals = Principals(platform.store, platform.store.clock)

    @operation("GetCallerIdentity")
    def caller_identity(self, call: Call, _: Params) -> Result:
        """Tell who calls."""
        return {"UserId": call.principal.user_id, "Account": call.account, "Arn": call.principal.arn}

    @operation("AssumeRole")
    def assume_role(self, call: Call, request: Params) -> Result:
        """Give credentials of a role, if the role trusts the caller and the caller may.

        Unlike AWS's, an account's root may assume roles too: it is what a fresh Clary starts with.
        """
        role = self._principals.find_role(request["RoleArn"])
        if role is None:
            raise _denied(call, "sts:AssumeRole", request["RoleArn"])
        carried = self._carried_tags(call)
        tags = tags_of(request, carried)
        self._require(call, request, role, "sts:AssumeRole", tags)
        if request.get("Tags"):
            self._require(call, request, role, "sts:TagSession", tags)
        for attached in _arns(request):
            require_policy(self.platform.store.records(role.account, ""), attached)
        packed = _packed_percent(request, tags)
        session = self._principals.role_session(
            request["RoleArn"],
            request["RoleSessionName"],
            _duration(call, request, role),
            session_policies=[document(request["Policy"])] if request.get("Policy") else [],
            policy_arns=_arns(request),
            tags=tags,
            transitive=[*carried, *request.get("TransitiveTagKeys", ())],
            chained=call.principal.sort == "AssumedRole",
        )
        source = {"SourceIdentity": request["SourceIdentity"]} if request.get("SourceIdentity") else {}
        return {
            "Credentials": _credentials(session),
            "AssumedRoleUser": {"AssumedRoleId": session.principal.user_id, "Arn": session.principal.arn},
            **({"PackedPolicySize": packed} if packed else {}),
            **source,
        }

    @operation("GetSessionToken")
    def session_token(self, call: Call, request: Params) -> Result:
        """Give temporary credentials of the user or root who calls."""
        principal = call.principal
        if principal.sort not in ("User", "Root") or principal.access_key.startswith(TEMPORARY_KEY):
            text = "Cannot call GetSessionToken with session credentials"
            raise ServiceError(text, code="AccessDenied", status=403)
        duration = request.get("DurationSeconds", USER_SESSION_S)
        if principal.sort == "Root":
            duration = min(duration, ROOT_SESSION_S_MAX)
        return {"Credentials": _credentials(self._principals.user_session(principal, duration))}

    @operation("GetAccessKeyInfo")
    def access_key_info(self, call: Call, request: Params) -> Result:
        """Tell which account a long-lived access key belongs to."""
        key = call.store.records.find(ACCESS_KEY, request["AccessKeyId"])
        if key is None:
            text = f"The access key {request['AccessKeyId']} is not known."
            raise ServiceError(text, code="ValidationError", status=400)
        return {"Account": key.account}

    def _require(self, call: Call, request: Params, role: Record, action: str, tags: Mapping[str, str]) -> None:
        trust = self._principals.library.parsed(role.spec["Trust"], "trust")
        required = Requirement(action, request["RoleArn"], _context(call, request, role, tags))
        decision = decide(call.principal, required, (trust,), owner=role.account, resource_must_allow=True)
        if not decision.allowed:
            raise _denied(call, action, request["RoleArn"])

    def _carried_tags(self, call: Call) -> dict[str, str]:
        """Return the caller's own session tags that it passes on."""
        token = call.http.headers.get("x-amz-security-token") if call.http else ""
        ticket = self._principals.ticket(token) if token else None
        if ticket is None:
            return {}
        return {key: value for key, value in ticket.tags.items() if key in ticket.transitive}


def _context(call: Call, request: Params, role: Record, tags: Mapping[str, str]) -> dict[str, Value]:
    agent = call.http.headers.get("user-agent") if call.http else ""
    context = request_context(now=call.now, secure=False, user_agent=agent)
    context |= {"aws:requestedregion": call.region, "sts:rolesessionname": request["RoleSessionName"]}
    context |= {f"aws:requesttag/{key.lower()}": value for key, value in tags.items()}
    context |= {f"aws:resourcetag/{key.lower()}": value for key, value in role.spec["Tags"].items()}
    if tags:
        context["aws:tagkeys"] = list(tags)
    if request.get("TransitiveTagKeys"):
        context["sts:transitivetagkeys"] = list(request["TransitiveTagKeys"])
    for key in ("ExternalId", "SourceIdentity"):
        if request.get(key):
            context[f"sts:{key.lower()}"] = request[key]
    return context


def _duration(call: Call, request: Params, role: Record) -> float:
    longest = role.spec["MaxSessionDuration"]
    asked = request.get("DurationSeconds", min(CHAINED_S_MAX, longest))
    if call.principal.sort == "AssumedRole" and asked > CHAINED_S_MAX:
        text = "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining."
        raise ServiceError(text, code="ValidationError", status=400)
    if asked > longest:
        text = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
        raise ServiceError(text, code="ValidationError", status=400)
    return float(asked)


def _packed_percent(request: Params, tags: Mapping[str, str]) -> int:
    size = (
        len(request.get("Policy", "")) + sum(map(len, _arns(request))) + sum(len(k) + len(v) for k, v in tags.items())
    )
    if size > PACKED_BYTES_MAX:
        percent = 100 * size // PACKED_BYTES_MAX
        raise ServiceError(
            f"Packed policy consumes {percent}% of allotted space, please use smaller policy.",
            code="PackedPolicyTooLarge",
            status=400,
        )
    return -(-100 * size // PACKED_BYTES_MAX)


def _arns(request: Params) -> list[str]:
    return [each["arn"] for each in request.get("PolicyArns", ())]


def _credentials(session: Session) -> dict[str, Any]:
    return {
        "AccessKeyId": session.access_key,
        "SecretAccessKey": session.secret,
        "SessionToken": session.token,
        "Expiration": session.expires,
    }


def _denied(call: Call, action: str, resource: str) -> ServiceError:
    text = f"User: {call.principal.arn} is not authorized to perform: {action} on resource: {resource}"
    return ServiceError(text, code="AccessDenied", status=403)
