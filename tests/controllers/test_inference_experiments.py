"""The controller of experiments, with an endpoint that is played: through its states, and through every crash."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from clary.controllers.inference_experiments import RETRY_S, InferenceExperiments
from clary.core.errors import AccessDenied, ServiceUnavailable
from clary.core.settings import load
from clary.resources.endpoint import ENDPOINT, ENDPOINT_CONFIG
from clary.resources.inference_experiment import INFERENCE_EXPERIMENT, Action, Status, Stop
from clary.store.records import Change, Record, Records
from clary.store.store import open_store

ACCOUNT, REGION = "111111111111", "us-east-1"
SPEC: dict[str, Any] = {
    "RoleArn": "arn:aws:iam::111111111111:role/r",
    "EndpointName": "e",
    "ModelVariants": [
        {
            "VariantName": name,
            "ModelName": name,
            "InfrastructureConfig": {"RealTimeInferenceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1}},
        }
        for name in ("a", "b")
    ],
    "ShadowModeConfig": {
        "SourceModelVariantName": "a",
        "ShadowModelVariants": [{"ShadowModelVariantName": "b", "SamplingPercentage": 50}],
    },
    "start": 50.0,
    "end": 200.0,
    "revision": 1,
}


class Crash(BaseException):
    """The process died."""


@dataclass
class SageMaker:
    """Plays SageMaker: keeps configurations, and has an endpoint take them; `crash` dies before or after a call."""

    records: Records
    calls: list[str] = field(default_factory=list)
    refusals: list[Exception] = field(default_factory=list)
    crash: tuple[int, bool] | None = None

    def client(self, service: str, region: str, role_arn: str, session_name: str) -> SageMaker:
        assert (service, region, role_arn) == ("sagemaker", REGION, SPEC["RoleArn"])
        return self

    def __call__(self, operation: str, /, **params: Any) -> dict[str, Any]:
        if self.refusals:
            raise self.refusals.pop(0)
        number, after = self.crash or (0, False)
        if self.crash and len(self.calls) + 1 == number and not after:
            self.crash = None
            raise Crash
        self.calls.append(operation)
        getattr(self, f"_{operation}")(**params)
        if self.crash and len(self.calls) == number:
            self.crash = None
            raise Crash
        return {}

    def _CreateEndpointConfig(self, EndpointConfigName: str, **spec: Any) -> None:  # noqa: N802, N803 - AWS's names
        self.records.create(ENDPOINT_CONFIG, EndpointConfigName, spec)

    def _CreateEndpoint(self, EndpointName: str, EndpointConfigName: str) -> None:  # noqa: N802, N803 - AWS's names
        spec = {"EndpointConfigName": EndpointConfigName, "variants": []}
        self.records.create(ENDPOINT, EndpointName, spec, state="Creating")

    def _UpdateEndpoint(self, EndpointName: str, EndpointConfigName: str) -> None:  # noqa: N802, N803 - AWS's names
        found = self.records.find(ENDPOINT, EndpointName)
        assert found is not None
        spec = {"EndpointConfigName": EndpointConfigName, "variants": []}
        self.records.update(found, Change(spec=spec, state="Updating"))


@dataclass
class World:
    now: list[float]
    sagemaker: SageMaker
    records: Records
    controller: InferenceExperiments

    def experiment(self) -> Record:
        found = self.records.find(INFERENCE_EXPERIMENT, "x")
        assert found is not None
        return found

    def endpoint(self) -> Record | None:
        return self.records.find(ENDPOINT, "e")

    def served(self, *, state: str = "InService", **changes: Any) -> None:
        """Have what the endpoint was asked for come true."""
        found = self.endpoint()
        if found is not None and found.state in ("Creating", "Updating"):
            self.records.update(found, Change(state=state, **changes))

    def look(self) -> str:
        """Let the controller work until it waits; return the experiment's status then."""
        while True:
            before = self.experiment().version
            waits = self.controller.reconcile(self.experiment(), self.records)
            if waits is not None or self.experiment().version == before:
                return self.experiment().state


@pytest.fixture
def world(prepared_home: Path) -> Iterator[World]:
    store = open_store(load({"home": prepared_home}, {}))
    records = store.records(ACCOUNT, REGION)
    now = [100.0]
    sagemaker = SageMaker(records)
    yield World(now, sagemaker, records, InferenceExperiments(sagemaker, lambda: now[0]))
    store.close()


def existing(world: World) -> None:
    world.records.create(ENDPOINT, "e", {"EndpointConfigName": "before", "variants": []}, state="InService")


def config(world: World) -> str:
    endpoint = world.endpoint()
    assert endpoint is not None
    return endpoint.spec["EndpointConfigName"]


def test_an_experiment_waits_for_its_start_runs_for_its_time_and_takes_the_shadow_away(world: World) -> None:
    existing(world)
    world.records.create(INFERENCE_EXPERIMENT, "x", {**SPEC, "start": 150.0}, state=Status.CREATING)
    assert world.look() == "Created"
    assert world.controller.reconcile(world.experiment(), world.records) == 50.0
    world.now[0] = 150.0
    assert world.look() == "Starting"
    assert world.sagemaker.calls == ["CreateEndpointConfig", "UpdateEndpoint"]
    world.served()
    assert world.look() == "Running"
    during = world.records.find(ENDPOINT_CONFIG, config(world))
    assert during is not None
    assert [each["VariantName"] for each in during.spec["ShadowProductionVariants"]] == ["b"]
    world.now[0] = 200.0
    assert world.look() == "Stopping"
    world.served()
    assert world.look() == "Completed"
    after = world.records.find(ENDPOINT_CONFIG, config(world))
    assert after is not None
    assert "ShadowProductionVariants" not in after.spec
    assert world.experiment().status["CompletionTime"] == 200.0


def test_an_experiment_makes_the_endpoint_where_there_is_none(world: World) -> None:
    world.records.create(INFERENCE_EXPERIMENT, "x", SPEC, state=Status.CREATING)
    assert world.look() == "Starting"
    world.served()
    assert world.look() == "Running"
    assert world.sagemaker.calls == ["CreateEndpointConfig", "CreateEndpoint"]


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_a_crash_around_any_call_repeats_none_that_came_through(world: World, number: int, after: bool) -> None:
    existing(world)
    world.sagemaker.crash = (number, after)
    stop = Stop(Action.REMOVE, Action.PROMOTE, reason="better").to_json()
    world.records.create(INFERENCE_EXPERIMENT, "x", SPEC, state=Status.CREATING)
    crashes = 0
    for _ in range(20):
        try:
            state = world.look()
        except Crash:
            crashes += 1
            continue
        if state == "Running":
            running = world.experiment()
            world.records.update(running, Change(spec={**running.spec, "stop": stop}, state=Status.STOPPING))
        if state == "Completed":
            break
        world.served()
    assert crashes == 1
    assert world.sagemaker.calls == ["CreateEndpointConfig", "UpdateEndpoint"] * 2
    left = world.records.find(ENDPOINT_CONFIG, config(world))
    assert left is not None
    assert [each["VariantName"] for each in left.spec["ProductionVariants"]] == ["b"]
    assert world.experiment().status["StatusReason"] == "better"


def test_an_update_that_is_rolled_back_cancels_the_experiment_with_its_reason(world: World) -> None:
    existing(world)
    world.records.create(INFERENCE_EXPERIMENT, "x", SPEC, state=Status.CREATING)
    world.look()
    world.served(spec={"EndpointConfigName": "before", "variants": []}, status={"FailureReason": "no ping"})
    assert world.look() == "Cancelled"
    assert (
        world.experiment().status["StatusReason"].endswith("did not take the configuration of the experiment: no ping")
    )
    assert len(world.sagemaker.calls) == 2


def test_a_role_that_may_not_cancels_the_experiment_and_a_passing_trouble_does_not(world: World) -> None:
    existing(world)
    world.records.create(INFERENCE_EXPERIMENT, "x", SPEC, state=Status.CREATED)
    world.sagemaker.refusals = [ServiceUnavailable("later"), AccessDenied("r may not")]
    assert world.look() == "Starting"
    assert world.controller.reconcile(world.experiment(), world.records) is None
    assert (world.experiment().state, world.experiment().status["StatusReason"]) == ("Cancelled", "r may not")
    assert RETRY_S > 0


@pytest.mark.parametrize("gone", [True, False])
def test_an_endpoint_that_is_taken_from_a_running_experiment_cancels_it(world: World, gone: bool) -> None:
    world.records.create(INFERENCE_EXPERIMENT, "x", SPEC, state=Status.CREATED)
    world.look()
    world.served()
    assert world.look() == "Running"
    endpoint = world.endpoint()
    assert endpoint is not None
    if gone:
        world.records.remove(endpoint)
    else:
        world.records.update(endpoint, Change(spec={"EndpointConfigName": "other", "variants": []}))
    assert world.look() == "Cancelled"
    reason = world.experiment().status["StatusReason"]
    assert ("deleted" if gone else "another configuration") in reason


def test_what_is_stopped_or_updated_before_it_began_leaves_the_endpoint_alone(world: World) -> None:
    spec = {**SPEC, "start": 150.0}
    made = world.records.create(INFERENCE_EXPERIMENT, "x", spec, state=Status.UPDATING)
    assert world.look() == "Created"
    stop = Stop(state=Status.CANCELLED, reason="changed our mind").to_json()
    made = world.experiment()
    world.records.update(made, Change(spec={**spec, "stop": stop}, state=Status.STOPPING))
    assert world.look() == "Cancelled"
    assert world.sagemaker.calls == []


def test_an_update_brings_the_endpoint_to_the_next_revision(world: World) -> None:
    world.records.create(INFERENCE_EXPERIMENT, "x", SPEC, state=Status.CREATED)
    world.look()
    world.served()
    assert world.look() == "Running"
    first = config(world)
    running = world.experiment()
    world.records.update(running, Change(spec={**running.spec, "revision": 2}, state=Status.UPDATING))
    assert world.look() == "Updating"
    world.served()
    assert world.look() == "Running"
    assert config(world) != first
