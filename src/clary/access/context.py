"""The condition keys that every request has, whatever it asks for.

IAM user guide, «AWS global condition context keys»; a key that has no value for
this principal is absent, as AWS has it.
"""

from __future__ import annotations

from collections.abc import Mapping

from clary.access.match import Value
from clary.access.principal import Principal
from clary.core.clock import iso8601


def request_context(*, now: float, secure: bool, source_ip: str = "", user_agent: str = "") -> dict[str, Value]:
    """Return the keys that the way of a request gives, in lower case."""
    context: dict[str, Value] = {
        "aws:currenttime": iso8601(now),
        "aws:epochtime": str(int(now)),
        "aws:securetransport": "true" if secure else "false",
    }
    if source_ip:
        context["aws:sourceip"] = source_ip
    if user_agent:
        context["aws:useragent"] = user_agent
    return context


RESOURCE_TAG = ":resourcetag/"
"""Stands in every condition key that asks for a tag of the resource."""


def resource_context(tags: Mapping[str, str], service: str) -> dict[str, Value]:
    """Return the keys that the tags of a service's resource give, in lower case."""
    return {
        f"{prefix}:resourcetag/{name.lower()}": value for name, value in tags.items() for prefix in ("aws", service)
    }


def principal_context(principal: Principal) -> dict[str, Value]:
    """Return the keys that the principal gives, in lower case."""
    context: dict[str, Value] = {
        "aws:principalarn": principal.role_arn or principal.arn,
        "aws:principalaccount": principal.account,
        "aws:principaltype": "Account" if principal.sort == "Root" else principal.sort,
        "aws:principalisawsservice": "true" if principal.sort == "Service" else "false",
        "aws:userid": principal.user_id,
    }
    if principal.sort == "User":
        context["aws:username"] = principal.arn.rpartition("/")[2]
    if principal.source_arn:
        context["aws:sourcearn"] = principal.source_arn
        context["aws:sourceaccount"] = principal.source_arn.split(":")[4]
    for name, value in principal.tags.items():
        context[f"aws:principaltag/{name.lower()}"] = value
    return context
