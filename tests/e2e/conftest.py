"""A whole Clary, started and ended from its command line, and fresh accounts in it.

Nothing of Clary is imported here: tests are its clients, and see what its users see.
"""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import boto3
import pytest
from botocore.config import Config

T = TypeVar("T")
SOURCE = Path(__file__).parents[2] / "src"
REGION = "us-east-1"
XGBOOST = f"683313688378.dkr.ecr.{REGION}.amazonaws.com/sagemaker-xgboost:1.7-1"
SKLEARN = f"683313688378.dkr.ecr.{REGION}.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
INSTANCE = "ml.m5.large"
SAGEMAKER_MAY_ASSUME = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
EXECUTION_POLICIES = ("AmazonSageMakerFullAccess", "AmazonS3FullAccess")
ONE_TRY = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=70)
OVER = ("Completed", "Failed", "Stopped")


def eventually(claim: Callable[[], T], deadline_s: float = 60.0) -> T:
    """Return what `claim` returns as soon as that is true; fail when the time is over."""
    ends = time.monotonic() + deadline_s
    while not (told := claim()):
        assert time.monotonic() < ends, f"it did not become true within {deadline_s} s"
        time.sleep(0.03)
    return told


@dataclass
class Clary:
    """A running Clary; `environment` is what `clary env` exports."""

    home: Path
    environment: Mapping[str, str] = field(default_factory=dict)

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `clary` on this home as a user does, and return how it ended."""
        return subprocess.run(
            [sys.executable, "-m", "clary", *arguments, "--home", str(self.home)],
            env={**os.environ, "PYTHONPATH": str(SOURCE)}, capture_output=True, text=True, timeout=100,
        )  # fmt: skip

    def start(self, *flags: str) -> None:
        done = self.command("up", "--detach", "--port", "0", *flags)
        assert done.returncode == 0, done.stderr
        told = json.loads(self.command("env", "--json").stdout)
        self.environment = {name: value for name, value in told.items() if value is not None}

    def status(self) -> dict[str, Any]:
        return json.loads(self.command("status", "--json").stdout)

    def stop(self) -> None:
        """End it, and hold it to leaving no process, no instance and no mount behind."""
        done = self.command("down")
        assert done.returncode == 0, done.stderr
        status = self.status()
        assert (status["state"], status["instances"]) == ("stopped", [])
        assert self.processes() == {}

    def kill(self, name: str) -> None:
        """Kill one of its processes, as soon as it runs."""

        def running() -> int | None:
            return next(each["pid"] for each in self.status()["processes"] if each["name"] == name)

        with suppress(ProcessLookupError):  # it may end between the look and the kill
            os.kill(eventually(running), signal.SIGKILL)

    def processes(self) -> dict[int, str]:
        """Return the command lines of all processes that name this home, or stand in it."""
        found = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdecimal() and int(entry.name) != os.getpid():
                try:
                    line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                    held = [line, str((entry / "cwd").readlink()), (entry / "environ").read_bytes().decode("latin-1")]
                except OSError:
                    continue
                if any(str(self.home) in each for each in held):
                    found[int(entry.name)] = line
        return found

    @cached_property
    def session(self) -> boto3.Session:
        return boto3.Session(region_name=REGION)

    def account(self) -> Account:
        """Return a fresh account, made as AWS's users make one."""
        organizations, sts = self.root("organizations"), self.root("sts")
        name = uuid.uuid4().hex
        made = organizations.create_account(AccountName=name, Email=f"{name}@example.com")["CreateAccountStatus"]
        role = f"arn:aws:iam::{made['AccountId']}:role/OrganizationAccountAccessRole"
        given = sts.assume_role(RoleArn=role, RoleSessionName="tests")["Credentials"]
        return Account(
            self, made["AccountId"], Keys(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
        )

    def root(self, service: str) -> Any:
        """Return a client of the managing account's root; they are kept."""
        if service not in self._roots:
            keys = Keys(self.environment["AWS_ACCESS_KEY_ID"], self.environment["AWS_SECRET_ACCESS_KEY"])
            self._roots[service] = self.client(service, keys)
        return self._roots[service]

    @cached_property
    def _roots(self) -> dict[str, Any]:
        return {}

    def client(self, service: str, keys: Keys, **more: Any) -> Any:
        url = self.environment["AWS_ENDPOINT_URL"]
        return self.session.client(service, endpoint_url=url, **{"config": ONE_TRY, **keys.named(), **more})


@dataclass(frozen=True)
class Keys:
    """What requests are signed with."""

    access_key: str
    secret: str
    token: str | None = None

    @classmethod
    def of(cls, made: Mapping[str, Any]) -> Keys:
        """Read them from an answer of IAM or STS."""
        return cls(made["AccessKeyId"], made["SecretAccessKey"], made.get("SessionToken"))

    def named(self) -> dict[str, str]:
        told = {"aws_access_key_id": self.access_key, "aws_secret_access_key": self.secret}
        return told | ({"aws_session_token": self.token} if self.token else {})

    def exported(self) -> dict[str, str]:
        return {name.upper(): value for name, value in self.named().items()}


class Account:
    """An account of its own: clients that may do everything in it, and what stories have in common."""

    def __init__(self, clary: Clary, number: str, keys: Keys) -> None:
        self.clary = clary
        self.id = number
        self.keys = keys
        self._clients: dict[str, Any] = {}

    def __call__(self, service: str) -> Any:
        """Return a client of the account's administrator."""
        if service not in self._clients:
            self._clients[service] = self.clary.client(service, self.keys)
        return self._clients[service]

    def close(self) -> None:
        """Have the account closed, which ends all that runs in it; nobody waits for that."""
        organizations = self.clary.root("organizations")
        closed = organizations.exceptions.AccountAlreadyClosedException
        with suppress(closed, organizations.exceptions.AccountNotFoundException):
            organizations.close_account(AccountId=self.id)
        for client in self._clients.values():
            client.close()

    def arn(self, resource: str, service: str = "sagemaker") -> str:
        return f"arn:aws:{service}:{'' if service == 'iam' else REGION}:{self.id}:{resource}"

    def environment(self) -> dict[str, str]:
        """Return what programs need to act in this account, unchanged."""
        passed = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
        led = {name: value for name, value in self.clary.environment.items() if name != "PYTHONPATH"}
        plugin = self.clary.environment["PYTHONPATH"].split(os.pathsep)[0]
        return {**passed, **led, **self.keys.exported(), "PYTHONPATH": plugin}

    # ── roles ──

    @cached_property
    def role(self) -> str:
        """The ARN of an execution role as AWS's documentation has one made."""
        return self.role_of("execution", *EXECUTION_POLICIES)

    def role_of(self, name: str, *managed: str, **inline: Mapping[str, Any]) -> str:
        iam = self("iam")
        arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(SAGEMAKER_MAY_ASSUME))["Role"]["Arn"]
        for policy in managed:
            iam.attach_role_policy(RoleName=name, PolicyArn=f"arn:aws:iam::aws:policy/{policy}")
        for policy, document in inline.items():
            iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=json.dumps(document))
        return arn

    def user(self, *statements: Mapping[str, Any]) -> Callable[[str], Any]:
        """Return what makes clients of a new user who may do only what the statements say."""
        iam, name = self("iam"), f"user-{uuid.uuid4().hex[:8]}"
        iam.create_user(UserName=name)
        document = {"Version": "2012-10-17", "Statement": list(statements)}
        iam.put_user_policy(UserName=name, PolicyName="only", PolicyDocument=json.dumps(document))
        keys = Keys.of(iam.create_access_key(UserName=name)["AccessKey"])

        def client(service: str) -> Any:
            return self._clients.setdefault(f"{name}/{service}", self.clary.client(service, keys))

        return client

    # ── data ──

    @cached_property
    def bucket(self) -> str:
        name = f"stories-{uuid.uuid4().hex}"
        self("s3").create_bucket(Bucket=name)
        return name

    def put(self, key: str, body: bytes | str) -> str:
        """Store an object; return its URI."""
        self("s3").put_object(Bucket=self.bucket, Key=key, Body=body)
        return f"s3://{self.bucket}/{key}"

    def get(self, uri: str) -> bytes:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        return self("s3").get_object(Bucket=bucket, Key=key)["Body"].read()

    def put_archive(self, key: str, files: Mapping[str, bytes | str]) -> str:
        """Store a .tar.gz of files; return its URI."""
        return self.put(key, archive(files))

    def archive(self, uri: str) -> dict[str, bytes]:
        """Return the files of a .tar.gz."""
        with tarfile.open(fileobj=io.BytesIO(self.get(uri))) as opened:
            return {each.name: opened.extractfile(each).read() for each in opened.getmembers() if each.isfile()}

    # ── training ──

    def train(self, name: str, image: str, hyperparameters: Mapping[str, str] | None = None, **more: Any) -> str:
        """Ask for a job; `channels` maps names to URIs, everything else goes into the request."""
        channels = more.pop("channels", {})
        wanted = {
            "TrainingJobName": name,
            "AlgorithmSpecification": {"TrainingImage": image, "TrainingInputMode": "File"},
            "RoleArn": more.pop("role", None) or self.role,
            "HyperParameters": dict(hyperparameters or {}),
            "OutputDataConfig": {"S3OutputPath": f"s3://{self.bucket}/output/"},
            "ResourceConfig": {"InstanceType": INSTANCE, "InstanceCount": 1, "VolumeSizeInGB": 1},
            "StoppingCondition": {"MaxRuntimeInSeconds": 600},
            **({"InputDataConfig": [channel(*each) for each in channels.items()]} if channels else {}),
            **more,
        }
        self("sagemaker").create_training_job(**wanted)
        return name

    def job(self, name: str) -> dict[str, Any]:
        return self("sagemaker").describe_training_job(TrainingJobName=name)

    def ended(self, name: str, deadline_s: float = 60.0) -> dict[str, Any]:
        """Return a job once it is over, however it ended."""
        return eventually(lambda: (job := self.job(name))["TrainingJobStatus"] in OVER and job, deadline_s)

    def completed(self, name: str) -> dict[str, Any]:
        job = self.ended(name)
        assert job["TrainingJobStatus"] == "Completed", (job.get("FailureReason"), self.log_of_job(name))
        return job

    def script(self, name: str, image: str, source: str, hyperparameters: Mapping[str, Any] | None = None, **more: Any):
        """Ask for a script-mode job as the SageMaker SDK does."""
        submitted = self.put_archive(f"{name}/sourcedir.tar.gz", {"train.py": source})
        told = {"sagemaker_program": "train.py", "sagemaker_submit_directory": submitted, **(hyperparameters or {})}
        return self.train(name, image, {key: json.dumps(value) for key, value in told.items()}, **more)

    # ── hosting ──

    def model(self, name: str, image: str, data: str | None = None, **more: Any) -> str:
        container = {"Image": image, **({"ModelDataUrl": data} if data else {}), **more.pop("container", {})}
        self("sagemaker").create_model(
            ModelName=name, PrimaryContainer=container, ExecutionRoleArn=more.pop("role", None) or self.role, **more
        )
        return name

    def deploy(self, name: str, *, count: int = 1, variant: Mapping[str, Any] | None = None) -> str:
        """Ask for an endpoint of the model of the same name."""
        wanted = {
            "VariantName": "AllTraffic", "ModelName": name, "InitialInstanceCount": count, "InstanceType": INSTANCE,
            **(variant or {}),
        }  # fmt: skip
        self("sagemaker").create_endpoint_config(EndpointConfigName=name, ProductionVariants=[wanted])
        self("sagemaker").create_endpoint(EndpointName=name, EndpointConfigName=name)
        return name

    def endpoint(self, name: str) -> dict[str, Any]:
        return self("sagemaker").describe_endpoint(EndpointName=name)

    def settled(self, name: str, deadline_s: float = 60.0) -> dict[str, Any]:
        """Return an endpoint once it is no longer being made."""
        return eventually(lambda: (seen := self.endpoint(name))["EndpointStatus"] != "Creating" and seen, deadline_s)

    def serving(self, name: str) -> dict[str, Any]:
        seen = self.settled(name)
        assert seen["EndpointStatus"] == "InService", (seen.get("FailureReason"), self.log_of_endpoint(name))
        return seen

    def invoke(self, name: str, body: bytes | str, **more: Any) -> dict[str, Any]:
        """Return an answer, its body read as text."""
        wanted = {"EndpointName": name, "ContentType": "text/csv", **more}
        answer = self("sagemaker-runtime").invoke_endpoint(Body=body, **wanted)
        return {**answer, "Body": answer["Body"].read().decode()}

    def image(self, folder: Path, **programs: str) -> str:
        """Register programs of one's own as an image; return its URI."""
        folder.mkdir(exist_ok=True)
        for program, source in programs.items():
            (folder / program).write_text(source)
            (folder / program).chmod(0o755)
        uri = f"{self.id}.dkr.ecr.{REGION}.amazonaws.com/{uuid.uuid4().hex}:latest"
        done = self.clary.command("images", "add", uri, str(folder))
        assert done.returncode == 0, done.stderr
        return uri

    def instances(self) -> list[dict[str, Any]]:
        """Return the instances that run on this machine, whosever they are."""
        return self.clary.status()["instances"]

    # ── logs ──

    eventually = staticmethod(eventually)

    def log_of_job(self, name: str) -> list[str]:
        return self.lines("/aws/sagemaker/TrainingJobs", f"{name}/")

    def log_of_endpoint(self, name: str) -> list[str]:
        return self.lines(f"/aws/sagemaker/Endpoints/{name}")

    def lines(self, group: str, prefix: str = "") -> list[str]:
        logs = self("logs")
        groups = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
        if not any(each["logGroupName"] == group for each in groups):
            return []
        wanted = {"logStreamNamePrefix": prefix} if prefix else {}
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group, **wanted)
        return [event["message"] for page in pages for event in page["events"]]


def channel(name: str, source: str | Mapping[str, Any]) -> dict[str, Any]:
    """Return a channel of CSV below a prefix; a mapping changes what is in it."""
    told = {"S3Uri": source} if isinstance(source, str) else dict(source)
    more = {key: told.pop(key) for key in ("CompressionType", "ContentType", "ShuffleConfig") if key in told}
    where = {"S3DataType": "S3Prefix", "S3DataDistributionType": "FullyReplicated", **told}
    return {"ChannelName": name, "ContentType": "text/csv", **more, "DataSource": {"S3DataSource": where}}


def archive(files: Mapping[str, bytes | str]) -> bytes:
    """Return a .tar.gz of files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as written:
        for name, content in files.items():
            body = content.encode() if isinstance(content, str) else content
            entry = tarfile.TarInfo(name)
            entry.size = len(body)
            written.addfile(entry, io.BytesIO(body))
    return buffer.getvalue()


@pytest.fixture(scope="session")
def clary() -> Iterator[Clary]:
    """Give a running Clary; with pytest-xdist each worker has its own."""
    with tempfile.TemporaryDirectory(prefix="cl", dir="/tmp") as home:  # short: Unix sockets have 107 bytes
        running = Clary(Path(home))
        running.start()
        try:
            yield running
        finally:
            for client in running._roots.values():
                client.close()
            running.stop()


@pytest.fixture
def account(clary: Clary) -> Iterator[Account]:
    """Give an account that nobody has used."""
    made = clary.account()
    yield made
    made.close()
