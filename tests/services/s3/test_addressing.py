from __future__ import annotations

import pytest

from clary.services.s3.addressing import to_path_style
from clary.wire.message import Headers, Request

S3 = "AWS4-HMAC-SHA256 Credential=AKIA/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"


def path(host: str, path: str = "/key", *, query: str = "", authorization: str = S3) -> str:
    headers = [("Host", host)] + ([("Authorization", authorization)] if authorization else [])
    return to_path_style(Request("GET", path, query, Headers(headers), b"")).path


@pytest.mark.parametrize(
    "host",
    [
        "my.bucket.s3.amazonaws.com",
        "my.bucket.s3.eu-west-1.amazonaws.com",
        "my.bucket.s3-eu-west-1.amazonaws.com",
        "my.bucket.s3.dualstack.us-gov-west-1.amazonaws.com:443",
        "my.bucket.s3.localhost",
        "my.bucket.s3.localhost:4566",
        "my.bucket.s3.us-east-1.localhost:4566",
        "my.bucket.s3.localhost.example.org:4566",
        "my.bucket.localhost:4566",
        "MY.BUCKET.LOCALHOST",
    ],
)
def test_a_bucket_in_the_host_moves_into_the_path(host: str) -> None:
    assert path(host, "/a%20b//c") == "/my.bucket/a%20b//c"
    assert path(host, "/") == "/my.bucket"


@pytest.mark.parametrize(
    "host",
    [
        "",
        "localhost",
        "localhost:4566",
        "127.0.0.1:4566",
        "[::1]:4566",
        "s3.amazonaws.com",
        "s3.eu-west-1.amazonaws.com",
        "s3.localhost:4566",
        "s3.us-east-1.localhost",
        "clary.example.org",
    ],
)
def test_a_host_that_names_no_bucket_is_left_alone(host: str) -> None:
    assert path(host) == "/key"


def test_what_is_signed_for_another_service_is_left_alone() -> None:
    assert path("sts.localhost:4566", authorization=S3.replace("/s3/", "/sts/")) == "/key"
    presigned = "X-Amz-Credential=AKIA%2F20260101%2Fus-east-1%2F{}%2Faws4_request"
    assert path("b.localhost", authorization="", query=presigned.format("sts")) == "/key"
    assert path("b.localhost", authorization="", query=presigned.format("s3")) == "/b/key"
    assert path("b.localhost", authorization="") == "/b/key"
