"""The calls of the main job: train, deploy, predict; each waits for its end, and says what it waits for."""

from __future__ import annotations

import io
import statistics
import tarfile
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from clary.demo.access import Clients
from clary.demo.cases import Case
from clary.demo.data_sets import csv_line
from clary.demo.failures import DemoFailed, Interrupted
from clary.demo.leftovers import Leftovers
from clary.demo.steps import Step

POLL_S = 0.1
WAIT_S_MAX = 300.0
WAITER = {"Delay": POLL_S, "MaxAttempts": int(WAIT_S_MAX / POLL_S)}
INSTANCE_TYPE = "ml.m5.large"
VOLUME_GB = 5
RUNTIME_S_MAX = 600
CSV = "text/csv"
TRAINING_LOGS = "/aws/sagemaker/TrainingJobs"


@dataclass(frozen=True, slots=True)
class Job:
    """Where one case of one run of the demo works; `name` is that of its training job, model and endpoint."""

    clients: Clients
    case: Case
    name: str
    bucket: str
    role_arn: str
    leftovers: Leftovers
    stop: threading.Event


@dataclass(frozen=True, slots=True)
class Answers:
    """What an endpoint answers to the held-out rows: probabilities (n × classes), and the median time of a call."""

    probabilities: Any
    median_ms: float


def train(job: Job, step: Step) -> str:
    """Train, and return where the model is in S3."""
    sagemaker, case = job.clients("sagemaker"), job.case
    job.leftovers.add(f"log of {job.name}", delete_log_streams, job.clients, TRAINING_LOGS, job.name)
    job.leftovers.add(f"training job {job.name}", delete_training_job, job.clients, job.name)
    sagemaker.create_training_job(
        TrainingJobName=job.name,
        AlgorithmSpecification={
            "TrainingImage": case.image,
            "TrainingInputMode": "File",
            "MetricDefinitions": list(case.metric_definitions),
        },
        RoleArn=job.role_arn,
        HyperParameters=dict(case.hyperparameters),
        InputDataConfig=[_channel("train", f"s3://{job.bucket}/{case.key}/")],
        OutputDataConfig={"S3OutputPath": f"s3://{job.bucket}/models"},
        ResourceConfig={"InstanceType": INSTANCE_TYPE, "InstanceCount": 1, "VolumeSizeInGB": VOLUME_GB},
        StoppingCondition={"MaxRuntimeInSeconds": RUNTIME_S_MAX},
    )
    described = _wait(job, step, lambda: _training(sagemaker.describe_training_job(TrainingJobName=job.name)))
    return str(described["ModelArtifacts"]["S3ModelArtifacts"])


def deploy(job: Job, step: Step, model_uri: str) -> None:
    """Put the model behind an endpoint, and return once it answers."""
    sagemaker, case = job.clients("sagemaker"), job.case
    job.leftovers.add(f"model {job.name}", sagemaker.delete_model, ModelName=job.name)
    container = {"Image": case.image, "ModelDataUrl": model_uri, "Environment": dict(case.environment)}
    sagemaker.create_model(ModelName=job.name, PrimaryContainer=container, ExecutionRoleArn=job.role_arn)
    job.leftovers.add(
        f"endpoint configuration {job.name}", sagemaker.delete_endpoint_config, EndpointConfigName=job.name
    )
    variant = {
        "VariantName": "AllTraffic",
        "ModelName": job.name,
        "InstanceType": INSTANCE_TYPE,
        "InitialInstanceCount": 1,
    }
    sagemaker.create_endpoint_config(EndpointConfigName=job.name, ProductionVariants=[variant])
    job.leftovers.add(f"endpoint {job.name}", delete_endpoint, job.clients, job.name)
    sagemaker.create_endpoint(EndpointName=job.name, EndpointConfigName=job.name)
    _wait(job, step, lambda: _endpoint(sagemaker.describe_endpoint(EndpointName=job.name)))


def predict(job: Job) -> Answers:
    """Ask the endpoint about every held-out row, a call each."""
    runtime = job.clients("sagemaker-runtime")
    rows, times = [], []
    for row in job.case.data.held_out_rows:
        _heed(job)
        began = time.perf_counter()
        answer = runtime.invoke_endpoint(EndpointName=job.name, ContentType=CSV, Accept=CSV, Body=csv_line(row))
        rows.append(answer["Body"].read())
        times.append(time.perf_counter() - began)
    probabilities = np.array([[float(value) for value in row.split(b",")] for row in rows])
    return Answers(probabilities, 1e3 * statistics.median(times))


def score_offline(job: Job, model_uri: str) -> Any:
    """Download the model and return what it says of the held-out rows, without Clary."""
    bucket, _, key = model_uri.removeprefix("s3://").partition("/")
    archive = job.clients("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
            opened.extractall(folder, filter="data")
        return job.case.score(Path(folder), job.case.data.held_out_rows)


def delete_training_job(clients: Clients, name: str) -> None:
    """Delete a training job, which must have ended first."""
    sagemaker = clients("sagemaker")
    if sagemaker.describe_training_job(TrainingJobName=name)["TrainingJobStatus"] == "InProgress":
        sagemaker.stop_training_job(TrainingJobName=name)
    sagemaker.get_waiter("training_job_completed_or_stopped").wait(TrainingJobName=name, WaiterConfig=WAITER)
    sagemaker.delete_training_job(TrainingJobName=name)


def delete_endpoint(clients: Clients, name: str) -> None:
    """Delete an endpoint, which must not be in the making any more, and then what it logged."""
    sagemaker = clients("sagemaker")
    deadline = time.monotonic() + WAIT_S_MAX
    while sagemaker.describe_endpoint(EndpointName=name)["EndpointStatus"] == "Creating":
        if time.monotonic() > deadline:
            break  # the refusal to delete it says the rest
        time.sleep(POLL_S)
    sagemaker.delete_endpoint(EndpointName=name)
    sagemaker.get_waiter("endpoint_deleted").wait(EndpointName=name, WaiterConfig=WAITER)
    clients("logs").delete_log_group(logGroupName=f"/aws/sagemaker/Endpoints/{name}")


def delete_log_streams(clients: Clients, group: str, prefix: str) -> None:
    """Delete what the jobs of a name logged."""
    logs = clients("logs")
    for stream in logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=prefix)["logStreams"]:
        logs.delete_log_stream(logGroupName=group, logStreamName=stream["logStreamName"])


def _channel(name: str, uri: str) -> dict[str, Any]:
    source = {"S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}
    return {"ChannelName": name, "ContentType": CSV, "DataSource": {"S3DataSource": source}}


@dataclass(frozen=True, slots=True)
class _Look:
    """How far a job or an endpoint is; `reason` says why it failed."""

    status: str
    told: str
    described: dict[str, Any]

    @property
    def reason(self) -> str:
        return str(self.described.get("FailureReason") or "no reason is given")


def _training(described: dict[str, Any]) -> _Look:
    return _Look(described["TrainingJobStatus"], described["SecondaryStatus"], described)


def _endpoint(described: dict[str, Any]) -> _Look:
    return _Look(described["EndpointStatus"], described["EndpointStatus"], described)


def _wait(job: Job, step: Step, look: Callable[[], _Look]) -> dict[str, Any]:
    """Look until the work is done, telling its status; raise DemoFailed once it cannot be."""
    deadline = time.monotonic() + WAIT_S_MAX
    while True:
        seen = look()
        step.detail = seen.told
        if seen.status in ("Completed", "InService"):
            return seen.described
        if seen.status in ("Failed", "Stopped"):
            raise DemoFailed(f"{job.name} is {seen.status}: {seen.reason}")
        if time.monotonic() > deadline:
            raise DemoFailed(f"{job.name} is still {seen.told} after {WAIT_S_MAX:.0f} s.")
        _heed(job)
        job.stop.wait(POLL_S)


def _heed(job: Job) -> None:
    if job.stop.is_set():
        raise Interrupted
