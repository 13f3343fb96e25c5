"""What must hold of each model; each check returns what it looked at, or raises DemoFailed with what is wrong."""

from __future__ import annotations

from typing import Any

import numpy as np

from clary.demo.cloudwatch import Metric
from clary.demo.failures import DemoFailed

DIFFERENCE_MAX = 1e-6
"""Between an answer, printed with the digits of a 32-bit float, and the number that was printed."""
ACCURACY_MIN = 0.9
LIKELY = 0.5


def difference(name: str, answers: Any, offline: Any) -> float:
    """Return the largest difference between an endpoint's answers and the model's own (both n × classes)."""
    if answers.shape != offline.shape:
        raise DemoFailed(f"The endpoint of {name} answers {answers.shape}, its model scored offline {offline.shape}.")
    largest = float(np.abs(answers - offline).max())
    if not largest <= DIFFERENCE_MAX:  # also where it is not a number
        raise DemoFailed(f"The endpoint of {name} differs from its model scored offline by up to {largest:g}.")
    return largest


def accuracy(name: str, answers: Any, labels: Any) -> float:
    """Return the share of rows whose likeliest class is theirs."""
    right = float((_decided(answers) == labels).mean())
    if right < ACCURACY_MIN:
        raise DemoFailed(f"{name} is right in {right:.1%} of the held-out rows, which is less than {ACCURACY_MIN:.0%}.")
    return right


def whole(name: str, metric: Metric | None, values: int) -> Metric:
    """Return a metric that has as many values as the job printed."""
    if metric is None:
        raise DemoFailed(f"CloudWatch has no metric of {name}.")
    if metric.values != values:
        raise DemoFailed(f"CloudWatch has {metric.values} values of {metric.name} of {name}, which printed {values}.")
    return metric


def said(name: str, lines: tuple[str, ...]) -> tuple[str, ...]:
    """Return the lines that a job printed, of which there must be some."""
    if not lines:
        raise DemoFailed(f"CloudWatch Logs has no line of {name}.")
    return lines


def _decided(answers: Any) -> Any:
    """Return the class of each row; one column is the probability of class 1."""
    if answers.shape[1] == 1:
        return (answers[:, 0] > LIKELY).astype(int)
    return answers.argmax(axis=1)
