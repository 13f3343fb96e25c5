"""A form lets through what is like the request it was made of, and only while what was decided then holds."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from clary.access.principal import Principal
from clary.core.errors import ServiceError
from clary.gateway.admission import Admission
from clary.gateway.forms import FORMS_MAX, Form, Forms
from clary.gateway.heads import HEAD_END, Head, parse
from clary.gateway.known import Admitted
from clary.gateway.parameters import read
from clary.wire.message import Request
from clary.wire.sigv4 import SKEW_S

ACCOUNT = "123456789012"
SECRET, OTHER_SECRET = "wJalrXUtnFEMI/K7MDENG", "another"
PATH = "/endpoints/churn/invocations"
FURTHER = {"amz-sdk-invocation-id": "6db7838e", "amz-sdk-request": "attempt=1; max=1", "User-Agent": "Boto3/1"}


@dataclass
class Credential:
    secret: str = SECRET
    expires: float | None = None
    principal: Principal = Principal(ACCOUNT, f"arn:aws:iam::{ACCOUNT}:root", "Root", ACCOUNT)


class Gate:
    """Admission, and what it says of a request that came as bytes."""

    def __init__(self) -> None:
        self.credential = Credential()
        self.now = 0.0
        self.looked_up = 0
        self._loop = asyncio.new_event_loop()
        self._threads = ThreadPoolExecutor(1)
        self.admission = Admission(self._loop, self._threads, self._find, lambda: self.now, lambda *_: {})
        self.forms = Forms()

    def close(self) -> None:
        self._threads.shutdown()
        self._loop.close()

    def ask(self, sent: bytes) -> Admitted | ServiceError:
        """Go the long way, as the first requests of a connection do."""
        raw, body = split(sent)
        head = parse(raw)
        request = Request("POST", head.path, head.query, head.headers, body)
        told: asyncio.Future[Admitted | ServiceError] = self._loop.create_future()
        form = self.forms.of(raw)
        if form is None:
            self.forms.note(head, raw)
        self.admission.admit(request, read(head).told, told.set_result, form)
        return self._loop.run_until_complete(told)

    def form(self, sent: bytes) -> Form:
        """Return the form of a request, learned."""
        for _ in range(2):
            assert self.ask(sent) == Admitted(ACCOUNT, "us-east-1")
        raw = split(sent)[0]
        return self.forms.of(raw)

    def admits(self, form: Form, sent: bytes) -> bool:
        """Go the short way."""
        raw, body = split(sent)
        filled = form.fill(raw)
        return filled is not None and self.admission.admit_alike(filled, body) == Admitted(ACCOUNT, "us-east-1")

    def _find(self, _key: str, _token: str) -> Credential:
        self.looked_up += 1
        return self.credential


@pytest.fixture
def gate():
    found = Gate()
    yield found
    found.close()


def split(sent: bytes) -> tuple[bytes, bytes]:
    head, end, body = sent.partition(HEAD_END)
    return head + end, body


def signed(body: bytes = b"1,2,3", *, keys: Credentials | None = None, further=FURTHER, path: str = PATH) -> bytes:
    aws = AWSRequest("POST", f"http://h{path}", data=body, headers={"Content-Type": "text/csv", "Host": "h", **further})
    SigV4Auth(keys or Credentials("AKIAIOSFODNN7EXAMPLE", SECRET), "sagemaker", "us-east-1").add_auth(aws)
    fields = "".join(f"{name}: {value}\r\n" for name, value in {**aws.headers, "Content-Length": len(body)}.items())
    return f"POST {path} HTTP/1.1\r\n{fields}\r\n".encode() + body


def moment(sent: bytes) -> float:
    return datetime.fromisoformat(parse(split(sent)[0]).headers.get("x-amz-date")).timestamp()


@pytest.fixture
def first(gate) -> bytes:
    sent = signed()
    gate.now = moment(sent)
    return sent


def test_a_request_that_differs_in_its_gaps_and_its_body_is_admitted_with_nothing_looked_up(gate, first):
    form = gate.form(first)
    ids = {**FURTHER, "amz-sdk-invocation-id": "another", "amz-sdk-request": "attempt=2; max=3"}
    for body in (b"", b"1,2,3", b"x" * 5000):
        assert gate.admits(form, signed(body))
        assert gate.admits(form, signed(body, further=ids))
    assert gate.looked_up == 1


def test_what_fills_in_a_form_is_read_as_without_it(gate, first):
    form = gate.form(first)
    raw = split(signed(b"0123456789"))[0]
    filled = form.fill(raw)
    assert filled.length == 10
    assert told(filled.head()) == told(parse(raw))
    assert form.parameters == read(parse(raw))


def told(head: Head):
    return head._replace(headers=head.headers.items())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(b"text/csv", b"text/css", id="a field"),
        pytest.param(b"Content-Type", b"content-type", id="the writing of a name"),
        pytest.param(b"/churn/", b"/other/", id="the path"),
        pytest.param(b"invocations", b"invocations?a=b", id="a query"),
        pytest.param(b"HTTP/1.1", b"HTTP/1.0", id="the version"),
        pytest.param(b"us-east-1", b"us-west-2", id="the scope"),
        pytest.param(b"Boto3/1\r\n", b"Boto3/1\r\nConnection: close\r\n", id="a field more"),
        pytest.param(b"Boto3/1\r\n", b"Boto3/1\r\nX-Amz-A: b\r\n", id="a field of Amazon's more"),
        pytest.param(b"User-Agent: Boto3/1\r\n", b"", id="a field less"),
        pytest.param(b"attempt=1; ", b"attempt=1;\t", id="a tab in a gap"),
        pytest.param(b"6db7838e", b"6db7\x008e", id="a control character in a gap"),
        pytest.param(b"6db7838e", b"6db7\r\nx: 8e", id="a line in a gap"),
        pytest.param(b"6db7838e", b"", id="nothing in a gap"),
        pytest.param(b"Content-Length: 5", b"Content-Length: +5", id="a length that is no number"),
        pytest.param(b"Content-Length: 5", b"Content-Length: 05", id="a length with a zero before it"),
        pytest.param(b"Signature=", b"Signature=0", id="a signature that is too long"),
    ],
)
def test_what_is_not_of_the_form_goes_the_long_way(gate, first, old, new):
    form = gate.form(first)
    assert form.fill(split(first)[0]) is not None
    raw = split(first)[0].replace(old, new, 1)
    assert raw != split(first)[0]
    assert form.fill(raw) is None


@pytest.mark.parametrize("hour", [b"24", b"99"])
def test_a_time_that_is_none_is_not_of_the_form(gate, first, hour):
    form, raw = gate.form(first), split(first)[0]
    at = raw.index(b"X-Amz-Date: ") + len(b"X-Amz-Date: 20200101T")
    assert form.fill(raw[:at] + hour + raw[at + 2 :]) is None


def test_a_signature_that_does_not_hold_is_not_admitted(gate, first):
    form = gate.form(first)
    assert not gate.admits(form, first.replace(b"1,2,3", b"1,2,4"))
    at = first.index(b"Signature=") + len(b"Signature=")
    assert not gate.admits(form, first[:at] + first[at : at + 64][::-1] + first[at + 64 :])
    other = Credentials("AKIAIOSFODNN7EXAMPLE", OTHER_SECRET)
    assert not gate.admits(form, signed(keys=other))


def test_a_signature_holds_for_its_time_only(gate, first):
    form, at = gate.form(first), gate.now
    for gate.now, holds in (
        (at + SKEW_S, True),
        (at - SKEW_S, True),
        (at + SKEW_S + 1, False),
        (at - SKEW_S - 1, False),
    ):
        assert gate.admits(form, first) is holds
        assert isinstance(gate.ask(first), Admitted) is holds


def test_a_form_holds_as_long_as_its_key_is_known(gate, first):
    form = gate.form(first)
    gate.admission.forget(frozenset(("999999999999",)), everyone=False)
    assert gate.admits(form, first)
    gate.admission.forget(frozenset((ACCOUNT,)), everyone=False)
    assert not gate.admits(form, first)
    gate.ask(first)
    assert gate.admits(form, first)
    gate.credential = Credential(secret=OTHER_SECRET)
    gate.admission.forget(frozenset(), everyone=True)
    assert isinstance(gate.ask(first), ServiceError)
    assert not gate.admits(form, first)


def test_a_credential_that_has_ended_admits_nothing(gate, first):
    gate.credential.expires = gate.now + 5
    form = gate.form(first)
    gate.now += 4
    assert gate.admits(form, first)
    gate.now += 1
    assert not gate.admits(form, first)


def test_another_session_is_another_form(gate):
    one = signed(keys=Credentials("ASIAIOSFODNN7EXAMPLE", SECRET, "token-one"))
    gate.now = moment(one)
    form = gate.form(one)
    assert gate.admits(form, one)
    other = signed(keys=Credentials("ASIAIOSFODNN7EXAMPLE", SECRET, "token-two"))
    assert form.fill(split(other)[0]) is None


@pytest.mark.parametrize("allowed", [True, False])
def test_a_declared_hash_must_be_that_of_the_body(gate, allowed):
    aws = AWSRequest("POST", f"http://h{PATH}", data=b"1,2", headers={"Host": "h"})
    aws.headers["X-Amz-Content-SHA256"] = sha256(b"1,2").hexdigest()
    SigV4Auth(Credentials("AKIAIOSFODNN7EXAMPLE", SECRET), "sagemaker", "us-east-1").add_auth(aws)
    fields = "".join(f"{name}: {value}\r\n" for name, value in {**aws.headers, "Content-Length": 3}.items())
    sent = f"POST {PATH} HTTP/1.1\r\n{fields}\r\n1,2".encode()
    gate.now = moment(sent)
    assert gate.admits(gate.form(sent), sent if allowed else sent[:-1] + b"3") is allowed


def test_nothing_is_learned_from_who_was_not_admitted(gate, first):
    refused = signed(keys=Credentials("AKIAIOSFODNN7EXAMPLE", OTHER_SECRET))
    raw = split(refused)[0]
    for _ in range(3):
        assert isinstance(gate.ask(refused), ServiceError)
    assert gate.forms.of(raw).fill(raw) is None


def test_forms_are_bounded_and_the_oldest_goes():
    forms = Forms()
    heads = [
        b"POST /endpoints/e%d/invocations HTTP/1.1\r\nhost: h\r\ncontent-length: 1\r\n\r\n" % number
        for number in range(FORMS_MAX + 1)
    ]
    for raw in heads:
        assert forms.of(raw) is None
        forms.note(parse(raw), raw)
    assert forms.of(heads[-1]) is not None
    assert forms.of(heads[0]) is None


@pytest.mark.parametrize(
    "fields",
    [b"connection: close\r\n", b"expect: 100-continue\r\n", b"a: b\r\na: c\r\n", b"a: " + b"b" * 5000 + b"\r\n"],
)
def test_an_unusual_head_has_no_form(fields):
    forms, raw = (
        Forms(),
        b"POST /endpoints/e/invocations HTTP/1.1\r\nhost: h\r\n" + fields + b"content-length: 1\r\n\r\n",
    )
    forms.note(parse(raw), raw)
    assert forms.of(raw) is None
