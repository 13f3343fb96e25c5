"""The evaluation metrics AWS's container adds to those of the library.

Averages as scikit-learn defines them (a class without rows or predictions counts 0); numpy only, since importing
scikit-learn costs more than training a small model. Source: sagemaker-xgboost-container, `custom_metrics.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Counts:
    """Per class: rows predicted right, rows predicted as it, rows that are it."""

    right: Floats
    predicted: Floats
    actual: Floats


def count(labels: Floats, predicted: Floats) -> Counts:
    """Return the counts of every class that occurs in labels or predictions."""
    classes, codes = np.unique(np.concatenate([labels, predicted]), return_inverse=True)
    truth, guess = codes[: len(labels)], codes[len(labels) :]
    size = len(classes)
    right = np.bincount(truth[truth == guess], minlength=size).astype(float)
    return Counts(
        right, np.bincount(guess, minlength=size).astype(float), np.bincount(truth, minlength=size).astype(float)
    )


def _ratio(part: Floats, whole: Floats) -> Floats:
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)


def _precisions(labels: Floats, predicted: Floats) -> Floats:
    counts = count(labels, predicted)
    return _ratio(counts.right, counts.predicted)


def _recalls(labels: Floats, predicted: Floats) -> Floats:
    counts = count(labels, predicted)
    return _ratio(counts.right, counts.actual)


def _f1s(labels: Floats, predicted: Floats) -> Floats:
    counts = count(labels, predicted)
    return _ratio(2 * counts.right, counts.predicted + counts.actual)


def _of_one(scores: Callable[[Floats, Floats], Floats]) -> Callable[[Floats, Floats], float]:
    """Return the score of class 1 alone, 0 where neither label nor prediction names it."""

    def score(labels: Floats, predicted: Floats) -> float:
        classes = np.unique(np.concatenate([labels, predicted]))
        found = scores(labels, predicted)[classes == 1]
        return float(found[0]) if len(found) else 0.0

    return score


def _macro(scores: Callable[[Floats, Floats], Floats]) -> Callable[[Floats, Floats], float]:
    return lambda labels, predicted: float(np.mean(scores(labels, predicted)))


def _balanced(labels: Floats, predicted: Floats) -> float:
    counts = count(labels, predicted)
    occurs = counts.actual > 0
    return float(np.mean(counts.right[occurs] / counts.actual[occurs]))


def _accuracy(labels: Floats, predicted: Floats) -> float:
    return float(np.mean(labels == predicted))


def _mse(labels: Floats, predicted: Floats) -> float:
    return float(np.mean((labels - predicted) ** 2))


def _r2(labels: Floats, predicted: Floats) -> float:
    spread = float(np.sum((labels - labels.mean()) ** 2))
    return 1.0 - float(np.sum((labels - predicted) ** 2)) / spread if spread else 0.0


@dataclass(frozen=True)
class Metric:
    """A score of (labels, predictions); `of_classes` takes predicted classes instead of scores."""

    score: Callable[[Floats, Floats], float]
    of_classes: bool = True
    larger_is_better: bool = True


CUSTOM_METRICS: Mapping[str, Metric] = {
    "accuracy": Metric(_accuracy),
    "balanced_accuracy": Metric(_balanced),
    "f1": Metric(_macro(_f1s)),
    "f1_binary": Metric(_of_one(_f1s)),
    "f1_macro": Metric(_macro(_f1s)),
    "precision": Metric(_of_one(_precisions)),
    "precision_macro": Metric(_macro(_precisions)),
    "precision_micro": Metric(_accuracy),
    "recall": Metric(_of_one(_recalls)),
    "recall_macro": Metric(_macro(_recalls)),
    "recall_micro": Metric(_accuracy),
    "mse": Metric(_mse, of_classes=False, larger_is_better=False),
    "r2": Metric(_r2, of_classes=False),
}
LARGER_IS_BETTER = frozenset({"auc", "aucpr", "ndcg", "map", "pre"})


def larger_is_better(metric: str) -> bool:
    """Whether early stopping waits for this metric to rise."""
    if metric in CUSTOM_METRICS:
        return CUSTOM_METRICS[metric].larger_is_better
    return metric.partition("@")[0].rstrip("-") in LARGER_IS_BETTER


def evaluation(names: tuple[str, ...], objective: str) -> Callable[[Any, Any], list[tuple[str, float]]]:
    """Return what `xgboost.train` takes as `custom_metric`: all the named metrics at once."""

    def evaluate(predicted: Any, matrix: Any) -> list[tuple[str, float]]:
        labels = matrix.get_label()
        guesses = classes(predicted, objective)
        return [(name, _score(CUSTOM_METRICS[name], labels, guesses, predicted)) for name in names]

    return evaluate


def _score(metric: Metric, labels: Floats, guesses: Floats, predicted: Floats) -> float:
    return metric.score(labels, guesses if metric.of_classes else predicted)


def classes(predicted: Any, objective: str) -> Any:
    """Predicted classes from what an objective's model predicts."""
    if objective == "multi:softprob":
        return np.argmax(predicted, axis=1)
    if objective in ("binary:logistic", "reg:logistic"):
        return (predicted > 0.5).astype(float)
    if objective == "binary:logitraw":
        return (predicted > 0).astype(float)
    return predicted
