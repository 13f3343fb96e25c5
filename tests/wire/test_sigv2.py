"""botocore makes the links of the older signature, Clary opens them; whatever is changed on the way is refused."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlsplit

import pytest
from botocore.auth import HmacV1QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from clary.core.errors import ServiceError
from clary.wire.message import Headers, Request
from clary.wire.sigv2 import check, meant, parse

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
KEYS = Credentials("AKIAIOSFODNN7EXAMPLE", SECRET)
SESSION = Credentials("ASIAIOSFODNN7EXAMPLE", SECRET, "token/with+signs==")


def link(path="/bucket/key", query="", method="GET", headers=(), keys=KEYS) -> Request:
    """Return the request of who follows a link that botocore made."""
    url = f"http://127.0.0.1:4566{path}" + (f"?{query}" if query else "")
    aws = AWSRequest(method=method, url=url, headers=dict(headers))
    HmacV1QueryAuth(keys, expires=60).add_auth(aws)
    parts = urlsplit(aws.url)
    return Request(method, parts.path, parts.query, Headers([("host", "127.0.0.1:4566")]), b"")


def follow(request: Request, *, secret: str = SECRET, late_s: int = 0) -> Request:
    found = parse(request)
    assert found is not None
    received = meant(request)
    check(found, received, secret, int(found.expires) - 30 + late_s)
    return received


@pytest.mark.parametrize("keys", [KEYS, SESSION])
@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/bucket/key", ""),
        ("/bucket/a%20b/%C3%BC+%2B", ""),
        ("/bucket/key", "versionId=7&prefix=ignored"),
        ("/bucket", "uploads"),
        ("/bucket/key", "response-content-disposition=attachment%3B%20filename%3D%22a%26b%22&partNumber=2"),
    ],
)
def test_a_link_opens_what_it_was_made_for(keys, path, query):
    assert follow(link(path, query, keys=keys)).path == path


def test_headers_that_the_link_carries_count_as_sent():
    headers = {"Content-Type": "text/csv", "x-amz-meta-colour": "blue", "x-amz-acl": "private"}
    received = follow(link(method="PUT", headers=headers))
    assert {name: received.headers.get(name) for name in headers} == headers


def test_whatever_is_changed_is_refused():
    request = link(query="versionId=7")
    for changed in (
        replace(request, method="DELETE"),
        replace(request, path="/bucket/other"),
        replace(request, query=request.query.replace("versionId=7", "versionId=8")),
        replace(request, query=request.query.replace("Expires=", "Expires=9")),
        replace(request, headers=Headers([("x-amz-acl", "public-read")])),
        replace(request, headers=Headers([("content-type", "text/html")])),
    ):
        with pytest.raises(ServiceError) as refused:
            follow(changed)
        assert (refused.value.code, refused.value.status) == ("SignatureDoesNotMatch", 403)
    with pytest.raises(ServiceError, match="signature we calculated does not match"):
        follow(request, secret="another")


def test_a_link_ends():
    follow(link(), late_s=30)
    with pytest.raises(ServiceError, match="Request has expired"):
        follow(link(), late_s=31)


@pytest.mark.parametrize("query", ["AWSAccessKeyId=A&Signature=S", "AWSAccessKeyId=A&Signature=S&Expires=soon"])
def test_a_link_that_says_too_little_is_denied(query):
    with pytest.raises(ServiceError, match="Query-string authentication requires"):
        parse(Request("GET", "/bucket/key", query, Headers(), b""))


def test_other_requests_are_none_of_its_business():
    assert parse(Request("GET", "/bucket/key", "X-Amz-Signature=abc", Headers(), b"")) is None
