"""Policies of buckets: who else may, and who may not even if their own policies say so.

Amazon S3 user guide, «Bucket policies for Amazon S3» and «Blocking public access to your Amazon S3 storage».
What they say is enforced where every call is authorised: `server/guards.py`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from clary.access.match import like
from clary.access.policy import MalformedPolicy, Policy, Statement, parse
from clary.access.principal import Principal
from clary.core.errors import ServiceError
from clary.services.operation import Call, Operations, Params, Result, operation
from clary.services.s3.access_settings import blocks
from clary.services.s3.ownership import configure, own_bucket
from clary.store.records import Record

BYTES_MAX = 20 * 1024
OF_THE_POLICY = ("s3:PutBucketPolicy", "s3:GetBucketPolicy", "s3:DeleteBucketPolicy")
"""What the root of the owner's account may always do, so that nobody is locked out for good."""
LIMITING = frozenset(
    (
        "aws:principalaccount", "aws:principalarn", "aws:principalorgid", "aws:principalorgpaths", "aws:sourceaccount",
        "aws:sourcearn", "aws:sourceip", "aws:sourceowner", "aws:sourcevpc", "aws:sourcevpce", "aws:userid",
        "s3:dataaccesspointaccount", "s3:dataaccesspointarn",
    )
)  # fmt: skip
"""Condition keys that keep a policy for everybody from being public, if their values are fixed."""


class BucketPolicies(Operations):
    """Keeps the policies of buckets."""

    @operation("PutBucketPolicy")
    def put(self, call: Call, request: Params) -> Result:
        """Give a bucket a policy, in place of the one it had."""
        bucket, text = own_bucket(call, request), _text(request["Policy"])
        policy = _parsed(text)
        _check_resources(policy, bucket.name)
        if is_public(policy) and blocks(bucket)["BlockPublicPolicy"]:
            raise ServiceError(
                f"User: {call.principal.arn} is not authorized to perform: s3:PutBucketPolicy on resource: "
                f'"arn:aws:s3:::{bucket.name}" because public policies are prevented by the BlockPublicPolicy setting '
                "in S3 Block Public Access.",
                code="AccessDenied",
                status=403,
            )
        configure(call, bucket.name, {"Policy": text})
        return None

    @operation("GetBucketPolicy")
    def get(self, call: Call, request: Params) -> Result:
        """Return a bucket's policy as it was put."""
        return {"Policy": _policy_of(own_bucket(call, request))}

    @operation("DeleteBucketPolicy")
    def delete(self, call: Call, request: Params) -> Result:
        """Take a bucket's policy away; one that is not there is no mistake."""
        configure(call, own_bucket(call, request).name, {"Policy": None})
        return None

    @operation("GetBucketPolicyStatus")
    def status(self, call: Call, request: Params) -> Result:
        """Tell whether a bucket's policy makes it public."""
        policy = parse(_policy_of(own_bucket(call, request)), "resource")
        return {"PolicyStatus": {"IsPublic": is_public(policy)}}


def policies_for(bucket: Record, principal: Principal, action: str) -> tuple[Policy, ...]:
    """Return the policies of a bucket that count for a principal who is to take an action."""
    text = bucket.spec.get("Policy")
    own = principal.account == bucket.account
    if not text or (own and principal.sort == "Root" and action in OF_THE_POLICY):
        return ()
    policy = parse(text, "resource")
    if not own and principal.sort != "Service" and blocks(bucket)["RestrictPublicBuckets"] and is_public(policy):
        return ()
    return (policy,)


def is_public(policy: Policy) -> bool:
    """Tell whether a policy allows something to everybody."""
    return any(each.effect == "Allow" and _for_everybody(each) for each in policy.statements)


def _for_everybody(statement: Statement) -> bool:
    named = statement.not_principals or any("*" in values for values in statement.principals.values())
    return named and not any(
        each.key in LIMITING and not any("*" in value or "${" in value for value in each.values)
        for each in statement.conditions
    )


def _policy_of(bucket: Record) -> str:
    text: str = bucket.spec.get("Policy", "")
    if not text:
        raise ServiceError("The bucket policy does not exist", code="NoSuchBucketPolicy", status=404)
    return text


def _text(told: Any) -> str:
    text = told if isinstance(told, str) else bytes(told).decode("utf-8", "replace")
    if len(text.encode()) > BYTES_MAX:
        raise _malformed("Policies must be valid JSON and the first byte must be '{'; 20480 bytes are the most.")
    return text


def _parsed(text: str) -> Policy:
    try:
        return parse(text, "resource")
    except MalformedPolicy as error:
        raise _malformed(str(error)) from None


def _check_resources(policy: Policy, bucket: str) -> None:
    arn = f"arn:aws:s3:::{bucket}"
    for resource in _resources(policy):
        name = resource.partition("/")[0]
        if not (resource == "*" or like(name, arn)):
            raise _malformed("Policy has invalid resource")


def _resources(policy: Policy) -> Iterator[str]:
    told = json.loads(policy.document)["Statement"]
    for statement in [told] if isinstance(told, dict) else told:
        named: str | list[str] = statement.get("Resource") or statement["NotResource"]
        yield from [named] if isinstance(named, str) else named


def _malformed(text: str) -> ServiceError:
    return ServiceError(text, code="MalformedPolicy", status=400)
