"""The inference experiment as a noun: a shadow variant beside a production variant, for as long as is scheduled.

SageMaker API reference, CreateInferenceExperiment and StopInferenceExperiment. Pure:
which endpoint configuration an experiment wants follows from its record alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from clary.store.records import Kind, Record

INFERENCE_EXPERIMENT = Kind("sagemaker", "inference-experiment")
ON_ENDPOINT = "endpoint"
"""The attribute that experiments are found by that work on an endpoint."""
CONFIG_NAME_MAX = 63
DURATION_S_DEFAULT = 7 * 24 * 3600
DURATION_S_MAX = 30 * 24 * 3600


class Status(StrEnum):
    """InferenceExperimentStatus."""

    CREATING = "Creating"
    CREATED = "Created"
    UPDATING = "Updating"
    STARTING = "Starting"
    RUNNING = "Running"
    STOPPING = "Stopping"
    COMPLETED = "Completed"
    CANCELLED = "Cancelled"

    @property
    def final(self) -> bool:
        """Say whether nothing happens to the experiment any more."""
        return self in (Status.COMPLETED, Status.CANCELLED)


class Action(StrEnum):
    """ModelVariantAction: what becomes of a variant when the experiment stops."""

    RETAIN = "Retain"
    REMOVE = "Remove"
    PROMOTE = "Promote"


@dataclass(frozen=True, slots=True)
class Stop:
    """How an experiment is to end: what becomes of its two variants, and how it is called then."""

    source: Action = Action.RETAIN
    shadow: Action = Action.REMOVE
    variants: Sequence[Mapping[str, Any]] = ()  # DesiredModelVariants; those that are not named stay as they are
    state: Status = Status.COMPLETED
    reason: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the end as a record stores it."""
        told = {"source": self.source, "shadow": self.shadow, "state": self.state, "reason": self.reason}
        return {**told, "variants": list(self.variants)}

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> Stop:
        """Return the end that a record holds."""
        source, shadow = Action(told["source"]), Action(told["shadow"])
        return cls(source, shadow, told["variants"], Status(told["state"]), told["reason"])


@dataclass(frozen=True, slots=True)
class Asked:
    """The configuration that the endpoint was last asked to take, and the endpoint's generation before that."""

    config: str
    generation: int


@dataclass(frozen=True, slots=True)
class Experiment:
    """What the user wants, and how far it is; `stop` is what happens at the end of the schedule where nobody says."""

    name: str
    uid: str
    account: str
    region: str
    status: Status
    role: str
    endpoint: str
    variants: tuple[Mapping[str, Any], ...]
    source: str
    shadow: str
    percentage: int
    kms_key: str
    start: float
    end: float
    revision: int
    stop: Stop
    inherited: Mapping[str, Mapping[str, Any]]  # what the endpoint's configuration said beside what is said here
    asked: Asked | None
    detail: Mapping[str, Any]
    record: Record = field(repr=False)

    @classmethod
    def read(cls, record: Record) -> Experiment:
        """Return the experiment that a record holds."""
        spec, asked = record.spec, record.status.get("asked")
        shadow = spec["ShadowModeConfig"]["ShadowModelVariants"][0]
        return cls(
            name=record.name,
            uid=record.uid,
            account=record.account,
            region=record.region,
            status=Status(record.state),
            role=spec["RoleArn"],
            endpoint=spec["EndpointName"],
            variants=tuple(spec["ModelVariants"]),
            source=spec["ShadowModeConfig"]["SourceModelVariantName"],
            shadow=shadow["ShadowModelVariantName"],
            percentage=shadow["SamplingPercentage"],
            kms_key=spec.get("KmsKey", ""),
            start=spec["start"],
            end=spec["end"],
            revision=spec["revision"],
            stop=Stop.read(spec["stop"]) if "stop" in spec else Stop(),
            inherited=spec.get("inherited", {}),
            asked=None if asked is None else Asked(**asked),
            detail=record.status,
            record=record,
        )

    def config(self) -> dict[str, Any]:
        """Return the endpoint configuration of the experiment while it runs, as CreateEndpointConfig takes it."""
        known = {each["VariantName"]: each for each in self.variants}
        source, shadow = known[self.source], known[self.shadow]
        return self._config(str(self.revision), [self._source(source)], [self._sampled(shadow)])

    def final_config(self) -> dict[str, Any]:
        """Return the endpoint configuration that the experiment leaves behind."""
        wanted = {each["VariantName"]: each for each in (*self.variants, *self.stop.variants)}
        source, shadow = wanted[self.source], wanted[self.shadow]
        production = [self._source(source)] if self.stop.source is Action.RETAIN else []
        if self.stop.shadow is Action.PROMOTE:
            production.append(_production(shadow))
        shadows = [self._sampled(shadow)] if self.stop.shadow is Action.RETAIN else []
        return self._config("end", production, shadows)

    def variant_status(self, name: str, serving: Sequence[str]) -> str:
        """Return the ModelVariantStatus of one of the two variants, given those that the endpoint has."""
        if self.status.final:
            return "InService" if name in serving else "Deleted"
        if self.status is Status.UPDATING:
            return "Updating"
        if self.status is Status.STOPPING:
            action = self.stop.source if name == self.source else self.stop.shadow
            return "Deleting" if action is Action.REMOVE else "InService"
        return "InService" if name in serving else "Creating"

    def _source(self, variant: Mapping[str, Any]) -> dict[str, Any]:
        return {**self.inherited.get("variant", {}), **_production(variant)}

    def _sampled(self, variant: Mapping[str, Any]) -> dict[str, Any]:
        """Return a shadow variant: beside a production variant of weight 1, its weight is its share of the requests."""
        return {**_production(variant), "InitialVariantWeight": self.percentage / 100}

    def _config(
        self, suffix: str, production: Sequence[Mapping[str, Any]], shadows: Sequence[Mapping[str, Any]]
    ) -> dict[str, Any]:
        tail = f"-{self.uid}-{suffix}"
        return {
            **self.inherited.get("config", {}),
            "EndpointConfigName": self.name[: CONFIG_NAME_MAX - len(tail)].rstrip("-") + tail,
            "ProductionVariants": list(production),
            **({"ShadowProductionVariants": list(shadows)} if shadows else {}),
            **({"KmsKeyId": self.kms_key} if self.kms_key else {}),
        }


def _production(variant: Mapping[str, Any]) -> dict[str, Any]:
    """Return a ModelVariantConfig as the ProductionVariant that deploys it."""
    hardware = variant["InfrastructureConfig"]["RealTimeInferenceConfig"]
    return {
        "VariantName": variant["VariantName"],
        "ModelName": variant["ModelName"],
        "InstanceType": hardware["InstanceType"],
        "InitialInstanceCount": hardware["InstanceCount"],
        "InitialVariantWeight": 1.0,
    }
