"""What requests about inference experiments may say: variants that fit together, schedules, and ways to stop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from clary.core.errors import ValidationError
from clary.resources.inference_experiment import (
    DURATION_S_DEFAULT,
    DURATION_S_MAX,
    Action,
    Experiment,
    Status,
    Stop,
)
from clary.services.operation import Call, Params
from clary.services.sagemaker.inference.models import find_model

PERCENTAGES = range(101)
OWN_OF_CONFIG = ("EndpointConfigName", "ProductionVariants", "ShadowProductionVariants")
OWN_OF_VARIANT = ("VariantName", "ModelName", "InstanceType", "InitialInstanceCount", "InitialVariantWeight")
"""What an experiment says of its variants; whatever else the endpoint's configuration says is kept."""


def check_variants(call: Call, request: Params, *, before: Mapping[str, Any] | None = None) -> None:
    """Raise ValidationError unless there are a source and a shadow variant of models that are there.

    An update may change instances and shares: not which variants there are, nor their models.
    """
    roles, names = request["ShadowModeConfig"], [each["VariantName"] for each in request["ModelVariants"]]
    (shadow,) = roles["ShadowModelVariants"]
    if sorted(names) != sorted((roles["SourceModelVariantName"], shadow["ShadowModelVariantName"])):
        raise ValidationError(
            "ModelVariants must name the SourceModelVariantName and the ShadowModelVariantName of ShadowModeConfig, "
            "each once."
        )
    if shadow["SamplingPercentage"] not in PERCENTAGES:
        raise ValidationError("SamplingPercentage must be between 0 and 100.")
    if before is None:
        for variant in request["ModelVariants"]:
            find_model(call, variant["ModelName"])
    else:
        _refuse_other_models(request["ModelVariants"], before["ModelVariants"])
        if roles["SourceModelVariantName"] != before["ShadowModeConfig"]["SourceModelVariantName"]:
            raise ValidationError("The source and the shadow variant of an inference experiment cannot be changed.")
    for variant in request["ModelVariants"]:
        if variant["InfrastructureConfig"]["RealTimeInferenceConfig"]["InstanceCount"] < 1:
            raise ValidationError(f"The variant {variant['VariantName']} must have at least one instance.")


def _refuse_other_models(variants: Sequence[Mapping[str, Any]], before: Sequence[Mapping[str, Any]]) -> None:
    models = {each["VariantName"]: each["ModelName"] for each in before}
    for variant in variants:
        name = variant["VariantName"]
        if models.get(name) != variant["ModelName"]:
            raise ValidationError(f"The inference experiment has no variant {name} of model {variant['ModelName']}.")


def inherited(config: Mapping[str, Any], request: Params) -> dict[str, Any]:
    """Return what a configuration says beside what an experiment does, or raise ValidationError for another model."""
    (present,) = config["ProductionVariants"]
    (wanted,) = (each for each in request["ModelVariants"] if each["VariantName"] == present["VariantName"])
    if wanted["ModelName"] != present["ModelName"]:
        raise ValidationError(
            f"The production variant {present['VariantName']} has the model {present['ModelName']}, "
            f"not {wanted['ModelName']}."
        )
    return {
        "config": {name: value for name, value in config.items() if name not in OWN_OF_CONFIG},
        "variant": {name: value for name, value in present.items() if name not in OWN_OF_VARIANT},
    }


def schedule(wanted: Mapping[str, Any], now: float) -> tuple[float, float]:
    """Return start and end of a new experiment in seconds: now and in seven days, where nothing else is wanted."""
    start = max(now, wanted["StartTime"].timestamp()) if "StartTime" in wanted else now
    return _checked(start, wanted["EndTime"].timestamp() if "EndTime" in wanted else start + DURATION_S_DEFAULT, now)


def rescheduled(experiment: Experiment, wanted: Mapping[str, Any], now: float) -> tuple[float, float]:
    """Return start and end of an experiment that is to have others; a running one keeps its start."""
    start = wanted["StartTime"].timestamp() if "StartTime" in wanted else experiment.start
    if experiment.status is Status.RUNNING and start != experiment.start:
        raise ValidationError("Only the EndTime of a running inference experiment can be changed.")
    return _checked(start, wanted["EndTime"].timestamp() if "EndTime" in wanted else experiment.end, now)


def _checked(start: float, end: float, now: float) -> tuple[float, float]:
    if end <= max(start, now):
        raise ValidationError("The EndTime of an inference experiment must be after its StartTime, and in the future.")
    if end - start > DURATION_S_MAX:
        raise ValidationError("The duration of an inference experiment cannot be more than 30 days.")
    return start, end


def stop_of(experiment: Experiment, request: Params) -> Stop:
    """Return how an experiment is to end, or raise ValidationError: production has to go on with some variant."""
    actions = request["ModelVariantActions"]
    for name in actions:
        if name not in (experiment.source, experiment.shadow):
            raise ValidationError(f"The inference experiment has no variant named {name}.")
    default = Stop()
    source = Action(actions.get(experiment.source, default.source))
    shadow = Action(actions.get(experiment.shadow, default.shadow))
    if source is Action.PROMOTE:
        raise ValidationError(f"{experiment.source} is the production variant; only a shadow variant can be promoted.")
    if source is Action.REMOVE and shadow is not Action.PROMOTE:
        raise ValidationError(f"{experiment.source} can be removed only if {experiment.shadow} is promoted.")
    variants = request.get("DesiredModelVariants", [])
    kept = {experiment.source: source, experiment.shadow: shadow}
    for variant in variants:
        if kept.get(variant["VariantName"], Action.REMOVE) is Action.REMOVE:
            raise ValidationError(f"{variant['VariantName']} is not deployed after the inference experiment.")
    _refuse_other_models(variants, experiment.variants)
    return Stop(
        source=source,
        shadow=shadow,
        variants=variants,
        state=Status(request.get("DesiredState", Status.CANCELLED)),
        reason=request.get("Reason", ""),
    )
