"""Buckets named by the host: `bucket.s3.amazonaws.com/key` becomes `/bucket/key`.

Amazon S3 user guide, «Virtual hosting of general purpose buckets». For use after the signature was checked.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache
from urllib.parse import unquote

from clary.wire.message import Request

HOSTS_MAX = 256
_REGION = r"[a-z]{2}(?:-[a-z]+)+-\d"
_HOSTS = (
    re.compile(rf"(?P<bucket>.+?)\.s3(?:[.-](?:dualstack\.)?{_REGION})?\.amazonaws\.com(?:\.cn)?"),
    re.compile(rf"(?P<bucket>.+?)\.s3\.(?:{_REGION}\.)?localhost(?:\.[a-z0-9.-]+)?"),
    re.compile(r"(?P<bucket>(?!s3(?:\.|$)).+)\.localhost"),
)
_PORT = re.compile(r":\d+$")
_S3_SCOPE = "/s3/aws4_request"


def to_path_style(request: Request) -> Request:
    """Return the request with its bucket in the path; as it is if its host names none, or it is not for S3."""
    bucket = _bucket(request.headers.get("host"))
    if not bucket or not _is_for_s3(request):
        return request
    return replace(request, path=f"/{bucket}" if request.path in ("", "/") else f"/{bucket}{request.path}")


@lru_cache(HOSTS_MAX)
def _bucket(host: str) -> str:
    name = _PORT.sub("", host.lower())
    for pattern in _HOSTS:
        match = pattern.fullmatch(name)
        if match:
            return match["bucket"]
    return ""


def _is_for_s3(request: Request) -> bool:
    """Return whether the request is signed for S3, or not signed at all, which S3 alone allows."""
    claimed = request.headers.get("authorization")
    if not claimed and "X-Amz-Credential" in request.query:
        claimed = unquote(request.query)
    return not claimed or _S3_SCOPE in claimed
