"""Disks that fill up and bytes that rot: clear errors, nothing half done, and all is well once there is room again."""

from __future__ import annotations

import os
import random
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from tests.crash.conftest import ended_in_order
from tests.crash.machine import Machine
from tests.crash.traffic import BROKEN, TABLE, digest, read_object
from tests.e2e.conftest import XGBOOST, Account, eventually

MIB = 2**20
BLOBS_BYTES = 24 * MIB
DATABASES_BYTES = 24 * MIB
TRAIN = "#!/bin/sh\nhead -c 4000000 /dev/urandom > /opt/ml/model/it\n"


@contextmanager
def mounted(folder: Path, size: int) -> Iterator[None]:
    """Have a folder be a disk of its own, of so many bytes."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=700", "none", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"this user cannot mount a small disk: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    """Give a Clary whose objects and whose databases lie on small disks."""
    with tempfile.TemporaryDirectory(prefix="cl", dir="/tmp") as name:
        home = Path(name)
        with (
            mounted(home / "blobs", BLOBS_BYTES),
            mounted(home / "db", DATABASES_BYTES),
            ended_in_order(home) as running,
        ):
            yield running


@contextmanager
def filled(folder: Path) -> Iterator[None]:
    """Take all the room that a disk has."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(bytes(64 * 1024)):
            pass
    try:
        yield
    finally:
        ballast.unlink()


def refusal(call) -> ClientError:
    with pytest.raises(ClientError) as refused:
        call()
    return refused.value


def test_a_full_disk_refuses_objects_and_keeps_those_it_has(machine: Machine, account: Account, chance: random.Random):
    s3, bucket, kept = account("s3"), account.bucket, {}
    error = None
    while error is None:
        key, body = f"k{len(kept)}", chance.randbytes(3 * MIB)
        try:
            s3.put_object(Bucket=bucket, Key=key, Body=body)
        except ClientError as refused:
            error = refused
        else:
            kept[key] = digest(body)
    assert len(kept) >= 5
    assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 503
    assert "full" in error.response["Error"]["Message"]
    assert {key: read_object(s3, bucket, key) for key in kept} == kept
    assert [each["Key"] for each in s3.list_objects_v2(Bucket=bucket)["Contents"]] == sorted(kept)
    assert len(machine.blobs()) == len(kept)
    s3.delete_object(Bucket=bucket, Key="k0")
    s3.put_object(Bucket=bucket, Key="k0", Body=b"again")
    assert read_object(s3, bucket, "k0") == digest(b"again")
    s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key} for key in kept]})
    assert machine.blobs() == []


def test_a_job_whose_model_finds_no_room_fails_with_that_reason(machine: Machine, account: Account):
    image = account.image(machine.home / "image", train=TRAIN)
    account.train("before", image)
    account.completed("before")
    with filled(machine.home / "blobs"):
        job = account.ended(account.train("full", image))
    assert job["TrainingJobStatus"] == "Failed"
    assert "disk" in job["FailureReason"]
    assert "full" in job["FailureReason"]
    account.completed(account.train("after", image))


def test_full_databases_refuse_what_is_new_and_forget_nothing(machine: Machine, account: Account):
    sagemaker, s3, role = account("sagemaker"), account("s3"), account.role
    wanted = {"PrimaryContainer": {"Image": XGBOOST}, "ExecutionRoleArn": role}
    sagemaker.create_model(ModelName="kept", **wanted)
    account.put("kept", "kept")
    with filled(machine.home / "db"):
        made: list[str] = []  # some still fit where a write-ahead log has just begun anew
        errors = [
            refusal(lambda: [made.append(account.model(f"m{n}", XGBOOST)) for n in range(9999)]),
            refusal(lambda: [s3.put_object(Bucket=account.bucket, Key=f"k{n}", Body=b"x") for n in range(9999)]),
        ]
        refused = f"m{len(made)}"
        for error in errors:
            assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 503
            assert "full" in error.response["Error"]["Message"]
        assert read_object(s3, account.bucket, "kept") == digest(b"kept")
        pages = sagemaker.get_paginator("list_models").paginate()
        assert {each["ModelName"] for page in pages for each in page["Models"]} == {"kept", *made}
    eventually(lambda: works(lambda: sagemaker.create_model(ModelName=refused, **wanted)), 30)
    eventually(lambda: works(lambda: account.put("new", "new")), 30)
    image = account.image(machine.home / "image", train=TRAIN)
    account.completed(account.train("healed", image))


def works(call) -> bool:
    try:
        call()
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] != 503:
            raise
        return False
    return True


def test_a_rotten_block_ends_an_answer_before_it_is_told(machine: Machine, account: Account, chance: random.Random):
    eventually(lambda: not machine.blobs())  # those of accounts that were closed go soon
    body = chance.randbytes(3 * MIB)
    account.put("rotten", body)
    (blob,) = machine.blobs()
    with blob.open("r+b") as file:
        file.seek(2 * MIB + 500_000)
        byte = file.read(1)[0]
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte ^ 1]))
    told = bytearray()
    with pytest.raises((*BROKEN, ClientError)):
        read_into(told, account)
    assert len(told) <= 2 * MIB
    assert body.startswith(bytes(told))
    whole = account("s3").get_object(Bucket=account.bucket, Key="rotten", Range=f"bytes=0-{MIB - 1}")["Body"].read()
    assert whole == body[:MIB]


def read_into(told: bytearray, account: Account) -> None:
    for piece in account("s3").get_object(Bucket=account.bucket, Key="rotten")["Body"].iter_chunks(64 * 1024):
        told += piece


def test_a_database_that_cannot_be_read_is_named_when_clary_starts(prepared_home: Path):
    machine = Machine(prepared_home)
    (prepared_home / "db/records.db").write_bytes(b"this is no database" * 1000)
    done = machine.up()
    assert done.returncode == 1
    assert "records.db" in done.stderr
    assert "not a database" in done.stderr
    assert machine.processes() == {}


def test_endpoints_serve_on_while_the_records_cannot_be_read(home: Path):
    with ended_in_order(home) as machine:
        account = machine.account()
        account.put("table/train.csv", TABLE)
        rounds = {"objective": "reg:squarederror", "num_round": "3"}
        account.train("model", XGBOOST, rounds, channels={"train": f"s3://{account.bucket}/table/"})
        account.model("served", XGBOOST, account.completed("model")["ModelArtifacts"]["S3ModelArtifacts"])
        account.serving(account.deploy("served"))
        expected = {account.invoke("served", "1,2")["Body"] for _ in range(20)}
        spoil(home / "db/records.db")
        for _ in range(50):
            assert {account.invoke("served", "1,2")["Body"]} == expected
        error = refusal(lambda: account("sagemaker").list_models())
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 503
        assert "database" in error.response["Error"]["Message"]
        assert {account.invoke("served", "1,2")["Body"]} == expected


def spoil(database: Path) -> None:
    """Write over everything of a database that is in use."""
    for path in (database, database.with_name(f"{database.name}-wal")):
        with path.open("r+b") as file:
            file.write(b"\x5a" * path.stat().st_size)
            os.fsync(file.fileno())
