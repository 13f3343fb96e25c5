"""Predictions of built-in XGBoost as response bodies: text/csv, application/json, application/jsonlines.

`SAGEMAKER_INFERENCE_OUTPUT` chooses what a row's answer holds. Source: sagemaker-xgboost-container, `serve_utils.py`.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Mapping
from typing import Any

from clary_runtime.algorithms.xgboost.library import Prediction

CSV, JSON, JSON_LINES = "text/csv", "application/json", "application/jsonlines"
ACCEPTED = (CSV, JSON, JSON_LINES)

_BINARY_CLASSES = ("binary:logitraw", "binary:hinge")
_SCORES_OF_CLASSES = ("predicted_label", "labels", "raw_score", "raw_scores")
_ALL = (*_SCORES_OF_CLASSES, "probability", "probabilities")


def encode(prediction: Prediction, accept: str) -> bytes:
    """Return the plain answer: in CSV a line a row, in JSON `{"predictions": [{"score": …}]}`."""
    if accept == CSV and prediction.width == 1:
        return ("\n".join(map(repr, prediction.values)) + "\n").encode()
    rows: list[Any] = prediction.values if prediction.width == 1 else prediction.rows()
    if accept == CSV:
        return "".join(",".join(map(repr, row)) + "\n" for row in rows).encode()
    return _documents([{"score": row} for row in rows], accept)


def selected(prediction: Prediction, accept: str, keys: tuple[str, ...], objective: str, classes: int) -> bytes:
    """Return the answer with the chosen keys; a key that makes no sense for the objective is not-a-number."""
    rows = [{key: _chosen(key, row, objective, classes) for key in keys} for row in prediction.rows()]
    if accept != CSV:
        return _documents(rows, accept)
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([row.values() for row in rows])
    return out.getvalue().encode()


def _documents(rows: list[dict[str, Any]], accept: str) -> bytes:
    if accept == JSON:
        return json.dumps({"predictions": rows}).encode()
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def valid_keys(objective: str) -> tuple[str, ...]:
    """Return what may be chosen for an objective."""
    if objective in ("binary:logistic", "multi:softprob"):
        return _ALL
    if objective in (*_BINARY_CLASSES, "multi:softmax"):
        return _SCORES_OF_CLASSES
    return ("predicted_score",)


def _chosen(key: str, row: list[float], objective: str, classes: int) -> Any:
    if key not in valid_keys(objective):
        return math.nan
    return _CHOICES[key](row, objective, classes)


def _predicted_label(row: list[float], objective: str, _classes: int) -> int:
    if objective == "multi:softprob":
        return row.index(max(row))
    if objective == "binary:logistic":
        return int(row[0] > 0.5)
    return int(row[0] > 0) if objective == "binary:logitraw" else int(row[0])


def _labels(_row: list[float], objective: str, classes: int) -> list[int]:
    return list(range(classes)) if objective.startswith("multi:") else [0, 1]


def _highest(row: list[float], _objective: str, _classes: int) -> float:
    return max(row)


def _each_class(row: list[float], objective: str, _classes: int) -> list[float]:
    return row if len(row) > 1 or objective in _BINARY_CLASSES or objective == "multi:softmax" else [1 - row[0], row[0]]


_CHOICES: Mapping[str, Callable[[list[float], str, int], Any]] = {
    "predicted_label": _predicted_label,
    "labels": _labels,
    "probability": _highest,
    "probabilities": _each_class,
    "raw_score": _highest,
    "raw_scores": _each_class,
    "predicted_score": _highest,
}
