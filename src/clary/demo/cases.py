"""The two models of the demo: what each is trained from, and how it answers."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from clary.demo import digits_script
from clary.demo.data_sets import DataSet, breast_cancer, digits
from clary.demo.plan import SKLEARN, XGBOOST

IMAGES = "683313688378.dkr.ecr.us-east-1.amazonaws.com"
SCRIPT = "train.py"
SOURCE = "source/sourcedir.tar.gz"
ROUNDS = 60
EPOCHS = 40


@dataclass(frozen=True, slots=True)
class Case:
    """A data set, an image, and what turns one into a model of the other.

    `score` predicts with what `model.tar.gz` holds, without Clary: rows to probabilities (n × classes, or n × 1).
    """

    key: str
    title: str
    data: DataSet
    image: str
    hyperparameters: Mapping[str, str]
    metric: str
    metric_values: int
    score: Callable[[Path, Any], Any]
    metric_definitions: Sequence[Mapping[str, str]] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


def xgboost_case() -> Case:
    """Return the built-in algorithm, which is told nothing but hyperparameters."""
    return Case(
        key="xgboost",
        title=XGBOOST,
        data=breast_cancer(),
        image=f"{IMAGES}/sagemaker-xgboost:1.7-1",
        hyperparameters={"objective": "binary:logistic", "num_round": str(ROUNDS), "max_depth": "4", "eta": "0.2"},
        metric="train:logloss",
        metric_values=ROUNDS,
        score=_score_xgboost,
    )


def sklearn_case(bucket: str) -> Case:
    """Return the user's script, whose archive is in a bucket."""
    source = f"s3://{bucket}/{SOURCE}"
    return Case(
        key="sklearn",
        title=SKLEARN,
        data=digits(),
        image=f"{IMAGES}/sagemaker-scikit-learn:1.2-1-cpu-py3",
        hyperparameters={
            "sagemaker_program": SCRIPT,
            "sagemaker_submit_directory": source,
            "epochs": str(EPOCHS),
        },
        metric="train:loss",
        metric_values=EPOCHS,
        metric_definitions=[{"Name": "train:loss", "Regex": r"loss=([0-9.]+);"}],
        environment={"SAGEMAKER_PROGRAM": SCRIPT, "SAGEMAKER_SUBMIT_DIRECTORY": source},
        score=_score_sklearn,
    )


def source_archive() -> bytes:
    """Return the script as the SDKs submit it: a compressed archive."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        archive.add(digits_script.__file__, arcname=SCRIPT)
    return buffer.getvalue()


def _score_xgboost(folder: Path, rows: Any) -> Any:
    import xgboost

    booster = xgboost.Booster(model_file=bytearray((folder / "xgboost-model").read_bytes()))
    return booster.predict(xgboost.DMatrix(rows)).reshape(-1, 1)


def _score_sklearn(folder: Path, rows: Any) -> Any:
    return digits_script.predict_fn(np.asarray(rows, dtype="float32"), digits_script.model_fn(str(folder)))
