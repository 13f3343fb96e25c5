"""Whether a booster's rows are better predicted by its compiled trees: proven on rows, measured, and told in the log.

The rows are drawn from the model's own thresholds, the values around them and missing ones, so that they pass
through every part of the trees. `CLARY_ACCELERATION=off` switches it off.
"""

from __future__ import annotations

import math
import random
from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from clary_runtime.algorithms.xgboost.library import Booster, LibraryError, Prediction
from clary_runtime.algorithms.xgboost.trees import LEAF, Predict, compiled
from clary_runtime.logs import LOG
from clary_runtime.trees import NotCompilable

TOLERANCE = 1e-5
"""Largest difference from the library's answer that is taken, relative where the answer is larger than one."""
MODEL_BYTES_MAX = 8 << 20
ROWS_MAX = 4
"""Rows of one request up to which the compiled trees are asked: the library's call costs hardly more for many."""
PROOF_ROWS = 256
TIMED_ROUNDS = 20
MISSING_SHARE = 0.1


@dataclass(frozen=True)
class Accelerated:
    """A booster whose small requests are answered by compiled trees."""

    trees: Predict

    def predict_row(self, row: Sequence[float]) -> Prediction:
        """Predict one row; the library's answers are 32-bit floats."""
        found = array("f", self.trees(row)).tolist()
        return Prediction(found, len(found))

    def predict(self, values: array[float], columns: int) -> Prediction:
        """Predict dense rows as `Booster.predict` does."""
        listed = values.tolist()
        rows = [self.predict_row(listed[start : start + columns]) for start in range(0, len(listed), columns)]
        return Prediction([value for row in rows for value in row.values], rows[0].width)


def accelerated(booster: Booster, *, chance: random.Random, stopwatch: Callable[[], float]) -> Accelerated | None:
    """Return what answers small requests faster than the booster itself and the same, None if nothing does."""
    try:
        document = booster.document(MODEL_BYTES_MAX)
        found = Accelerated(compiled(document, booster.rounds_end))
        rows = _rows(document, booster.columns, chance)
        difference = max(_difference(booster, found, row) for row in rows)
    except (NotCompilable, LibraryError, ArithmeticError, KeyError, ValueError) as error:
        LOG.info("Acceleration: off, the library predicts: %s", error)
        return None
    slow_s, fast_s = (_row_s(each.predict, rows, stopwatch) for each in (booster, found))
    if difference > TOLERANCE or fast_s >= slow_s:
        LOG.info("Acceleration: off, the library predicts: difference %.1e, %.0f us a row instead of %.0f",
                 difference, fast_s * 1e6, slow_s * 1e6)  # fmt: skip
        return None
    LOG.info("Acceleration: on for up to %d rows: %.0f us a row instead of %.0f, largest difference %.1e in %d rows",
             ROWS_MAX, fast_s * 1e6, slow_s * 1e6, difference, len(rows))  # fmt: skip
    return found


def _rows(document: Mapping[str, Any], columns: int, chance: random.Random) -> list[array[float]]:
    thresholds = _thresholds(document, columns)
    return [array("f", [_value(known, chance) for known in thresholds]) for _ in range(PROOF_ROWS)]


def _thresholds(document: Mapping[str, Any], columns: int) -> list[list[float]]:
    """Return, for each feature, the values that it is compared with."""
    found: list[list[float]] = [[] for _ in range(columns)]
    for tree in document["learner"]["gradient_booster"]["model"]["trees"]:
        nodes = zip(tree["left_children"], tree["split_indices"], tree["split_conditions"], strict=True)
        for left, feature, threshold in nodes:
            if left != LEAF:
                found[feature].append(threshold)
    return found


def _value(thresholds: Sequence[float], chance: random.Random) -> float:
    if chance.random() < MISSING_SHARE:
        return math.nan
    threshold = chance.choice(thresholds) if thresholds else 0.0
    return threshold + chance.choice((0.0, 1.0)) * chance.gauss(0, 1) * max(abs(threshold), 1e-3)


def _difference(booster: Booster, found: Accelerated, row: array[float]) -> float:
    expected, told = booster.predict(row, len(row)).values, found.predict(row, len(row)).values
    return max(abs(a - b) / max(1.0, abs(a)) for a, b in zip(expected, told, strict=True))


def _row_s(
    predict: Callable[[array[float], int], Prediction], rows: list[array[float]], stopwatch: Callable[[], float]
) -> float:
    """Return the least time that a row took; the least is what a busy machine disturbs least."""
    times = []
    for row in rows[:TIMED_ROUNDS] * 2:
        began = stopwatch()
        predict(row, len(row))
        times.append(stopwatch() - began)
    return min(times)
