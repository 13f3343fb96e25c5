"""AWS's container contract: what stands in /opt/ml before a program starts, and how the program is called."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import regex

from clary.agent.archives import clear
from clary.agent.downloads import Downloader
from clary.agent.places import Mistake, S3Place
from clary.compute.admission import Share
from clary.compute.backend import Instance as Container
from clary.compute.images import SCIENCE, SERVER, Runtime
from clary.resources.instance import Instance, MetricRules, Training

FOLDERS = ("input/config", "input/data", "model", "output/data", "code")
CHECKPOINTS = "/opt/ml/checkpoints"
SOURCE = "input/clary/sourcedir.tar.gz"
PROCESSES_MAX = 1024
"""Processes and threads of one instance: plenty for a job, and few enough that a fork bomb stops nobody else."""
OWN_METRICS = {"xgboost": "algorithms/xgboost_metrics.json"}


@dataclass(frozen=True, slots=True)
class Box:
    """An instance's /opt/ml on this machine."""

    opt_ml: Path

    def fill(self, instance: Instance, runtime: Runtime, downloader: Downloader) -> None:
        """Put in all that the program will need; begun anew each time, since half of it may be there."""
        clear(self.opt_ml)
        for name in FOLDERS:
            (self.opt_ml / name).mkdir(parents=True)
        if instance.spec.training is not None:
            self._fill_training(instance.spec.training, downloader)
        if instance.spec.serving is not None:
            downloader.model(instance.spec.serving.model_data, self.opt_ml / "model")
        source = _source(instance, runtime)
        if source is not None:
            downloader.file(source, self.opt_ml / SOURCE)

    def _fill_training(self, training: Training, downloader: Downloader) -> None:
        config: dict[str, Any] = {
            "hyperparameters.json": training.hyperparameters,
            "inputdataconfig.json": {each["ChannelName"]: _channel(each) for each in training.channels},
            "resourceconfig.json": training.resource_config,
        }
        for channel in training.channels:
            downloader.channel(channel, self.opt_ml / "input/data" / channel["ChannelName"])
        if training.checkpoint:
            names = checkpoint_names(training)
            config["checkpointconfig.json"] = {"LocalPath": "/opt/ml/" + "/".join(names), **training.checkpoint}
            place = S3Place.parse(training.checkpoint["S3Uri"])
            downloader.folder(place, self.opt_ml.joinpath(*names))
        for name, content in config.items():
            (self.opt_ml / "input/config" / name).write_text(json.dumps(content))


def checkpoint_names(training: Training) -> tuple[str, ...]:
    """Return the folder of checkpoints below /opt/ml; raise Mistake if it is elsewhere."""
    path = training.checkpoint.get("LocalPath", CHECKPOINTS).rstrip("/")
    if not path.startswith("/opt/ml/") or ".." in path.split("/"):
        raise Mistake(f"The checkpoints' local path {path} is not below /opt/ml.")
    return tuple(path.removeprefix("/opt/ml/").split("/"))


@dataclass(frozen=True, slots=True)
class Provision:
    """What the platform gives an instance beside its own spec."""

    share: Share
    credentials: Mapping[str, str] | None
    packages: Path | None
    environment: Mapping[str, str]
    egress: bool


def container_of(instance: Instance, runtime: Runtime, box: Box, given: Provision) -> Container:
    """Return what the back end is to run."""
    spec, share = instance.spec, given.share
    packages = () if given.packages is None else (given.packages,)
    told = {} if given.packages is None else {"CLARY_REQUIREMENTS_DIR": str(given.packages)}
    return Container(
        name=instance.name,
        command=_command(instance, runtime),
        environment={**given.environment, **_environment(instance, runtime, share), **told},
        opt_ml=box.opt_ml,
        vcpus=share.vcpus,
        memory_bytes=share.memory_bytes,
        disk_bytes=spec.volume_bytes,
        python=runtime.python,
        readable=(*runtime.readable, *packages),
        host_name=spec.host_name,
        processes_max=PROCESSES_MAX,
        isolated=spec.isolated,
        serves=spec.serving is not None,
        egress=given.egress and not spec.isolated,
        credentials=given.credentials,
        labels=_labels(instance),
        preload=_preload(instance, runtime) if given.packages is None else (),
    )


def _labels(instance: Instance) -> dict[str, str]:
    """Return what tells people whose an instance is, and where."""
    spec, record = instance.spec, instance.record
    told = {"account": record.account, "region": record.region, "zone": spec.zone}
    if spec.serving is not None:
        return {**told, "endpoint": spec.serving.endpoint, "variant": spec.serving.variant}
    return {**told, "job": spec.training.job_name} if spec.training is not None else told


def metric_rules(rules: MetricRules, runtime: Runtime, training: Training | None) -> list[tuple[str, Any]]:
    """Return the names and compiled expressions of a job's metrics; built-in algorithms bring their own."""
    definitions = list(rules.definitions)
    if training is not None and runtime.framework in OWN_METRICS and not _program(training):
        definitions += json.loads((files("clary_runtime") / OWN_METRICS[runtime.framework]).read_text())
    return [(each["Name"], regex.compile(each["Regex"])) for each in definitions]


def _command(instance: Instance, runtime: Runtime) -> tuple[str, ...]:
    if instance.spec.entrypoint:
        return tuple(instance.spec.entrypoint)
    command = runtime.train if instance.spec.training is not None else runtime.serve
    if command is None:
        verb = "train" if instance.spec.training is not None else "serve"
        raise Mistake(f"The image {instance.spec.image} has no program named {verb}.")
    return command


def _preload(instance: Instance, runtime: Runtime) -> tuple[str, ...]:
    """Return what a built-in runtime's program will import; AWS's algorithm is served by its C library alone."""
    if runtime.framework is None or instance.spec.entrypoint:
        return ()
    lean = runtime.framework == "xgboost" and not instance.spec.environment.get("SAGEMAKER_PROGRAM")
    return SERVER if lean and instance.spec.serving is not None else SCIENCE


def _environment(instance: Instance, runtime: Runtime, share: Share) -> dict[str, str]:
    cpus = str(math.ceil(share.vcpus))
    region = instance.record.region
    threads = {"OMP_NUM_THREADS": cpus, "OMP_WAIT_POLICY": "PASSIVE"} if runtime.framework else {}
    told = {"AWS_REGION": region, "AWS_DEFAULT_REGION": region, "SM_NUM_CPUS": cpus, "SM_NUM_GPUS": str(share.gpus)}
    if instance.spec.serving is not None:
        told["SAGEMAKER_BIND_TO_PORT"] = "8080"
    if _source(instance, runtime) is not None:
        told["CLARY_SUBMIT_ARCHIVE"] = f"/opt/ml/{SOURCE}"
    return {**threads, **told, **instance.spec.environment}


def _source(instance: Instance, runtime: Runtime) -> S3Place | None:
    """Return where the code of a script-mode job or model is, if it is in S3."""
    if runtime.framework is None:
        return None
    if instance.spec.training is not None:
        where = _plain(instance.spec.training.hyperparameters.get("sagemaker_submit_directory", ""))
    else:
        where = instance.spec.environment.get("SAGEMAKER_SUBMIT_DIRECTORY", "")
    return S3Place.parse(where) if where.startswith("s3://") else None


def _program(training: Training) -> str:
    return _plain(training.hyperparameters.get("sagemaker_program", ""))


def _plain(text: str) -> str:
    """Return a hyperparameter of script mode, which the SDKs send as JSON, as the text it stands for."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, str) else text


def _channel(channel: Mapping[str, Any]) -> dict[str, str]:
    source = channel["DataSource"]["S3DataSource"]
    told = {
        "TrainingInputMode": "File",
        "S3DistributionType": source.get("S3DataDistributionType", "FullyReplicated"),
        "RecordWrapperType": channel.get("RecordWrapperType", "None"),
    }
    if "ContentType" in channel:
        told["ContentType"] = channel["ContentType"]
    return told
