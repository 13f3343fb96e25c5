"""What an experiment wants of its endpoint, while it runs and when it is over."""

from __future__ import annotations

from typing import Any

import pytest

from clary.resources.inference_experiment import CONFIG_NAME_MAX, INFERENCE_EXPERIMENT, Action, Experiment, Stop
from clary.store.records import Record


def variant(name: str, count: int = 1) -> dict[str, Any]:
    hardware = {"InstanceType": "ml.m5.large", "InstanceCount": count}
    return {"VariantName": name, "ModelName": name, "InfrastructureConfig": {"RealTimeInferenceConfig": hardware}}


def experiment(state: str = "Running", stop: Stop | None = None, name: str = "x", **more: Any) -> Experiment:
    shadows = [{"ShadowModelVariantName": "b", "SamplingPercentage": 30}]
    spec = {
        "RoleArn": "r", "EndpointName": "e", "ModelVariants": [variant("a", 2), variant("b")], "start": 0.0,
        "end": 9.0, "revision": 4, "ShadowModeConfig": {"SourceModelVariantName": "a", "ShadowModelVariants": shadows},
        **({"stop": stop.to_json()} if stop else {}), **more,
    }  # fmt: skip
    record = Record(
        account="1", region="us-east-1", kind=str(INFERENCE_EXPERIMENT), name=name, uid="f" * 16, parent="", spec=spec,
        status={}, state=state, deleting=False, generation=1, version=1, created=1.0, modified=1.0,
    )  # fmt: skip
    return Experiment.read(record)


def names(config: dict[str, Any], part: str) -> list[tuple[str, float, int]]:
    told = ("VariantName", "InitialVariantWeight", "InitialInstanceCount")
    return [tuple(each[name] for name in told) for each in config.get(part, [])]


def test_a_running_experiment_has_the_shadow_get_its_percentage() -> None:
    config = experiment(KmsKey="k").config()
    assert config["EndpointConfigName"] == f"x-{'f' * 16}-4"
    assert names(config, "ProductionVariants") == [("a", 1.0, 2)]
    assert names(config, "ShadowProductionVariants") == [("b", 0.3, 1)]
    assert config["KmsKeyId"] == "k"


@pytest.mark.parametrize(
    ("source", "shadow", "production", "shadows"),
    [
        (Action.RETAIN, Action.REMOVE, ["a"], []),
        (Action.REMOVE, Action.PROMOTE, ["b"], []),
        (Action.RETAIN, Action.PROMOTE, ["a", "b"], []),
        (Action.RETAIN, Action.RETAIN, ["a"], ["b"]),
    ],
)
def test_the_end_leaves_what_was_asked_for(source, shadow, production, shadows) -> None:
    config = experiment("Stopping", Stop(source, shadow)).final_config()
    assert [each[0] for each in names(config, "ProductionVariants")] == production
    assert [each[0] for each in names(config, "ShadowProductionVariants")] == shadows


def test_the_end_may_have_other_instances() -> None:
    config = experiment("Stopping", Stop(variants=[variant("a", 5)])).final_config()
    assert names(config, "ProductionVariants") == [("a", 1.0, 5)]


def test_the_name_of_a_configuration_is_never_too_long() -> None:
    name = experiment(name="n" * 43 + "-" + "n" * 70).config()["EndpointConfigName"]
    assert len(name) <= CONFIG_NAME_MAX
    assert "--" not in name


@pytest.mark.parametrize(
    ("state", "stop", "serving", "statuses"),
    [
        ("Created", None, ["a"], ("InService", "Creating")),
        ("Running", None, ["a", "b"], ("InService", "InService")),
        ("Updating", None, ["a", "b"], ("Updating", "Updating")),
        ("Stopping", Stop(Action.REMOVE, Action.PROMOTE), ["a", "b"], ("Deleting", "InService")),
        ("Completed", Stop(Action.REMOVE, Action.PROMOTE), ["b"], ("Deleted", "InService")),
        ("Cancelled", None, ["a"], ("InService", "Deleted")),
    ],
)
def test_each_variant_has_a_status_of_its_own(state, stop, serving, statuses) -> None:
    seen = experiment(state, stop)
    assert (seen.variant_status("a", serving), seen.variant_status("b", serving)) == statuses
