"""XGBoost's models in scripts: for a few rows their trees as Python comparisons, as the built-in algorithm has them.

A `Booster` takes matrices, and to make one of a single row costs as much as to predict it; `Rowed` takes arrays.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from clary_runtime.algorithms.xgboost.trees import LEAF, compiled
from clary_runtime.scripts import codecs
from clary_runtime.scripts.defaults import LIBSVM_TYPES, xgboost_input, xgboost_predict
from clary_runtime.trees import NotCompilable

DOCUMENT_BYTES_MAX = 32 << 20
"""Of a model as JSON, which is four times as long as the library's own format."""


class Rowed:
    """A `Booster` that predicts arrays of rows, and what they do not fit as matrices."""

    def __init__(self, booster: Any) -> None:
        self.booster = booster
        self.n_features_in_ = booster.num_features()

    def get_booster(self) -> Any:
        """Return the booster, as XGBoost's models for scikit-learn do."""
        return self.booster

    def predict(self, data: Any) -> Any:
        """Predict as the framework does."""
        import xgboost

        return xgboost_predict(data if isinstance(data, xgboost.DMatrix) else xgboost.DMatrix(data), self.booster)


def is_booster(model: Any) -> bool:
    """Say whether a model is a `Booster` itself."""
    return (type(model).__module__, type(model).__name__) == ("xgboost.core", "Booster")


def rows_of(content: str | bytes, content_type: str) -> Any:
    """Return a request's body as an array where it is one, as a matrix elsewhere."""
    if codecs.bare(content_type) in LIBSVM_TYPES:
        return xgboost_input(content, content_type)
    return codecs.decode(content.encode() if isinstance(content, str) else content, content_type)


def shortcut(model: Any) -> Callable[[Any], Any]:
    """Return what predicts a few rows as a model does; raise NotCompilable."""
    import numpy as np

    document = _document(model)
    best = model.get_booster().attr("best_iteration")
    trees = compiled(document, 0 if best is None else int(best) + 1)

    def told(rows: Any) -> Any:
        found = np.array([trees(row) for row in rows.tolist()], dtype=np.float32)
        return found[:, 0] if found.shape[1] == 1 else found

    if not hasattr(model, "classes_"):
        return told
    return lambda rows: _labels(told(rows))


def thresholds(model: Any) -> Any:
    """Return what the model's trees compare features with."""
    import numpy as np

    trees = _document(model)["learner"]["gradient_booster"]["model"]["trees"]
    inner = [np.array(each["split_conditions"])[np.array(each["left_children"]) != LEAF] for each in trees]
    return np.concatenate([*inner, [0.0]])


def _document(model: Any) -> Any:
    raw = model.get_booster().save_raw("json")
    if len(raw) > DOCUMENT_BYTES_MAX:
        raise NotCompilable(f"the model is larger than {DOCUMENT_BYTES_MAX} bytes")
    return json.loads(raw)


def _labels(shares: Any) -> Any:
    return shares.argmax(axis=1) if shares.ndim == 2 else (shares > 0.5).astype(int)
