"""Presigned URLs of AWS's Signature Version 2, as boto3 makes them for S3 in us-east-1 unless it is told otherwise.

Amazon S3 user guide, «Signing and authenticating REST requests (AWS signature version 2)». The query carries what
headers would say, and no region; headers of Version 2 are refused, as AWS refuses them in younger regions. Pure.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Iterator
from dataclasses import dataclass, replace
from urllib.parse import parse_qsl, unquote

from clary.core.errors import ServiceError
from clary.wire import sigv4_faults as faults
from clary.wire.message import Headers, Request

TOKEN = "x-amz-security-token"  # noqa: S105 - the name of a parameter
CARRIED = ("content-md5", "content-type")
SIGNED_PARAMETERS = frozenset({
    "accelerate", "acl", "analytics", "cors", "defaultObjectAcl", "delete", "inventory", "lifecycle",
    "location", "logging", "metrics", "notification", "object-lock", "partNumber", "policy", "replication",
    "requestPayment", "response-cache-control", "response-content-disposition", "response-content-encoding",
    "response-content-language", "response-content-type", "response-expires", "restore", "select",
    "select-type", "storageClass", "tagging", "torrent", "uploadId", "uploads", "versionId", "versioning",
    "versions", "website",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Link:
    """What a presigned URL says of its signature; nothing of it is proven until `check`."""

    access_key: str
    signature: str
    expires: str  # Unix seconds, as they were signed
    session_token: str


def parse(request: Request) -> Link | None:
    """Return what the URL says of its signature, None if it has none of this version."""
    if "AWSAccessKeyId=" not in request.query or "Signature=" not in request.query:
        return None
    given = dict(parse_qsl(request.query, keep_blank_values=True))
    lacking = [name for name in ("AWSAccessKeyId", "Signature", "Expires") if not given.get(name)]
    if lacking or not given["Expires"].isdecimal():
        text = "Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters"
        raise ServiceError(text, code="AccessDenied", status=403)
    token = given.get(TOKEN, "") or request.headers.get(TOKEN)
    return Link(given["AWSAccessKeyId"], given["Signature"], given["Expires"], token)


def meant(request: Request) -> Request:
    """Return the request with the headers that the query carries, which count as if they had been sent."""
    sent = dict(parse_qsl(request.query, keep_blank_values=True))
    carried = {name: value for name, value in sent.items() if name.startswith("x-amz-") or name in CARRIED}
    kept = [(name, value) for name, value in request.headers.items() if name not in carried]
    return replace(request, headers=Headers([*kept, *carried.items()]))


def check(link: Link, request: Request, secret: str, now: float) -> None:
    """Raise the ServiceError that AWS would unless `request` (as `meant`, bucket in its path) is what was signed."""
    if now > int(link.expires):
        raise ServiceError("Request has expired", code="AccessDenied", status=403, Expires=link.expires)
    text = string_to_sign(link, request)
    computed = base64.b64encode(hmac.digest(secret.encode(), text.encode(), "sha1"))
    if not hmac.compare_digest(computed, link.signature.encode()):
        raise faults.mismatch("s3", AWSAccessKeyId=link.access_key, StringToSign=text, SignatureProvided=link.signature)


def string_to_sign(link: Link, request: Request) -> str:
    """Return what the signature is made of."""
    own = sorted((name, value) for name in request.headers if name.startswith("x-amz-")
                 for value in (request.headers.get(name).strip(),))  # fmt: skip
    headers = "".join(f"{name}:{value}\n" for name, value in own)
    standard = "\n".join(request.headers.get(name).strip() for name in CARRIED)
    return f"{request.method}\n{standard}\n{link.expires}\n{headers}{_resource(request)}"


def _resource(request: Request) -> str:
    signed = "&".join(sorted(_signed_parameters(request.query), key=lambda each: each.partition("=")[0]))
    return f"{request.path}?{signed}" if signed else request.path


def _signed_parameters(query: str) -> Iterator[str]:
    for part in query.split("&"):
        name, equals, value = part.partition("=")
        if name in SIGNED_PARAMETERS:
            yield f"{name}{equals}{unquote(value.replace('+', ' '))}" if value else name
