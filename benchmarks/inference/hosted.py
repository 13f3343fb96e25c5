"""Clary as a user has it: started, a model trained through it, an endpoint made, requests signed by boto3 itself."""

from __future__ import annotations

import io
import json
import random
import tarfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError
from support.running import Clary

from inference.load import Target
from inference.processes import family

IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"
BUCKET, ROLE, NAME = "sagemaker-inference", "inference", "inference"
COLUMNS, ROUNDS, DEPTH = 30, 100, 6
TRAINING_ROWS = 5_000
RESOURCES = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5}
DEADLINE_S = 300.0
POLL_S = 0.01
GATEWAY, MODEL, OTHERS = "gateways", "model server", "others"


def rows(count: int, seed: int) -> list[str]:
    """Return CSV rows of random features."""
    chance = random.Random(seed)
    return [",".join(f"{chance.gauss(0, 1):.6f}" for _ in range(COLUMNS)) for _ in range(count)]


def trained(running: Clary) -> bytes:
    """Train the model, and return its file."""
    policy = {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
    iam = running.client("iam")
    trust = json.dumps({"Version": "2012-10-17", "Statement": [policy]})
    iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=trust)
    iam.attach_role_policy(RoleName=ROLE, PolicyArn="arn:aws:iam::aws:policy/AmazonSageMakerFullAccess")
    s3 = running.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key="train/rows.csv", Body="\n".join(map(_labelled, rows(TRAINING_ROWS, 1))))
    sagemaker = running.client("sagemaker")
    channel = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/train/"}}
    sagemaker.create_training_job(
        TrainingJobName=NAME,
        AlgorithmSpecification={"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        RoleArn=_role(running),
        HyperParameters={"num_round": str(ROUNDS), "max_depth": str(DEPTH), "objective": "binary:logistic"},
        InputDataConfig=[{"ChannelName": "train", "ContentType": "text/csv", "DataSource": channel}],
        OutputDataConfig={"S3OutputPath": f"s3://{BUCKET}/models"},
        ResourceConfig=RESOURCES,
        StoppingCondition={"MaxRuntimeInSeconds": 600},
    )
    _until(lambda: sagemaker.describe_training_job(TrainingJobName=NAME)["TrainingJobStatus"] == "Completed")
    archive = s3.get_object(Bucket=BUCKET, Key=_artifact())["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
        model = opened.extractfile("xgboost-model")
        assert model is not None, "training leaves its model under this name"
        return model.read()


@contextmanager
def endpoint(running: Clary, title: str, container: dict[str, Any]) -> Iterator[Target]:
    """Give an endpoint of a model that takes rows, and delete it."""
    name = title.replace(" ", "-")
    sagemaker = running.client("sagemaker")
    sagemaker.create_model(ModelName=name, ExecutionRoleArn=_role(running), PrimaryContainer=container)
    variant = {"VariantName": "all", "ModelName": name, "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    others = _keepers(running)
    began = time.monotonic()
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    runtime = running.client("sagemaker-runtime")
    row = rows(1, 2)[0]
    _until(lambda: _answers(runtime, name, row))
    start_s = time.monotonic() - began
    own = _keepers(running) - others
    try:
        yield Target(title, running.port, lambda: _parts(running, own), lambda: signed(runtime, name), start_s)
    finally:
        sagemaker.delete_endpoint(EndpointName=name)


def container(environ: dict[str, str]) -> dict[str, Any]:
    """Return what an endpoint of the trained model runs."""
    return {"Image": IMAGE, "ModelDataUrl": f"s3://{BUCKET}/{_artifact()}", "Environment": environ}


def signed(runtime: Any, name: str, count: int = 1_000) -> list[bytes]:
    """Return different requests as boto3 sends them: its own headers, its own signature."""
    return [_encoded(each) for each in prepared(runtime, name, rows(count, 3))]


def prepared(runtime: Any, name: str, bodies: Sequence[str | bytes]) -> list[Any]:
    """Return what boto3 would send; nothing is sent."""
    found: list[Any] = []

    def take(request: Any, **_: Any) -> Any:
        found.append(request)
        return SimpleNamespace(status_code=200, headers={}, content=b"{}", raw=io.BytesIO())

    runtime.meta.events.register("before-send", take)
    try:
        for body in bodies:
            runtime.invoke_endpoint(EndpointName=name, ContentType="text/csv", Body=body)
    finally:
        runtime.meta.events.unregister("before-send", take)
    return found


def fields(request: Any) -> dict[str, str]:
    """Return the header fields that botocore's HTTP connection would send."""
    told = {
        name.lower(): value.decode() if isinstance(value, bytes) else value for name, value in request.headers.items()
    }
    return {"host": request.url.split("/")[2], "accept-encoding": "identity"} | told


def _encoded(request: Any) -> bytes:
    path = request.url.split("/", 3)[3]
    head = "".join(f"{name.title()}: {value}\r\n" for name, value in fields(request).items())
    return f"POST /{path} HTTP/1.1\r\n{head}\r\n".encode() + request.body


def _parts(running: Clary, own: set[int]) -> dict[str, set[int]]:
    """Return Clary's processes; the endpoint's are its keepers, which have no parent, and what they started."""
    pids = running.pids()
    gateways = {pid for name, pid in pids.items() if name.startswith("gateway")}
    instances = {pid for keeper in _keepers(running) for pid in family(keeper)}
    model = {pid for keeper in own for pid in family(keeper)}
    return {GATEWAY: gateways, MODEL: model, OTHERS: set(family(pids["supervisor"])) - gateways - instances}


def _keepers(running: Clary) -> set[int]:
    """Return the processes that own an instance each."""
    return {json.loads(path.read_text())["pid"] for path in running.home.glob("i/*/keeper.json")}


def _artifact() -> str:
    return f"models/{NAME}/output/model.tar.gz"


def _role(running: Clary) -> str:
    return running.client("iam").get_role(RoleName=ROLE)["Role"]["Arn"]


def _labelled(row: str) -> str:
    """Put a label before the features: one that a tree can learn, with some noise."""
    features = [float(text) for text in row.split(",")]
    return f"{int(features[0] * features[1] + features[2] + 0.3 * features[3] > 0)},{row}"


def _answers(runtime: Any, name: str, row: str) -> bool:
    try:
        runtime.invoke_endpoint(EndpointName=name, ContentType="text/csv", Body=row)
    except ClientError:
        return False
    return True


def _until(claim: Callable[[], bool]) -> None:
    ends = time.monotonic() + DEADLINE_S
    while not claim():
        if time.monotonic() > ends:
            raise SystemExit(f"it did not become true within {DEADLINE_S:.0f} s")
        time.sleep(POLL_S)
