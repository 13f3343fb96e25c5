"""Predicting a few rows with a model's own parts, without the checks and threads that a library puts around them.

One row costs `predict` a tenth of a millisecond for a linear model and milliseconds for a forest, nearly all of it for
validating, for thread pools and for arrays of their bookkeeping. What is called here are the same trees and the same
products. It is used once it has told the same as `predict` for drawn rows, and faster; `CLARY_ACCELERATION=off` is off.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from clary_runtime.logs import LOG
from clary_runtime.scripts import boosted, leafwise
from clary_runtime.trees import NotCompilable

ROWS_MAX = 16
"""Rows of one prediction up to which this is used; for more, what `predict` does around them matters little."""
PROOF_ROWS = 256
TIMED_ROUNDS = 5
TOLERANCE = 1e-9
"""Largest difference from what `predict` tells, relative to the largest number told: sums differ in their order."""
TOLERANCE_SINGLE = 1e-6
"""The same for models of 32 bits."""
TOLERANCE_BOOSTED = 1e-5
"""The same for XGBoost's, which sums up in 32 bits."""
LINEAR_CLASSIFIERS = (
    "LogisticRegression", "LogisticRegressionCV", "RidgeClassifier", "RidgeClassifierCV", "SGDClassifier",
    "Perceptron", "PassiveAggressiveClassifier",
)  # fmt: skip
LINEAR_REGRESSORS = (
    "LinearRegression", "Ridge", "RidgeCV", "Lasso", "LassoCV", "ElasticNet", "ElasticNetCV", "BayesianRidge",
    "ARDRegression", "HuberRegressor", "Lars", "LassoLars", "QuantileRegressor", "SGDRegressor", "TheilSenRegressor",
)  # fmt: skip
BOOSTED = ("XGBClassifier", "XGBRegressor")
LEAFWISE = ("LGBMClassifier", "LGBMRegressor")
Predict = Callable[[Any], Any]


class NotDirect(Exception):
    """There is no shorter way to what this model predicts; the reason."""


@dataclass(frozen=True)
class Direct:
    """A proven short way: `predict` takes what the model's own takes."""

    model: Any
    shortcut: Predict
    row_s: float

    def predict(self, data: Any) -> Any:
        """Predict as the model does: by the short way where that was proven."""
        if not self._fits(data):
            return self.model.predict(data)
        return self.shortcut(data)

    def _fits(self, data: Any) -> bool:
        import numpy as np

        return (
            type(data) is np.ndarray
            and data.ndim == 2
            and 0 < len(data) <= ROWS_MAX
            and data.shape[1] == self.model.n_features_in_
            and data.dtype in (np.float32, np.float64)
            and bool(abs(data).max() < 1e30)  # which also not-a-number is not: `predict` has words for that
        )


def direct(model: Any, *, stopwatch: Callable[[], float]) -> Direct | None:
    """Return the short way if there is one, it is proven equal, and it is faster; say in the log what was found."""
    if {"sklearn", "xgboost"}.isdisjoint(sys.modules) or not hasattr(model, "n_features_in_"):
        return None
    try:
        shortcut = _shortcut(model)
        rows = _rows(model)
        _prove(model, shortcut, rows)
    except (NotDirect, NotCompilable, AttributeError, TypeError, ValueError, ArithmeticError, IndexError) as error:
        LOG.info("Acceleration: off, %s.predict is called: %s", type(model).__name__, error)
        return None
    slow_s, fast_s = (_row_s(each, rows, stopwatch) for each in (model.predict, shortcut))
    if fast_s >= slow_s:
        LOG.info("Acceleration: off, %.0f us a row instead of %.0f", fast_s * 1e6, slow_s * 1e6)
        return None
    LOG.info("Acceleration: on for up to %d rows: %.0f us a row instead of %.0f, the same in %d rows",
             ROWS_MAX, fast_s * 1e6, slow_s * 1e6, len(rows))  # fmt: skip
    return Direct(model, shortcut, fast_s)


def _shortcut(model: Any) -> Predict:
    """Return a function of rows for exactly these classes; what is derived of them may do anything."""
    kind = type(model).__name__
    module = type(model).__module__
    if kind == "Pipeline" and module.startswith("sklearn."):
        return _chained([step for _, step in model.steps])
    if module.startswith("sklearn.linear_model.") and kind in LINEAR_CLASSIFIERS:
        return _labelled(_product(model), model.classes_)
    if module.startswith("sklearn.linear_model.") and kind in LINEAR_REGRESSORS:
        return _product(model)
    if module == "sklearn.tree._classes":
        return _of_trees(model, [model], 1.0)
    if module == "sklearn.ensemble._forest" and kind.startswith(("RandomForest", "ExtraTrees")):
        return _of_trees(model, model.estimators_, 1.0 / len(model.estimators_))
    if module == "sklearn.ensemble._gb":
        return _of_stages(model)
    if _is_boosted(model):
        return boosted.shortcut(model)
    if _is_leafwise(model):
        return leafwise.shortcut(model)
    raise NotDirect("its class has no short way")


def _is_boosted(model: Any) -> bool:
    kind, module = type(model).__name__, type(model).__module__
    return type(model) is boosted.Rowed or (module == "xgboost.sklearn" and kind in BOOSTED)


def _is_leafwise(model: Any) -> bool:
    return type(model).__module__ == "lightgbm.sklearn" and type(model).__name__ in LEAFWISE


def _product(model: Any) -> Predict:
    coefficients, intercept = model.coef_.T, model.intercept_
    if model.coef_.ndim == 2 and len(model.coef_) == 1 and hasattr(model, "classes_"):
        coefficients, intercept = model.coef_[0], float(intercept[0] if hasattr(intercept, "__len__") else intercept)
    return lambda rows: rows @ coefficients + intercept


def _labelled(scores_of: Predict, classes: Any) -> Predict:
    def predict(rows: Any) -> Any:
        scores = scores_of(rows)
        return classes.take(scores.argmax(axis=1) if scores.ndim == 2 else (scores > 0).astype(int))

    return predict


def _of_trees(model: Any, members: Sequence[Any], weight: float) -> Predict:
    """Sum up trees, of which each tells a row's shares of the classes, or its value."""
    import numpy as np

    if model.n_outputs_ != 1:
        raise NotDirect("it has several outputs")
    trees = [member.tree_.predict for member in members]

    def total(rows: Any) -> Any:
        given = np.ascontiguousarray(rows, dtype=np.float32)
        return sum(tree(given) for tree in trees) * weight

    if hasattr(model, "classes_"):
        classes = model.classes_
        return lambda rows: classes.take(total(rows).argmax(axis=1))
    return lambda rows: total(rows)[:, 0]


def _of_stages(model: Any) -> Predict:
    """Sum up a boosted model's stages from where it begins, which one row tells."""
    import numpy as np

    columns = [[tree.tree_.predict for tree in column] for column in model.estimators_.T]
    rate = model.learning_rate

    def raised(rows: Any) -> Any:
        given = np.ascontiguousarray(rows, dtype=np.float32)
        return np.stack([sum(tree(given)[:, 0] for tree in column) * rate for column in columns], axis=1)

    raw_of = model.decision_function if hasattr(model, "classes_") else model.predict
    one = np.zeros((1, model.n_features_in_), dtype=np.float32)
    start = raw_of(one).reshape(1, -1) - raised(one)
    if not hasattr(model, "classes_"):
        return lambda rows: (raised(rows) + start)[:, 0]
    if len(columns) > 1:
        return _labelled(lambda rows: raised(rows) + start, model.classes_)
    return _labelled(lambda rows: (raised(rows) + start)[:, 0], model.classes_)


def _chained(steps: Sequence[Any]) -> Predict:
    *transformers, last = steps
    moves = [_scaled(each) for each in transformers]
    end = _shortcut(last)

    def predict(rows: Any) -> Any:
        for move in moves:
            rows = move(rows)
        return end(rows)

    return predict


def _scaled(transformer: Any) -> Predict:
    """Return what a scaler does; anything else has no short way."""
    kind, module = type(transformer).__name__, type(transformer).__module__
    if module != "sklearn.preprocessing._data" or kind not in ("StandardScaler", "MinMaxScaler"):
        raise NotDirect(f"its step {kind} has no short way")
    if kind == "MinMaxScaler" and transformer.clip:
        raise NotDirect("its scaler clips")

    def move(rows: Any) -> Any:
        moved = rows.copy()  # in place as the scaler does it, which keeps 32 bits between the two
        if kind == "MinMaxScaler":
            moved *= transformer.scale_
            moved += transformer.min_
            return moved
        if transformer.with_mean:
            moved -= transformer.mean_.astype(rows.dtype)
        if transformer.with_std:
            moved /= transformer.scale_.astype(rows.dtype)
        return moved

    return move


def _rows(model: Any) -> Any:
    """Draw rows about what the model compares features with, and about nothing."""
    import numpy as np

    drawing = np.random.default_rng(0)
    rows = drawing.normal(size=(PROOF_ROWS, model.n_features_in_))
    spread = 10.0 ** drawing.integers(-1, 3, size=(PROOF_ROWS, 1))
    thresholds = _thresholds(model)
    if thresholds is not None:
        half = PROOF_ROWS // 2
        rows[:half] = drawing.choice(thresholds, size=rows[:half].shape) + rows[:half] * 1e-3
    return rows * np.where(drawing.random((PROOF_ROWS, 1)) < 0.5, 1.0, spread)


def _thresholds(model: Any) -> Any:
    import numpy as np

    if _is_boosted(model):
        return boosted.thresholds(model)
    if _is_leafwise(model):
        return leafwise.thresholds(model)
    members = getattr(model, "estimators_", [model] if hasattr(model, "tree_") else [])
    found = [member.tree_.threshold for member in np.ravel(members) if hasattr(member, "tree_")]
    return np.concatenate(found) if found else None


def _prove(model: Any, shortcut: Predict, rows: Any) -> None:
    import numpy as np

    for kind in (np.float64, np.float32):
        given = rows.astype(kind)
        expected = np.asarray(model.predict(given))
        told = np.concatenate([shortcut(given[at : at + ROWS_MAX]) for at in range(0, len(given), ROWS_MAX)])
        same = told.dtype == expected.dtype and told.shape == expected.shape
        if same and expected.dtype.kind == "f":
            tolerance = TOLERANCE if expected.dtype == np.float64 else TOLERANCE_SINGLE
            tolerance = TOLERANCE_BOOSTED if _is_boosted(model) else tolerance
            same = abs(told - expected).max() <= tolerance * abs(expected).max()
        elif same:
            same = np.array_equal(told, expected)
        if not same:
            raise NotDirect("the short way tells something else")


def _row_s(predict: Predict, rows: Any, stopwatch: Callable[[], float]) -> float:
    """Return the least time that one row took."""
    times = []
    for at in range(TIMED_ROUNDS):
        row = rows[at : at + 1]
        began = stopwatch()
        predict(row)
        times.append(stopwatch() - began)
    return min(times)
