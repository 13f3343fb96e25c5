"""Clients at work while Clary is being killed: each retries, within bounds, and writes down what it was told."""

from __future__ import annotations

import hashlib
import io
import random
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from botocore.exceptions import ClientError, EndpointConnectionError, HTTPClientError, IncompleteReadError
from botocore.parsers import ResponseParserError
from tests.crash.journal import ABSENT, Job, Journal
from tests.e2e.conftest import SKLEARN, XGBOOST, Account

T = TypeVar("T")
BROKEN = (HTTPClientError, EndpointConnectionError, IncompleteReadError, ResponseParserError)
"""How botocore tells that a connection was refused, broke, or ended before its answer, or that it cannot read one:
a gateway whose api is down says so in JSON, which clients that wait for XML try again."""
RETRIES_S = 45.0
RETRY_PAUSE_S = 0.05
JOB_S = 150.0
OVER = ("Completed", "Failed", "Stopped")
KEYS = 12
BODY_BYTES_MAX = 300_000
PART_BYTES = 5 * 2**20
TRAIN = """#!/bin/sh
echo "ran $(cat /proc/sys/kernel/random/uuid)"
sleep "$LINGER"
printf '%s' "$ANSWER" > /opt/ml/model/answer
"""
SCRIPT = """
import os, pathlib, uuid
print("ran", uuid.uuid4(), flush=True)
pathlib.Path(os.environ["SM_MODEL_DIR"], "answer").write_text(os.environ["ANSWER"])
"""


def patiently(call: Callable[[], T]) -> T:
    """Return what a call returns, made again while its connection breaks or Clary says that it cannot, for a while."""
    ends = time.monotonic() + RETRIES_S
    while True:
        try:
            return call()
        except BROKEN:
            if time.monotonic() > ends:
                raise
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] != 503 or time.monotonic() > ends:
                raise
        time.sleep(RETRY_PAUSE_S)


def refused(error: ClientError) -> str:
    return error.response["Error"]["Code"]


@dataclass
class Traffic:
    """The clients of one account, each a thread of its own."""

    account: Account
    journal: Journal
    seed: int
    image: str = ""
    endpoint: str = ""
    expected: str = ""  # what the endpoint answers
    faults: list[Exception] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)
    statuses: dict[str, dict[str, Any]] = field(default_factory=dict)  # of jobs, as they ended

    @contextmanager
    def running(self, **clients: int) -> Iterator[Traffic]:
        """Have so many clients of each kind at work; raise what went wrong with one at the end."""
        threads = [
            threading.Thread(target=self._work, args=(getattr(self, kind), f"{kind}{number}"), name=f"{kind}{number}")
            for kind, count in clients.items()
            for number in range(count)
        ]
        for each in threads:
            each.start()
        try:
            yield self
        finally:
            self.stop.set()
            for each in threads:
                each.join(JOB_S + RETRIES_S)
            assert not any(each.is_alive() for each in threads), "a client hangs"
        if self.faults:
            raise self.faults[0]

    def _work(self, client: Callable[[random.Random, str], Iterator[None]], name: str) -> None:
        try:
            for _ in client(random.Random(f"{self.seed}/{name}"), name):
                if self.stop.is_set():
                    return
        except Exception as error:  # noqa: BLE001 - the test raises it, see `running`
            self.faults.append(error)
            self.stop.set()

    # ── S3 ──

    def objects(self, chance: random.Random, name: str) -> Iterator[None]:
        """Write, overwrite, read and delete the objects of one prefix, whose only writer this is."""
        bucket = self.account.bucket
        s3 = self.account("s3")
        while True:
            key = f"{name}/{chance.randrange(KEYS)}"
            act = chance.choices((self._put, self._put_in_parts, self._delete, self._get), (6, 0.3, 1, 3))[0]
            act(s3, bucket, key, chance)
            yield

    def _put(self, s3: Any, bucket: str, key: str, chance: random.Random) -> None:
        body = chance.randbytes(chance.randrange(BODY_BYTES_MAX))
        self._told(key, digest(body), lambda: s3.put_object(Bucket=bucket, Key=key, Body=body))

    def _put_in_parts(self, s3: Any, bucket: str, key: str, chance: random.Random) -> None:
        parts = [chance.randbytes(PART_BYTES), chance.randbytes(1000)]
        upload = patiently(lambda: s3.create_multipart_upload(Bucket=bucket, Key=key))["UploadId"]
        named = {"Bucket": bucket, "Key": key, "UploadId": upload}
        tags = [
            patiently(lambda n=number, part=part: s3.upload_part(**named, PartNumber=n, Body=part))["ETag"]
            for number, part in enumerate(parts, 1)
        ]
        listed = [{"PartNumber": number, "ETag": tag} for number, tag in enumerate(tags, 1)]
        whole = {**named, "MultipartUpload": {"Parts": listed}}
        self._told(key, digest(b"".join(parts)), lambda: _completed(s3, whole))

    def _delete(self, s3: Any, bucket: str, key: str, _: random.Random) -> None:
        self._told(key, ABSENT, lambda: s3.delete_object(Bucket=bucket, Key=key))

    def _get(self, s3: Any, bucket: str, key: str, _: random.Random) -> None:
        may = self.journal.things("object").get(key, {ABSENT})
        held = patiently(lambda: read_object(s3, bucket, key))
        assert held in may, f"{key} holds {held}, not one of {may}"

    def _told(self, key: str, value: str | None, act: Callable[[], Any]) -> None:
        self.journal.asked(("object", key), value)
        patiently(act)
        self.journal.acknowledged(("object", key), value)

    # ── records ──

    def records(self, chance: random.Random, name: str) -> Iterator[None]:
        """Make and delete models, and tag a role."""
        sagemaker, iam = self.account("sagemaker"), self.account("iam")
        role = self.account.role
        for number in range(1_000_000):
            self._make_model(sagemaker, f"{name}-{number}", role)
            if chance.random() < 0.3:
                self._delete_model(sagemaker, f"{name}-{chance.randrange(number + 1)}")
            value = str(number)
            self.journal.asked(("tag", name), value)
            tags = [{"Key": name, "Value": value}]
            patiently(lambda tags=tags: iam.tag_role(RoleName=role.rpartition("/")[2], Tags=tags))
            self.journal.acknowledged(("tag", name), value)
            yield

    def _make_model(self, sagemaker: Any, name: str, role: str) -> None:
        wanted = {"ModelName": name, "PrimaryContainer": {"Image": XGBOOST}, "ExecutionRoleArn": role}
        self.journal.asked(("model", name), "made")
        with _unless("already exist"):  # the connection broke after it had been made
            patiently(lambda: sagemaker.create_model(**wanted))
        self.journal.acknowledged(("model", name), "made")

    def _delete_model(self, sagemaker: Any, name: str) -> None:
        self.journal.asked(("model", name), ABSENT)
        with _unless("not find"):
            patiently(lambda: sagemaker.delete_model(ModelName=name))
        self.journal.acknowledged(("model", name), ABSENT)

    # ── jobs ──

    def jobs(self, chance: random.Random, name: str) -> Iterator[None]:
        """Ask for one training job after another, and wait for each to end."""
        for number in range(1_000_000):
            kind = chance.choices(("own", "xgboost", "script"), (7, 1.5, 1))[0]
            job = Job(f"{name}-{number}", kind, "" if kind == "xgboost" else f"answer of {name}-{number}")
            self.journal.asked_for(job)
            linger_s = chance.uniform(0.2, 2)
            with _unless("already exists"):
                patiently(lambda job=job, linger_s=linger_s: self._ask(job, linger_s))
            self.statuses[job.name] = self._await(job)
            yield

    def _ask(self, job: Job, linger_s: float) -> None:
        environment = {"Environment": {"ANSWER": job.answer, "LINGER": f"{linger_s:.2f}"}}
        match job.kind:
            case "own":
                self.account.train(job.name, self.image, **environment)
            case "script":
                source = patiently(lambda: self.account.put_archive("sourcedir.tar.gz", {"train.py": SCRIPT}))
                program = {"sagemaker_program": "train.py", "sagemaker_submit_directory": source}
                self.account.train(job.name, SKLEARN, program, **environment)
            case "xgboost":
                rounds = {"objective": "reg:squarederror", "num_round": "3"}
                table = patiently(lambda: self.account.put("table/train.csv", TABLE))
                self.account.train(job.name, XGBOOST, rounds, channels={"train": table})

    def _await(self, job: Job) -> dict[str, Any]:
        """Return a job once it is over; what it says afterwards is looked at later."""
        ends = time.monotonic() + JOB_S
        while True:
            seen = patiently(lambda: self.account.job(job.name))
            if seen["TrainingJobStatus"] in OVER:
                return seen
            assert time.monotonic() < ends, f"{job.name} does not end: {seen}"
            time.sleep(0.1)

    # ── invocations ──

    def invocations(self, _: random.Random, __: str) -> Iterator[None]:
        """Invoke the endpoint again and again."""
        while True:
            outcome = self.invoke()
            time.sleep(0.005 if outcome == "200" else RETRY_PAUSE_S)
            yield

    def invoke(self) -> str:
        """Write down and return how one attempt ended: "200", the error's code, or "broken"."""
        began = time.monotonic()
        outcome = self._attempt()
        self.journal.answered(outcome, began)
        return outcome

    def _attempt(self) -> str:
        try:
            answer = self.account.invoke(self.endpoint, "1,2")
        except ClientError as error:
            return refused(error)
        except BROKEN:
            return "broken"
        assert answer["Body"] == self.expected, answer
        return "200"


TABLE = "".join(f"{number % 7},{number % 3},{number % 5}\n" for number in range(60))


def digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def read_object(s3: Any, bucket: str, key: str) -> str | None:
    """Return the digest of an object, None if there is none."""
    try:
        return digest(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    except s3.exceptions.NoSuchKey:
        return ABSENT


def model_of(body: bytes) -> dict[str, bytes]:
    """Return the files of a model.tar.gz."""
    with tarfile.open(fileobj=io.BytesIO(body)) as opened:
        return {each.name: opened.extractfile(each).read() for each in opened if each.isfile()}


def _completed(s3: Any, upload: dict[str, Any]) -> None:
    """Complete an upload; one that is gone was completed by an attempt whose answer did not arrive."""
    with _unless("upload does not exist"):
        s3.complete_multipart_upload(**upload)


@contextmanager
def _unless(message: str) -> Iterator[None]:
    """Take an error with this message for success: an earlier attempt has done it."""
    try:
        yield
    except ClientError as error:
        if message not in str(error):
            raise
