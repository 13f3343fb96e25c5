"""Training of built-in XGBoost: hyperparameters and channels in, `/opt/ml/model/xgboost-model` out.

The model is saved in the library's UBJ format, which every XGBoost since 1.6 loads. A job with checkpoints goes on
from the newest one. SIGTERM ends the job after the running round, and saves the model if the job asked for that.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import xgboost

from clary_runtime.algorithms.xgboost import datasets, hyperparameters, metrics, rounds
from clary_runtime.algorithms.xgboost.hyperparameters import Settings
from clary_runtime.errors import AlgorithmError, ClientError
from clary_runtime.layout import Layout
from clary_runtime.logs import LOG

MODEL = "xgboost-model"
CHANNELS = ("train", "validation")
# The library's complaints that are about the customer's data; the list is AWS's container's.
CUSTOMER_ERRORS = (
    "label must be",
    "feature_names mismatch",
    "Feature shape mismatch",
    "Number of columns does not match",
    "AUC: the dataset only contains pos or neg samples",
    "base_score must be in",
    "Label contains NaN",
    "Parameter reg_lambda should be greater equal to 0",
    "value 0 for Parameter",
    "Invalid Parameter format",
    "Input data contains `inf`",
    "constraint",
)


def train(layout: Layout, cpus: int) -> None:
    """Run the job that `layout` describes; `ClientError` or `AlgorithmError` where AWS's container reports one."""
    LOG.info("Running XGBoost Sagemaker in algorithm mode")
    settings = hyperparameters.settings(layout.hyperparameters())
    _check_hosts(layout)
    threads = int(settings.params.get("nthread", cpus))
    matrices = _matrices(layout, settings, threads)
    termination = rounds.Termination() if settings.save_on_termination else None
    if termination:
        termination.listen()
    booster = _boost(layout, settings, matrices, threads, termination)
    layout.model.mkdir(parents=True, exist_ok=True)
    rounds.save(booster, layout.model / MODEL)
    LOG.info("Model saved to %s", layout.model / MODEL)


def _check_hosts(layout: Layout) -> None:
    """Hosts that each train alone would leave a wrong model, so several are refused until they can train together."""
    if len(layout.resources().get("hosts", ())) > 1:
        raise ClientError("Distributed training is not supported by this runtime: set InstanceCount to 1")


def _matrices(layout: Layout, settings: Settings, threads: int) -> dict[str, xgboost.DMatrix]:
    channels = layout.channels() or {name: {} for name in CHANNELS if layout.channel(name).is_dir()}
    if "train" not in channels:
        raise ClientError("Missing required channel: train")
    if extra := sorted(channels.keys() - set(CHANNELS) - {"code"}):
        raise ClientError(f"Extraneous channel found: {extra[0]}")
    found = {name: _matrix(layout, name, channels[name], settings, threads) for name in CHANNELS if name in channels}
    train_matrix = found["train"]
    LOG.info("Single node training.")
    LOG.info("Train matrix has %d rows and %d columns", train_matrix.num_row(), train_matrix.num_col())
    if "validation" in found:
        LOG.info("Validation matrix has %d rows", found["validation"].num_row())
    return found


def _matrix(layout: Layout, name: str, config: Mapping[str, Any], settings: Settings, threads: int) -> xgboost.DMatrix:
    source = datasets.source(name, layout.channel(name), config, weighted=settings.csv_weights, threads=threads)
    found = datasets.matrix(source)
    if not found.get_label().size:
        raise ClientError("Got input data without labels. Please check the input data set.")
    _check_labels(found.get_label(), settings)
    return found


def _check_labels(labels: Any, settings: Settings) -> None:
    """Say what is wrong with labels in the words customers know; the library's own have changed since."""
    objective = settings.params.get("objective")
    low, high = float(labels.min()), float(labels.max())
    if objective in ("binary:logistic", "binary:logitraw", "binary:hinge", "reg:logistic") and (low < 0 or high > 1):
        raise ClientError("label must be in [0,1] for logistic regression")
    if objective in ("multi:softmax", "multi:softprob") and (low < 0 or high >= settings.params["num_class"]):
        raise ClientError("SoftmaxMultiClassObj: label must be in [0, num_class).")


def _boost(
    layout: Layout,
    settings: Settings,
    matrices: dict[str, xgboost.DMatrix],
    threads: int,
    termination: rounds.Termination | None,
) -> xgboost.Booster:
    folder = layout.checkpoints()
    start = _start(folder)
    first = start[1] + 1 if start else 0
    callbacks = _callbacks(settings, folder, first, validated="validation" in matrices)
    try:
        return xgboost.train(
            _parameters(settings, threads),
            matrices["train"],
            num_boost_round=max(settings.num_round - first, 0),
            evals=[(matrix, name) for name, matrix in matrices.items()],
            custom_metric=_custom_metric(settings),
            verbose_eval=False,
            xgb_model=str(start[0]) if start else None,
            callbacks=callbacks + ([termination] if termination else []),
        )
    except (xgboost.core.XGBoostError, ValueError) as error:
        raise _worded(error) from error


def _start(folder: Path | None) -> tuple[Path, int] | None:
    if folder is None:
        return None
    folder.mkdir(parents=True, exist_ok=True)
    start = rounds.newest_checkpoint(folder)
    if start:
        LOG.info("Checkpoint loaded from %s", start[0])
        LOG.info("Resuming from iteration %d", start[1] + 1)
    return start


def _parameters(settings: Settings, threads: int) -> dict[str, Any]:
    """Metrics named by the customer replace the objective's own; with custom ones alone the own one stays."""
    found = {"verbosity": 1, **settings.params, "nthread": threads}
    if settings.native_metrics:
        found["eval_metric"] = list(settings.native_metrics)
    return found


def _custom_metric(settings: Settings) -> Any:
    if not settings.custom_metrics:
        return None
    return metrics.evaluation(settings.custom_metrics, settings.params.get("objective", "reg:squarederror"))


def _callbacks(
    settings: Settings, folder: Path | None, first: int, *, validated: bool
) -> list[xgboost.callback.TrainingCallback]:
    found: list[xgboost.callback.TrainingCallback] = [rounds.MetricLines(first)]
    if folder is not None:
        found.append(rounds.Checkpoints(folder, first))
    if settings.early_stopping_rounds and validated:
        found.append(_early_stopping(settings, settings.early_stopping_rounds))
    return found


def _early_stopping(settings: Settings, patience: int) -> xgboost.callback.EarlyStopping:
    """Watches the last metric on the validation channel; hosting then uses the best model, as AWS documents."""
    watched = settings.metrics[-1] if settings.metrics else None
    return xgboost.callback.EarlyStopping(
        rounds=patience,
        data_name="validation",
        metric_name=watched,
        maximize=metrics.larger_is_better(watched) if watched else None,
        save_best=settings.params.get("booster") != "gblinear",
    )


def _worded(error: Exception) -> ClientError | AlgorithmError:
    text = str(error).partition("Stack trace:")[0].strip()
    if any(known in text for known in CUSTOMER_ERRORS):
        return ClientError(text)
    return AlgorithmError(f"XGB train call failed with exception:\n {text}")
