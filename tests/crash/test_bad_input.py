"""What no honest client sends: refused in HTTP's or AWS's words, and nobody else is the worse for it."""

from __future__ import annotations

import os
import random
import re
import socket
import tarfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from io import BytesIO
from pathlib import Path

import pytest
from botocore.exceptions import ClientError, ParamValidationError
from tests.crash.machine import Machine
from tests.crash.traffic import digest, read_object
from tests.e2e.conftest import SKLEARN, XGBOOST, Account, Keys

ANSWER_S = 15.0
SLOW_CLIENTS = 300
SLOW_S = 4.0
ASKED_MIN = 5  # so that the machine's own pauses are not the median
PORTRAIT = b"GET / HTTP/1.1\r\nhost: x\r\n"

MALFORMED = {
    "nothing like HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "no version": b"GET /\r\n\r\n",
    "a version nobody speaks": b"GET / HTTP/9.9\r\nhost: x\r\n\r\n",
    "a header without a colon": PORTRAIT + b"nonsense\r\n\r\n",
    "a space before the colon": PORTRAIT + b"content-length : 3\r\n\r\nabc",
    "a folded header": PORTRAIT + b"a: b\r\n c: d\r\n\r\n",
    "a NUL in a header": PORTRAIT + b"a: b\0c\r\n\r\n",
    "two lengths": PORTRAIT + b"content-length: 3\r\ncontent-length: 4\r\n\r\nabcd",
    "a negative length": PORTRAIT + b"content-length: -1\r\n\r\n",
    "a length in words": PORTRAIT + b"content-length: three\r\n\r\nabc",
    "a length and chunks": PORTRAIT + b"content-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "a coding nobody knows": PORTRAIT + b"transfer-encoding: gzip, nonsense\r\n\r\n",
    "an endless head": PORTRAIT + b"".join(b"h%d: %s\r\n" % (number, b"x" * 900) for number in range(400)) + b"\r\n",
    "an endless line": b"GET /" + b"a" * 400_000 + b" HTTP/1.1\r\n\r\n",
}  # fmt: skip


@pytest.fixture
def port(machine: Machine) -> int:
    return int(machine.port)


def said_to(port: int, *pieces: bytes) -> bytes:
    """Return all that is answered until the other side closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=ANSWER_S) as client:
        answer = b""
        with suppress(OSError):  # it may have closed already
            for piece in pieces:
                client.sendall(piece)
            client.shutdown(socket.SHUT_WR)
        with suppress(ConnectionResetError):
            while piece := client.recv(65536):
                answer += piece
        return answer


def status_of(answer: bytes) -> int:
    found = re.match(rb"HTTP/1\.1 (\d{3}) ", answer)
    return int(found[1]) if found else 0


@pytest.mark.parametrize("request_bytes", MALFORMED.values(), ids=MALFORMED)
@pytest.mark.parametrize("path", ["api", "invocation"])
def test_malformed_http_is_refused(port: int, request_bytes: bytes, path: str):
    if path == "invocation":
        request_bytes = request_bytes.replace(b"GET / ", b"POST /endpoints/e/invocations ", 1)
    answer = said_to(port, request_bytes)
    assert 400 <= status_of(answer) < 500 or answer == b"" or status_of(answer) in (501, 505)
    assert status_of(said_to(port, PORTRAIT + b"connection: close\r\n\r\n")) in (400, 403)


def test_noise_breaks_nothing(port: int, chance: random.Random, account: Account):
    alphabet = [
        b"GET ",
        b"POST ",
        b"/",
        b" HTTP/1.1",
        b"\r\n",
        b"\n",
        b"\0",
        b"host: a",
        b"content-length: 5",
        b"\xff",
        b":",
        b"a",
    ]
    for _ in range(200):
        noise = b"".join(chance.choices(alphabet, k=chance.randrange(1, 40)))
        assert status_of(said_to(port, noise)) < 500
    assert account("sts").get_caller_identity()["Account"] == account.id


def test_signatures_that_are_wrong_are_refused_by_their_own_names(machine: Machine, account: Account):
    right = account.keys
    wrong = {
        Keys(right.access_key, "x" * 40, right.token): "SignatureDoesNotMatch",
        Keys("AKIAIOSFODNN7EXAMPLE", right.secret): "InvalidAccessKeyId",
        Keys(right.access_key, right.secret, "garbage" * 30): "InvalidToken",
    }
    for keys, code in wrong.items():
        s3 = machine.client("s3", keys)
        with pytest.raises(ClientError) as refused:
            s3.list_buckets()
        assert refused.value.response["Error"]["Code"] == code
        s3.close()


def test_a_request_that_nobody_signed_is_refused(port: int):
    answer = said_to(port, PORTRAIT + b"connection: close\r\n\r\n")
    assert status_of(answer) == 403
    assert b"AccessDenied" in answer or b"MissingAuthenticationToken" in answer


def test_a_body_that_is_too_large_is_refused_before_it_is_read(port: int, account: Account):
    head = b"POST / HTTP/1.1\r\nhost: x\r\nx-amz-target: SageMaker.ListModels\r\n"
    began = time.monotonic()
    answer = said_to(port, head + b"content-length: 99999999999\r\n\r\n", b"x" * 100_000)
    assert 400 <= status_of(answer) < 500
    assert time.monotonic() - began < ANSWER_S
    answer = said_to(port, b"POST /endpoints/e/invocations HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999999\r\n\r\nx")
    assert status_of(answer) in (400, 413)
    sagemaker = account("sagemaker")
    wanted = {"ModelName": "m", "ExecutionRoleArn": account.role}
    for size, message in ((20_000_000, "too large"), (3_000_000, "less than or equal to")):
        container = {"Image": XGBOOST, "Environment": {"A": "x" * size}}
        with pytest.raises(ClientError, match=message):
            sagemaker.create_model(PrimaryContainer=container, **wanted)


@pytest.fixture
def slow_clients(port: int) -> Iterator[list[socket.socket]]:
    with ExitStack() as stack:
        yield [
            stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=5)) for _ in range(SLOW_CLIENTS)
        ]


def test_slow_clients_keep_nobody_waiting(slow_clients: list[socket.socket], account: Account):
    heads = (
        b"POST /endpoints/e/invocations HTTP/1.1\r\nhost: x\r\na: " + b"b" * 999,
        b"PUT /bucket/key HTTP/1.1\r\nhost: x\r\n" + b"c" * 999,
    )
    bodies = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5000\r\n\r\n" + b"d" * 999
    sent = dict.fromkeys(slow_clients, 60)
    for number, each in enumerate(slow_clients):
        each.sendall((*heads, bodies)[number % 3][:60])

    def ask() -> None:
        account("sagemaker").list_models()
        read_object(account("s3"), account.bucket, "nothing")

    ask()  # which makes clients and bucket
    waits, ends = [], time.monotonic() + SLOW_S
    while time.monotonic() < ends or len(waits) < ASKED_MIN:
        for number, each in enumerate(slow_clients):
            with suppress(ConnectionError):
                each.sendall((*heads, bodies)[number % 3][sent[each] : sent[each] + 1])
                sent[each] += 1
        began = time.monotonic()
        ask()
        waits.append(time.monotonic() - began)
    assert sorted(waits)[len(waits) // 2] < 2.0


KEYS = (
    "../escape", "../../../../etc/passwd", "a/../../b", "/absolute", "//", ".", "..", "a//b", "a/./b", "a\\..\\b",
    "%2e%2e/x", "%00", "NUL\0", "new\nline", "tab\t", "ünï/çødé/😀", "e\u0301 and \u00e9",
    "+ plus & and = ?query#fragment", " leading and trailing ",
    "x" * 1024, "a/" * 512, "CON", "-rf *", "$(id)", "'; drop table object; --", "<script>",
)  # fmt: skip


def found(home: Path, *names: str) -> set[Path]:
    """Return where anything of these names lies; folders that are removed meanwhile are passed over."""
    walk = ((Path(folder), name) for folder, folders, files in os.walk(home) for name in (*folders, *files))
    return {folder / name for folder, name in walk if name in names}


def test_keys_are_names_and_never_paths(machine: Machine, account: Account):
    s3, bucket = account("s3"), account.bucket
    outside = found(machine.home, "escape", "absolute", "passwd")
    for key in KEYS:
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    for key in KEYS:
        assert read_object(s3, bucket, key) == digest(key.encode()), key
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    assert sorted(each["Key"] for page in pages for each in page["Contents"]) == sorted(KEYS)
    assert found(machine.home, "escape", "absolute", "passwd") == outside
    for key in KEYS:
        s3.delete_object(Bucket=bucket, Key=key)
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)


def test_keys_that_s3_does_not_take_are_refused(account: Account):
    for key in ("x" * 1025, "ü" * 513):
        with pytest.raises(ClientError) as refused:
            account("s3").put_object(Bucket=account.bucket, Key=key, Body=b"")
        assert refused.value.response["Error"]["Code"] == "KeyTooLongError"
    with pytest.raises((ClientError, ParamValidationError)):
        account("s3").put_object(Bucket="../etc", Key="passwd", Body=b"")


def test_a_channels_key_that_climbs_out_is_the_jobs_failure(machine: Machine, account: Account):
    image = account.image(machine.home / "image", train="#!/bin/sh\nexit 0\n")
    account.put("data/../../../escape", "x")
    job = account.ended(account.train("climbs", image, channels={"train": f"s3://{account.bucket}/data/"}))
    assert job["TrainingJobStatus"] == "Failed"
    assert "cannot be the path of a file" in job["FailureReason"]
    assert not found(machine.home, "escape")


def climbing(kind: str) -> bytes:
    """Return a .tar.gz one of whose members leads out of the folder that it is unpacked into."""
    buffer = BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        member = tarfile.TarInfo({"above": "../../escape", "absolute": "/tmp/clary-escape"}.get(kind, "link"))
        if kind == "link":
            member.type, member.linkname = tarfile.SYMTYPE, "/etc"
        elif kind == "device":
            member.type, member.devmajor, member.devminor = tarfile.CHRTYPE, 1, 3
        else:
            member.size = 1
        archive.addfile(member, BytesIO(b"x") if member.size else None)
    return buffer.getvalue()


def test_an_absolute_name_in_an_archive_stays_below_its_folder(machine: Machine, account: Account):
    uri = account.put("absolute.tar.gz", climbing("absolute"))
    account.train("absolute", SKLEARN, {"sagemaker_program": "train.py", "sagemaker_submit_directory": uri})
    assert account.ended("absolute")["FailureReason"].startswith("ClientError: The entry point train.py is not in the")
    assert not Path("/tmp/clary-escape").exists()


@pytest.mark.parametrize("kind", ["above", "link", "device"])
def test_archives_that_climb_out_are_refused_as_model_and_as_source(machine: Machine, account: Account, kind: str):
    uri = account.put("climbing.tar.gz", climbing(kind))
    program = {"sagemaker_program": "train.py", "sagemaker_submit_directory": uri}
    account.train("climbs", SKLEARN, program)
    account.model("climbs", XGBOOST, uri)
    account.deploy("climbs")
    job, endpoint = account.ended("climbs"), account.settled("climbs")
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("ClientError: ")
    assert "refused" in job["FailureReason"]
    assert endpoint["EndpointStatus"] == "Failed"
    assert "refused" in endpoint["FailureReason"]
    assert not found(machine.home, "escape")
