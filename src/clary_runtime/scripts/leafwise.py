"""LightGBM's models in scripts: for a few rows their trees, grown leaf by leaf, as Python comparisons.

LightGBM is not among what Clary installs; a script's `requirements.txt` brings it. Missing values never come here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from clary_runtime.trees import Node, NotCompilable, Split, below, summed

IDENTICAL = ("regression", "regression_l1", "huber", "fair", "quantile", "mape")
"""Objectives whose answer is the trees' sum."""
Tree = Mapping[str, Any]


def shortcut(model: Any) -> Callable[[Any], Any]:
    """Return what predicts a few rows as a model does; raise NotCompilable."""
    import numpy as np

    document = model.booster_.dump_model()
    objective, *settings = document["objective"].split()
    if document["average_output"] or "sqrt" in settings or objective not in (*IDENTICAL, "binary", "multiclass"):
        raise NotCompilable(f"the objective {document['objective']}, averaged: {document['average_output']}")
    several = document["num_tree_per_iteration"]
    trees = [_grown(each["tree_structure"], 0) for each in document["tree_info"]]
    sums = [summed(trees[at::several]) for at in range(several)]

    def scores(rows: Any) -> Any:
        return np.array([[each(row) for each in sums] for row in rows.tolist()])

    if objective == "multiclass":
        return lambda rows: model.classes_.take(scores(rows).argmax(axis=1))
    if objective == "binary":
        return lambda rows: model.classes_.take((scores(rows)[:, 0] > 0).astype(int))
    return lambda rows: scores(rows)[:, 0]


def thresholds(model: Any) -> Any:
    """Return what the model's trees compare features with."""
    import numpy as np

    trees = model.booster_.dump_model()["tree_info"]
    return np.array([0.0, *(found for each in trees for found in _thresholds(each["tree_structure"]))])


def _thresholds(node: Tree) -> Iterator[float]:
    if "threshold" in node:
        yield float(node["threshold"])
        yield from _thresholds(node["left_child"])
        yield from _thresholds(node["right_child"])


def _grown(node: Tree, depth: int) -> Node:
    """Return a node with all that is below it; a value that equals a threshold goes left."""
    if "leaf_value" in node:
        return float(node["leaf_value"])
    if node["decision_type"] != "<=" or node["missing_type"] == "Zero":
        raise NotCompilable(f"splits by {node['decision_type']}, missing values are {node['missing_type']}")
    deeper = below(depth)
    return Split(
        feature=node["split_feature"],
        bound=math.nextafter(float(node["threshold"]), math.inf),
        missing_left=bool(node["default_left"]),
        left=_grown(node["left_child"], deeper),
        right=_grown(node["right_child"], deeper),
    )
