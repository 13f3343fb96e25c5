"""Brings endpoints in line with the inference experiments on them, by the same calls that a user would make.

An experiment acts as its role. What it is about to ask of an endpoint is written down first, with the endpoint's
generation: after a crash that tells whether the call had come through, and later whether it was taken back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from clary.core.clock import Clock
from clary.core.errors import ServiceError, Throttled
from clary.resources.endpoint import ENDPOINT, ENDPOINT_CONFIG, Endpoint
from clary.resources.endpoint import Status as EndpointStatus
from clary.resources.inference_experiment import INFERENCE_EXPERIMENT, Asked, Experiment, Status
from clary.store.records import Change, Record, Records

LOOK_S = 0.25
"""How soon to look again while an endpoint changes; nobody rings an experiment for that."""
WATCH_S = 10.0
"""How often the endpoint of a running experiment is looked at."""
RETRY_S = 2.0
SETTLED = (EndpointStatus.IN_SERVICE, EndpointStatus.FAILED)
REASON_CHARACTERS_MAX = 1024


class Client(Protocol):
    """The operations of SageMaker, as some role."""

    def __call__(self, operation: str, /, **params: Any) -> dict[str, Any]:
        """Return the operation's result, or raise its ServiceError."""


class Roles(Protocol):
    """Takes on the roles of experiments."""

    def client(self, service: str, region: str, role_arn: str, session_name: str) -> Client:
        """Return a client that acts as a session of the role, or raise ServiceError."""


@dataclass(frozen=True, slots=True)
class Become:
    """Write the experiment's status."""

    status: Status
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Note:
    """Write down what the endpoint is about to be asked."""

    asked: Asked


@dataclass(frozen=True, slots=True)
class Ask:
    """Have the endpoint take a configuration."""

    config: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Wait:
    """Look again after so many seconds."""

    seconds: float


Step = Become | Note | Ask | Wait


def plan(experiment: Experiment, endpoint: Endpoint | None, now: float) -> Step | None:
    """Return the next step of an experiment, None if nothing is left to do."""
    match experiment.status:
        case Status.CREATING:
            return Become(Status.CREATED)
        case Status.CREATED:
            wait = experiment.start - now
            return Become(Status.STARTING) if wait <= 0 else Wait(wait)
        case Status.UPDATING if experiment.asked is None:
            return Become(Status.CREATED)
        case Status.STARTING | Status.UPDATING:
            return _bring(experiment, endpoint, experiment.config(), Become(Status.RUNNING))
        case Status.RUNNING:
            return _watch(experiment, endpoint, now)
        case Status.STOPPING:
            done = Become(experiment.stop.state, experiment.stop.reason)
            return done if experiment.asked is None else _bring(experiment, endpoint, experiment.final_config(), done)
        case Status.COMPLETED | Status.CANCELLED:
            return None


def _watch(experiment: Experiment, endpoint: Endpoint | None, now: float) -> Step:
    """End a running experiment when its time is over, or when its endpoint no longer is its."""
    if endpoint is None or endpoint.deleting:
        return Become(Status.CANCELLED, f"The endpoint {experiment.endpoint} was deleted while the experiment ran.")
    if endpoint.wanted.config != experiment.config()["EndpointConfigName"]:
        reason = f"The endpoint {experiment.endpoint} was given another configuration while the experiment ran."
        return Become(Status.CANCELLED, reason)
    left = experiment.end - now
    return Become(Status.STOPPING) if left <= 0 else Wait(min(left, WATCH_S))


def _bring(experiment: Experiment, endpoint: Endpoint | None, config: Mapping[str, Any], done: Become) -> Step:
    """Have the endpoint serve a configuration, and take `done` when it does."""
    name, asked = config["EndpointConfigName"], experiment.asked
    if endpoint is not None and endpoint.status not in SETTLED:
        return Wait(LOOK_S)
    serves = endpoint is not None and endpoint.status is EndpointStatus.IN_SERVICE
    if serves and endpoint is not None and endpoint.wanted.config == name:
        return done
    generation = 0 if endpoint is None else endpoint.record.generation
    if asked is None or asked.config != name:
        return Note(Asked(name, generation))
    if asked.generation == generation:
        return Ask(config)
    return Become(Status.CANCELLED, _why(experiment, endpoint))


def _why(experiment: Experiment, endpoint: Endpoint | None) -> str:
    if endpoint is None:
        return f"The endpoint {experiment.endpoint} was deleted."
    said = endpoint.detail.get("FailureReason") or "It was given another configuration meanwhile."
    return f"The endpoint {experiment.endpoint} did not take the configuration of the experiment: {said}"


@dataclass(frozen=True, slots=True)
class InferenceExperiments:
    """Brings endpoints in line with the inference experiments on them."""

    roles: Roles
    clock: Clock
    kind = INFERENCE_EXPERIMENT

    def reconcile(self, record: Record, records: Records) -> float | None:
        """Take the next step; return when to look again."""
        experiment = Experiment.read(record)
        found = records.find(ENDPOINT, experiment.endpoint)
        endpoint = None if found is None else Endpoint.read(found)
        match plan(experiment, endpoint, self.clock()):
            case Become(status=status, reason=reason):
                self._become(experiment, records, status, reason)
            case Note(asked=asked):
                noted = records.update(record, Change(status={**experiment.detail, "asked": asdict(asked)}))
                return self.reconcile(noted, records)  # at once: nobody should change the endpoint in between
            case Ask(config=config):
                return self._ask(experiment, endpoint, config, records)
            case Wait(seconds=seconds):
                return seconds
            case None:
                pass
        return None

    def _become(self, experiment: Experiment, records: Records, status: Status, reason: str) -> None:
        kept = {name: value for name, value in experiment.detail.items() if name != "StatusReason"}
        told = {"StatusReason": reason[:REASON_CHARACTERS_MAX]} if reason else {}
        ended = {"CompletionTime": self.clock()} if status.final else {}
        records.update(experiment.record, Change(status={**kept, **told, **ended}, state=status))

    def _ask(
        self, experiment: Experiment, endpoint: Endpoint | None, config: Mapping[str, Any], records: Records
    ) -> float | None:
        name = config["EndpointConfigName"]
        try:
            sagemaker = self.roles.client("sagemaker", experiment.region, experiment.role, "InferenceExperiment")
            if records.find(ENDPOINT_CONFIG, name) is None:  # else a crash came after it was made
                sagemaker("CreateEndpointConfig", **config)
            operation = "CreateEndpoint" if endpoint is None else "UpdateEndpoint"
            sagemaker(operation, EndpointName=experiment.endpoint, EndpointConfigName=name)
        except ServiceError as refused:
            if refused.status >= 500 or isinstance(refused, Throttled):
                return RETRY_S
            self._become(experiment, records, Status.CANCELLED, refused.message)
            return None
        return LOOK_S
