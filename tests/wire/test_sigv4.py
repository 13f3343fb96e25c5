"""botocore signs, Clary verifies; whatever is changed on the way is refused."""

from __future__ import annotations

import hmac
import io
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from urllib.parse import urlsplit

import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from clary.core.errors import ServiceError
from clary.wire.message import Headers, Request
from clary.wire.sigv4 import EMPTY_SHA256, check, check_digest, check_payload, parse
from clary.wire.sigv4_chunks import ChunkSignatures
from clary.wire.sigv4_keys import signing_key

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
ACCESS_KEY = "AKIAIOSFODNN7EXAMPLE"
KEYS = Credentials(ACCESS_KEY, SECRET)
SESSION = Credentials("ASIAIOSFODNN7EXAMPLE", SECRET, "token/with+signs==")
HOST = "127.0.0.1:4566"


def sent(signer, method="GET", path="/", query="", headers=(), body=b"") -> Request:
    """Return what goes over the wire when botocore signs a request and sends it."""
    url = f"http://{HOST}{path}" + (f"?{query}" if query else "")
    aws = AWSRequest(method=method, url=url, data=body, headers={})
    for name, value in headers:
        aws.headers.add_header(name, value)
    signer.add_auth(aws)
    parts = urlsplit(aws.url)
    items = [("Host", HOST), *((name, value) for name, value in aws.headers.items())]
    return Request(method, parts.path or "/", parts.query, Headers(items), body)


def verify(request: Request, *, secret: str = SECRET, later_s: float = 0.0) -> None:
    signature = parse(request)
    assert signature is not None
    key = signing_key(secret, signature.date, signature.region, signature.service)
    check(signature, request, key, signature.at + later_s)


def refusal(request: Request, **options) -> ServiceError:
    with pytest.raises(ServiceError) as caught:
        verify(request, **options)
    return caught.value


def json_call(**options) -> Request:
    headers = [("Content-Type", "application/x-amz-json-1.1"), ("X-Amz-Target", "SageMaker.ListModels")]
    options = {"method": "POST", "headers": headers, "body": b"{}", **options}
    return sent(SigV4Auth(KEYS, "sagemaker", "eu-central-1"), **options)


def query_call() -> Request:
    headers = [("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")]
    return sent(SigV4Auth(KEYS, "sts", "us-east-1"), "POST", headers=headers, body=b"Action=GetCallerIdentity")


def s3_put(body: bytes = b"hello", **options) -> Request:
    return sent(S3SigV4Auth(KEYS, "s3", "us-east-1"), "PUT", "/bucket/a%20key", body=body, **options)


TEXT = st.text(st.characters(min_codepoint=33, max_codepoint=0x2FFF, exclude_categories=["Cs"]), max_size=12)
ENCODED = TEXT.map(
    lambda text: "".join(c if c.isascii() and c.isalnum() else "".join(f"%{b:02X}" for b in c.encode()) for c in text)
)
PATHS = st.lists(ENCODED, max_size=5).map(lambda parts: "/" + "/".join(parts))
QUERIES = st.lists(st.tuples(ENCODED.filter(bool), ENCODED), max_size=5).map(
    lambda pairs: "&".join(f"{k}={v}" for k, v in pairs)
)
VALUES = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=20)
HEADERS = st.lists(st.tuples(st.sampled_from(["X-Amz-Meta-A", "x-amz-meta-b", "My-Header"]), VALUES), max_size=5)
BODIES = st.binary(max_size=64)


@given(path=PATHS, query=QUERIES, headers=HEADERS, body=BODIES)
def test_what_botocore_signs_for_any_service_is_accepted(path, query, headers, body) -> None:
    verify(sent(SigV4Auth(SESSION, "sagemaker", "us-east-1"), "POST", path, query, headers, body))


@given(path=PATHS, query=QUERIES, headers=HEADERS, body=BODIES)
def test_what_botocore_signs_for_s3_is_accepted(path, query, headers, body) -> None:
    verify(sent(S3SigV4Auth(SESSION, "s3", "us-east-1"), "PUT", path, query, headers, body))


@given(path=PATHS, query=st.just("versionId=a&empty="))
def test_what_botocore_presigns_is_accepted(path, query) -> None:
    for signer in (S3SigV4QueryAuth(SESSION, "s3", "us-east-1", 60), SigV4QueryAuth(KEYS, "sts", "us-east-1", 60)):
        verify(sent(signer, "GET", path, query))


@pytest.mark.parametrize("path", ["/a//b/", "/a/./b", "/a/../b", "/../x/", "//"])
def test_dot_segments_count_as_botocore_counts_them(path) -> None:
    verify(json_call(path=path))


def test_a_path_that_a_proxy_encoded_otherwise_still_matches_if_it_means_the_same() -> None:
    request = s3_put()
    verify(replace(request, path="/bucket/a%20ke%79"))
    assert refusal(replace(request, path="/bucket/a%20keY")).code == "SignatureDoesNotMatch"


def test_an_encoded_slash_is_not_taken_for_a_slash() -> None:
    request = json_call(path="/endpoints/a%2Fb/invocations")
    verify(request)
    assert refusal(replace(request, path="/endpoints/a/b/invocations")).code == "InvalidSignatureException"


def test_a_date_header_stands_in_for_x_amz_date() -> None:
    verify(sent(SigV4Auth(KEYS, "sagemaker", "us-east-1"), "POST", headers=[("Date", "now")], body=b"{}"))


def test_headers_sent_twice_and_folded_are_joined_and_trimmed() -> None:
    request = json_call(headers=[("X-Amz-Meta-A", "one"), ("X-Amz-Meta-A", "two   three")])
    items = [(n, f"  {v}\t" if n == "x-amz-meta-a" else v) for n, v in request.headers.items()]
    verify(replace(request, headers=Headers(items)))


@pytest.mark.parametrize(
    "change",
    [
        lambda r: replace(r, method="GET"),
        lambda r: replace(r, path="/other"),
        lambda r: replace(r, query="a=b"),
        lambda r: replace(r, body=b"{} "),
        lambda r: replace(r, headers=Headers([(n, v.replace("ListModels", "Other")) for n, v in r.headers.items()])),
        lambda r: replace(r, headers=Headers([(n, v) for n, v in r.headers.items() if n != "x-amz-target"])),
        lambda r: replace(r, headers=Headers([*r.headers.items(), ("X-Amz-Target", "SageMaker.Other")])),
        lambda r: replace(r, headers=Headers([*r.headers.items(), ("X-Amz-Security-Token", "stolen")])),
    ],
    ids=["method", "path", "query", "body", "header", "header-gone", "header-twice", "header-unsigned"],
)  # fmt: skip
def test_whatever_is_changed_on_the_way_is_refused(change) -> None:
    request = json_call()
    verify(request)
    error = refusal(change(request))
    assert (error.code, error.status) == ("InvalidSignatureException", 400)


def test_another_secret_is_refused_in_the_service_own_words() -> None:
    assert refusal(json_call(), secret="other").code == "InvalidSignatureException"
    query = refusal(query_call(), secret="other")
    assert (query.code, query.status) == ("SignatureDoesNotMatch", 403)
    assert query.message.startswith("The request signature we calculated does not match the signature you provided.")
    s3 = refusal(s3_put(), secret="other")
    assert (s3.code, s3.status) == ("SignatureDoesNotMatch", 403)
    assert s3.members["StringToSign"].startswith("AWS4-HMAC-SHA256\n")
    assert s3.members["CanonicalRequest"].startswith("PUT\n/bucket/a%20key\n")
    assert s3.members["AWSAccessKeyId"] == ACCESS_KEY


def test_fifteen_minutes_of_skew_are_forgiven_and_no_more() -> None:
    for request in (json_call(), query_call(), s3_put()):
        verify(request, later_s=899)
        verify(request, later_s=-899)
    late = refusal(query_call(), later_s=901)
    assert late.code == "SignatureDoesNotMatch"
    assert late.message.startswith("Signature expired: ")
    assert " is now earlier than " in late.message
    assert late.message.endswith(" - 15 min.)")
    assert refusal(json_call(), later_s=-901).message.startswith("Signature not yet current: ")
    assert (s3 := refusal(s3_put(), later_s=901)).code == "RequestTimeTooSkewed"
    assert s3.members["MaxAllowedSkewMilliseconds"] == "900000"


def test_a_presigned_url_holds_as_long_as_it_says() -> None:
    request = sent(S3SigV4QueryAuth(KEYS, "s3", "us-east-1", 3600), "GET", "/bucket/key")
    verify(request, later_s=3600)
    late = refusal(request, later_s=3601)
    assert (late.code, late.message, late.status) == ("AccessDenied", "Request has expired", 403)
    assert refusal(request, later_s=-901).message == "Request is not valid yet"
    assert refusal(replace(request, query=request.query.replace("3600", "9999"))).code == "SignatureDoesNotMatch"


def test_a_presigned_url_of_more_than_a_week_is_refused() -> None:
    request = sent(S3SigV4QueryAuth(KEYS, "s3", "us-east-1", 604801), "GET", "/bucket/key")
    assert refusal(request).code == "AuthorizationQueryParametersError"
    verify(sent(S3SigV4QueryAuth(KEYS, "s3", "us-east-1", 604800), "GET", "/bucket/key"), later_s=604800)


def test_a_presigned_url_takes_no_header_that_was_not_signed() -> None:
    request = sent(S3SigV4QueryAuth(KEYS, "s3", "us-east-1", 60), "PUT", "/bucket/key")
    extra = Headers([*request.headers.items(), ("x-amz-acl", "public-read")])
    error = refusal(replace(request, headers=extra))
    assert (error.code, error.members) == ("AccessDenied", {"HeadersNotSigned": "x-amz-acl"})


def test_the_body_must_be_the_one_whose_hash_was_signed() -> None:
    request = s3_put(b"hello")
    error = refusal(replace(request, body=b"hellO"))
    assert error.code == "XAmzContentSHA256Mismatch"
    assert error.members["S3ComputedContentSHA256"] == sha256(b"hellO").hexdigest()
    signature = parse(request)
    assert signature is not None
    check_payload(signature, b"hello")
    with pytest.raises(ServiceError):
        check_digest(signature, EMPTY_SHA256)


class Stream:
    """A body that has not arrived yet."""

    length = 5

    def read(self, n: int = -1) -> bytes:
        raise AssertionError("the signature of the head needs no body")


def test_a_streamed_body_is_known_by_its_declared_hash() -> None:
    verify(replace(s3_put(b"hello"), body=Stream()))


def test_a_streamed_body_without_a_declared_hash_is_refused() -> None:
    assert refusal(replace(json_call(), body=Stream())).code == "InvalidRequest"


def test_an_unsigned_payload_may_be_anything() -> None:
    signer = S3SigV4Auth(KEYS, "s3", "us-east-1")
    signer.payload = lambda request: "UNSIGNED-PAYLOAD"
    verify(replace(sent(signer, "PUT", "/bucket/key", body=b"one"), body=b"two"))


def test_s3_wants_a_payload_header_that_it_knows() -> None:
    request = sent(SigV4Auth(KEYS, "s3", "us-east-1"), "PUT", "/bucket/key")
    assert refusal(request).message == "Missing required header for this request: x-amz-content-sha256"
    signer = S3SigV4Auth(KEYS, "s3", "us-east-1")
    signer.payload = lambda request: "STREAMING-NONSENSE"
    assert refusal(sent(signer, "PUT", "/bucket/key")).code == "InvalidArgument"


def test_a_call_without_signature_is_none_and_an_old_one_is_refused() -> None:
    assert parse(Request("GET", "/", "", Headers(), b"")) is None
    old = Request("GET", "/", "", Headers([("Authorization", "AWS AKIA:abc=")]), b"")
    assert refusal(old).code == "InvalidRequest"
    presigned = Request("GET", "/b/k", "AWSAccessKeyId=AKIA&Signature=x&Expires=1", Headers(), b"")
    assert refusal(presigned).code == "InvalidRequest"


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        ("", "IncompleteSignatureException"),
        ("Credential=AKIA", "IncompleteSignatureException"),
        ("Credential=AKIA, SignedHeaders=host, Signature=0", "IncompleteSignatureException"),
        ("Credential=A/20200101/r/sns/aws4_request, SignedHeaders=a", "IncompleteSignatureException"),
        ("Credential=A/20200102/r/sns/aws4_request, SignedHeaders=a, Signature=0", "InvalidSignatureException"),
        ("Credential=A/20200101/r/s3/aws4_request, SignedHeaders=a", "AuthorizationHeaderMalformed"),
        ("Credential=A/20200101/r/sns/aws4_request, SignedHeaders=a, Signature=0", "IncompleteSignatureException"),
        ("Credential=A/20200101/r/sns/aws4_request, SignedHeaders=host, Signature=é", "InvalidSignatureException"),
        ("nonsense", "IncompleteSignatureException"),
    ],
)  # fmt: skip
def test_a_malformed_authorization_header_is_named(authorization, code) -> None:
    headers = Headers(
        [("Authorization", f"AWS4-HMAC-SHA256 {authorization}"), ("X-Amz-Date", "20200101T000000Z"), ("Host", HOST)]
    )
    assert refusal(Request("POST", "/", "", headers, b"{}")).code == code


@given(st.text(max_size=80), st.text(max_size=20), st.text(max_size=80))
def test_no_authorization_makes_anything_but_a_service_error(header, date, query) -> None:
    headers = Headers([("Authorization", f"AWS4-HMAC-SHA256 {header}"), ("X-Amz-Date", date), ("Host", HOST)])
    presigned = Request("GET", "/", f"X-Amz-Algorithm={query}", Headers(), b"")
    for request in (Request("GET", "/", query, headers, b""), presigned):
        with pytest.raises(ServiceError):
            verify(request)


CHUNKS = [b"a" * 65536, b"b" * 1024, b""]
TRAILER = b"x-amz-checksum-crc32c:wdBDMA==\r\n"


def chunked(payload: str) -> tuple[ChunkSignatures, list[str], str]:
    """Return a verifier, and the signatures of CHUNKS and TRAILER, made by hand as the S3 reference says."""
    signer = S3SigV4Auth(KEYS, "s3", "us-east-1")
    signer.payload = lambda request: payload
    request = sent(signer, "PUT", "/bucket/key", headers=[("Content-Encoding", "aws-chunked")])
    request = replace(request, body=Stream())
    signature = parse(request)
    assert signature is not None
    key = signing_key(SECRET, signature.date, signature.region, signature.service)
    check(signature, request, key, signature.at)
    previous, made = signature.signature, []
    head = f"{signature.timestamp}\n{signature.scope}\n"
    for data in CHUNKS:
        text = f"AWS4-HMAC-SHA256-PAYLOAD\n{head}{previous}\n{EMPTY_SHA256}\n{sha256(data).hexdigest()}"
        previous = hmac.new(key, text.encode(), "sha256").hexdigest()
        made.append(previous)
    lines = sha256(b"x-amz-checksum-crc32c:wdBDMA==\n").hexdigest()
    text = f"AWS4-HMAC-SHA256-TRAILER\n{head}{previous}\n{lines}"
    return ChunkSignatures(signature, key), made, hmac.new(key, text.encode(), "sha256").hexdigest()


def test_signed_chunks_and_their_trailer_are_accepted_in_order() -> None:
    verifier, signatures, trailer = chunked("STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER")
    for signature, data in zip(signatures, CHUNKS, strict=True):
        verifier.verify_chunk(signature, data)
    verifier.verify_trailer(trailer, TRAILER)


def test_a_chunk_that_is_changed_or_out_of_order_is_refused() -> None:
    verifier, signatures, trailer = chunked("STREAMING-AWS4-HMAC-SHA256-PAYLOAD")
    with pytest.raises(ServiceError, match="does not match"):
        verifier.verify_chunk(signatures[1], CHUNKS[1])
    verifier.verify_chunk(signatures[0], CHUNKS[0])
    with pytest.raises(ServiceError, match="does not match"):
        verifier.verify_chunk(signatures[1], b"c" * 1024)
    with pytest.raises(ServiceError, match="does not match"):
        verifier.verify_trailer(trailer, TRAILER)


def test_the_reference_example_of_the_s3_guide_comes_out_right() -> None:
    """Amazon S3 API reference, «Example: GET Object» of the header-based signature."""
    names = "host;range;x-amz-content-sha256;x-amz-date"
    signature_hex = "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
    scope = "AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request"
    items = [
        ("Host", "examplebucket.s3.amazonaws.com"),
        ("Range", "bytes=0-9"),
        ("x-amz-content-sha256", EMPTY_SHA256),
        ("x-amz-date", "20130524T000000Z"),
        ("Authorization", f"AWS4-HMAC-SHA256 Credential={scope},SignedHeaders={names},Signature={signature_hex}"),
    ]
    verify(Request("GET", "/test.txt", "", Headers(items), b""), secret="wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
    assert datetime.fromtimestamp(parse(Request("GET", "/", "", Headers(items), b"")).at, UTC).year == 2013


def test_botocore_chunks_with_an_unsigned_trailer_need_no_chunk_signature() -> None:
    from botocore.httpchecksum import AwsChunkedWrapper, Crc32Checksum

    body = AwsChunkedWrapper(io.BytesIO(b"data"), checksum_cls=Crc32Checksum, checksum_name="x-amz-checksum-crc32")
    signer = S3SigV4Auth(KEYS, "s3", "us-east-1")
    signer.payload = lambda request: "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
    verify(replace(sent(signer, "PUT", "/bucket/key"), body=body.read()))
