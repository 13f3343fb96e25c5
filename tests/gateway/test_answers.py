"""Answers that are written before anybody knows which operation is meant."""

from __future__ import annotations

import pytest
from botocore.model import StructureShape
from botocore.parsers import create_parser

from clary.gateway import answers

FORM = b"POST / HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded; charset=utf-8\r\n\r\nAction=ListQueues"


@pytest.mark.parametrize(
    ("protocol", "request_bytes", "code"),
    [
        ("query", FORM, "ServiceUnavailable"),
        ("rest-xml", b"PUT /bucket/key HTTP/1.1\r\nHost: a\r\n\r\n", "ServiceUnavailable"),
        ("json", b"POST / HTTP/1.1\r\nX-Amz-Target: SageMaker.ListModels\r\n\r\n{}", "ServiceUnavailableException"),
        ("rest-json", b"POST / HTTP/1.1\r\ncontent-type: application/json\r\n\r\n{}", "ServiceUnavailableException"),
    ],
)
def test_a_client_reads_in_its_own_form_that_nobody_is_there(protocol: str, request_bytes: bytes, code: str) -> None:
    head, _, body = answers.unavailable("Come again.", request_bytes).partition(b"\r\n\r\n")
    headers = dict(line.lower().split(": ", 1) for line in head.decode().split("\r\n")[1:])
    told = {"status_code": 503, "headers": headers, "body": body}
    parsed = create_parser(protocol).parse(told, StructureShape("Empty", {"type": "structure", "members": {}}))
    assert parsed["Error"] | {"Type": ""} == {"Code": code, "Message": "Come again.", "Type": ""}
    assert head.startswith(b"HTTP/1.1 503 ")
