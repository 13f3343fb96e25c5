"""What a seal holds, the whole check holds too, whatever is signed."""

from __future__ import annotations

from hashlib import sha256

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from clary.core.errors import ServiceError
from clary.wire.message import Headers, Request
from clary.wire.sigv4 import check, parse
from clary.wire.sigv4_keys import signing_key
from clary.wire.sigv4_seal import PAYLOAD, SIGNED, STAMP, Seal

SECRET = "wJalrXUtnFEMI/K7MDENG"
FIELDS = {
    "content-type": "text/csv; charset=utf-8, or  so",
    "x-amzn-sagemaker-custom-attributes": "100%, 50%b",
    "amz-sdk-request": "attempt=1; max=1",
    "x-amzn-trace-id": "Root=1",
}
GAPS = [STAMP, "amz-sdk-request", "x-amzn-trace-id", SIGNED]


def sent(path: str, body: bytes, **further: str) -> Request:
    aws = AWSRequest("POST", f"http://h{path}", data=body, headers={"host": "h", **FIELDS, **further})
    SigV4Auth(Credentials("AKIAIOSFODNN7EXAMPLE", SECRET), "sagemaker", "eu-west-1").add_auth(aws)
    return Request("POST", path, "", Headers(aws.headers.items()), body)


def values(request: Request, gaps: list[str]) -> list[bytes]:
    return [request.headers.get(name).rpartition("Signature=")[2].encode() for name in gaps]


@pytest.mark.parametrize("path", ["/endpoints/churn/invocations", "/endpoints/a%20b/invocations", "/a/../b/%25"])
@pytest.mark.parametrize("gaps", [GAPS, [*GAPS[::-1]], [STAMP, SIGNED, PAYLOAD]])
def test_a_seal_holds_whatever_stands_in_its_gaps(path, gaps):
    payload = {PAYLOAD: sha256(b"1,2").hexdigest()} if PAYLOAD in gaps else {}
    first = sent(path, b"1,2", **payload)
    signature = parse(first)
    key = signing_key(SECRET, signature.date, signature.region, signature.service)
    seal = Seal(first, signature, gaps)
    for body in (b"", b"1,2", b"%b%s%%"):
        change = {"amz-sdk-request": "attempt=%2; max=3", "x-amzn-trace-id": "%b"} if "amz-sdk-request" in gaps else {}
        declared = {PAYLOAD: sha256(body).hexdigest()} if payload else {}
        request = sent(path, body, **change, **declared)
        check(parse(request), request, key, signature.at)
        assert seal.holds(values(request, gaps), body, key, signature.at)
        for place, value in enumerate(values(request, gaps)):
            if gaps[place] not in ("x-amzn-trace-id",):  # which botocore does not sign
                changed = values(request, gaps)
                changed[place] = value[:-2] + bytes([value[-2] ^ 1]) + value[-1:]
                assert not seal.holds(changed, body, key, signature.at)
        assert not seal.holds(values(request, gaps), body + b" ", key, signature.at)
        assert not seal.holds(
            values(request, gaps), body, signing_key("x", signature.date, "eu-west-1", "sagemaker"), 0
        )


def test_a_seal_holds_for_fifteen_minutes_and_on_its_day():
    request = sent("/", b"1")
    signature = parse(request)
    key = signing_key(SECRET, signature.date, signature.region, signature.service)
    seal, filled = Seal(request, signature, GAPS), values(request, GAPS)
    for later_s in (-901, -900, 0, 900, 901):
        try:
            check(signature, request, key, signature.at + later_s)
            whole = True
        except ServiceError:
            whole = False
        assert seal.holds(filled, b"1", key, signature.at + later_s) is whole is (abs(later_s) <= 900)
    other = request.headers.get(STAMP)
    filled[0] = f"{int(other[:8]) + 1}{other[8:]}".encode()
    assert not seal.holds(filled, b"1", key, signature.at)
