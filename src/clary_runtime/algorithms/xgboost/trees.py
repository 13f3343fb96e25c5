"""A booster's trees, from the library's JSON format, as Python code.

One row passes some hundred comparisons. Python does them in a sixth of the time that a call of the library takes,
most of which is spent around the trees. Pure; what cannot be told so raises `NotCompilable`.
"""

from __future__ import annotations

import math
import struct
from array import array
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from clary_runtime.trees import Node, NotCompilable, Split, below, summed

LEAF = -1
SMALLEST, LARGEST = 2.0**-149, 3.4028234663852886e38
"""Of positive 32-bit floats."""

Tree = Mapping[str, Sequence[Any]]
Predict = Callable[[Sequence[float]], list[float]]
"""Takes a row of numbers as they are written, not-a-number where a value is missing."""


def _sigmoid(margins: list[float]) -> list[float]:
    margin = margins[0]
    if margin >= 0:
        return [1 / (1 + math.exp(-margin))]
    odds = math.exp(margin)
    return [odds / (1 + odds)]


def _softmax(margins: list[float]) -> list[float]:
    most = max(margins)
    powers = [math.exp(margin - most) for margin in margins]
    total = sum(powers)
    return [power / total for power in powers]


def _as_is(margins: list[float]) -> list[float]:
    return margins


def _logit(probability: float) -> float:
    return -math.log(1 / probability - 1)


LINKS: Mapping[str, tuple[Callable[[list[float]], list[float]], Callable[[float], float]]] = {
    "binary:logistic": (_sigmoid, _logit),
    "reg:logistic": (_sigmoid, _logit),
    "binary:logitraw": (_as_is, float),
    "multi:softprob": (_softmax, float),
    "reg:squarederror": (_as_is, float),
    "reg:absoluteerror": (_as_is, float),
    "reg:pseudohubererror": (_as_is, float),
}
"""By objective: what makes the answer of the trees' sums, and the first sum of `base_score`."""


def compiled(document: Mapping[str, Any], rounds: int) -> Predict:
    """Return what predicts a row as the first `rounds` rounds (0: all) of a model in the library's JSON format do."""
    learner = document["learner"]
    objective = learner["objective"]["name"]
    booster = learner["gradient_booster"].get("name", "gblinear")  # which alone is saved without a name
    if booster != "gbtree" or objective not in LINKS:
        raise NotCompilable(f"booster {booster} with objective {objective}")
    model = learner["gradient_booster"]["model"]
    count = model["iteration_indptr"][rounds] if rounds else len(model["trees"])
    trees = [_grown(tree, 0, 0) for tree in model["trees"][:count]]
    link, margin = LINKS[objective]
    classes = max(1, int(learner["learner_model_param"]["num_class"]))
    starts = [margin(float(text)) for text in learner["learner_model_param"]["base_score"].strip("[]").split(",")]
    by_class = [[tree for tree, of in zip(trees, model["tree_info"], strict=False) if of == k] for k in range(classes)]
    sums = list(zip(starts if len(starts) == classes else starts * classes, map(summed, by_class), strict=True))
    return lambda row: link([start + own(row) for start, own in sums])


def _grown(tree: Tree, node: int, depth: int) -> Node:
    """Return a node of a tree, which the library keeps as columns, with all that is below it."""
    if tree["split_type"][node]:
        raise NotCompilable("splits by category")
    if not abs(tree["split_conditions"][node]) < LARGEST:
        raise NotCompilable("a number that is not finite")
    number, left = _single(tree["split_conditions"][node]), tree["left_children"][node]
    if left == LEAF:
        return number
    deeper = below(depth)
    return Split(
        feature=int(tree["split_indices"][node]),
        bound=bound(number),
        missing_left=bool(tree["default_left"][node]),
        left=_grown(tree, left, deeper),
        right=_grown(tree, tree["right_children"][node], deeper),
    )


def bound(threshold: float) -> float:
    """Return the least number that is not below a 32-bit threshold once it is rounded to 32 bits itself.

    The library rounds the values of a row; with the threshold moved instead they are compared as they are.
    """
    middle = (_below(threshold) + threshold) / 2
    return middle if _single(middle) >= threshold else math.nextafter(middle, math.inf)


def _below(number: float) -> float:
    """Return the next 32-bit float towards minus infinity."""
    if number == 0:
        return -SMALLEST
    (bits,) = struct.unpack("i", struct.pack("f", number))
    (found,) = struct.unpack("f", struct.pack("i", bits - 1 if number > 0 else bits + 1))
    return float(found)


def _single(number: float) -> float:
    """Return a number rounded to 32 bits."""
    return array("f", (number,))[0]
