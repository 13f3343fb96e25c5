"""The instance as a noun: one host of a job or of a variant, wanted by a controller, run by an agent.

The spec says all that an agent must know; the status says how far it came. An
agent owns the status; a controller owns the spec, of which only `desired` ever changes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from clary.store.records import Kind, Record

INSTANCE = Kind("clary", "instance")
UID_LENGTH = 16


class Desired(StrEnum):
    """What a controller wants of an instance."""

    RUN = "run"
    STOP = "stop"  # SIGTERM, a grace, SIGKILL; what it made is kept


class Phase(StrEnum):
    """How far an instance is; they come in this order, some are passed over."""

    PENDING = "Pending"  # waits for room on a machine
    DOWNLOADING = "Downloading"
    STARTING = "Starting"
    RUNNING = "Running"
    UPLOADING = "Uploading"
    ENDED = "Ended"


@dataclass(frozen=True, slots=True)
class Log:
    """The CloudWatch stream that the instance's lines go to."""

    group: str
    stream: str


@dataclass(frozen=True, slots=True)
class MetricRules:
    """Which numbers are read from the lines, and where they go."""

    namespace: str
    dimensions: Mapping[str, str]
    definitions: Sequence[Mapping[str, str]]  # Name and Regex each


@dataclass(frozen=True, slots=True)
class Training:
    """What makes an instance a host of a training job; S3 and configuration as AWS's API has them."""

    job_name: str
    job_arn: str
    hyperparameters: Mapping[str, str]
    channels: Sequence[Mapping[str, Any]]
    resource_config: Mapping[str, Any]
    output_s3: str  # s3://bucket/prefix/job
    runtime_s_max: int
    output_compressed: bool = True
    checkpoint: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Serving:
    """What makes an instance a host of an endpoint's variant."""

    endpoint: str
    variant: str
    model_data: Mapping[str, Any]  # {"url": …} of a model.tar.gz, or an S3DataSource
    startup_s_max: int
    download_s_max: int


@dataclass(frozen=True, slots=True)
class InstanceSpec:
    """What to run."""

    node: str
    image: str
    instance_type: str
    zone: str
    host_name: str
    role_arn: str
    entrypoint: Sequence[str]  # replaces the image's own command where it is not empty
    environment: Mapping[str, str]
    isolated: bool
    log: Log
    metrics: MetricRules
    volume_bytes: int
    training: Training | None = None
    serving: Serving | None = None
    desired: Desired = Desired.RUN

    def to_json(self) -> dict[str, Any]:
        """Return the spec as a record stores it."""
        return asdict(self)

    @classmethod
    def read(cls, spec: Mapping[str, Any]) -> InstanceSpec:
        """Return the spec that a record holds."""
        training, serving = spec["training"], spec["serving"]
        return cls(
            **{
                **spec,
                "log": Log(**spec["log"]),
                "metrics": MetricRules(**spec["metrics"]),
                "training": None if training is None else Training(**training),
                "serving": None if serving is None else Serving(**serving),
                "desired": Desired(spec["desired"]),
            }
        )


@dataclass(frozen=True, slots=True)
class InstanceStatus:
    """What an agent saw; times are epoch seconds, `reached` says when each phase began."""

    reached: Mapping[str, float] = field(default_factory=dict)
    ready: bool = False  # a serving instance answers its pings
    socket: str = ""
    exit_code: int | None = None
    out_of_memory: bool = False
    timed_out: bool = False  # StoppingCondition ended it
    lost: bool = False  # its keeper died: what it did is unknown
    failure: str = ""  # what the user's code wrote to /opt/ml/output/failure
    error: str = ""  # what the platform could not do for it, in words for its owner
    client_error: bool = False  # whether `error` is the client's to mend
    artifact: str = ""
    final_metrics: Sequence[Mapping[str, Any]] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the status as a record stores it."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Instance:
    """One instance, as its record stood when it was read."""

    name: str
    uid: str
    phase: Phase
    deleting: bool
    spec: InstanceSpec
    status: InstanceStatus
    record: Record = field(repr=False)

    @classmethod
    def read(cls, record: Record) -> Instance:
        """Return the instance that a record holds."""
        return cls(
            name=record.name,
            uid=record.uid,
            phase=Phase(record.state),
            deleting=record.deleting,
            spec=InstanceSpec.read(record.spec),
            status=InstanceStatus(**record.status),
            record=record,
        )

    @property
    def ended(self) -> bool:
        """Say whether nothing more will come of it."""
        return self.phase is Phase.ENDED


def name_of(owner_uid: str, spec_hash: str, index: int, attempt: int) -> str:
    """Return the one name that this instance of its owner can have, after any crash."""
    return f"{owner_uid}-{spec_hash}-{index}-{attempt}"


def attempt_of(name: str) -> tuple[str, int]:
    """Return what the attempts of an instance's slot are counted under, and which of them this instance is."""
    _, spec_hash, index, attempt = name.rsplit("-", 3)
    return f"{spec_hash}/{index}", int(attempt)


def owner_of(name: str) -> str:
    """Return the uid of the owner of the instance of that name."""
    return name[:UID_LENGTH]
