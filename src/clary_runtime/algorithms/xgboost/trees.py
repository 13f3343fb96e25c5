"""A booster's trees as Python code: nested comparisons, compiled once.

One row passes some hundred comparisons. Python does them in a sixth of the time that a call of the library takes,
most of which is spent around the trees. Pure; what cannot be told so raises `NotCompilable`.
"""

from __future__ import annotations

import math
import struct
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

NODES_MAX = 50_000
DEPTH_MAX = 40
"""Of a tree: Python's parser takes some hundred nested parentheses."""
PART_NODES = 2_000
"""Nodes that are compiled at a time: other threads wait for as long."""
LEAF = -1
SMALLEST, LARGEST = 2.0**-149, 3.4028234663852886e38
"""Of positive 32-bit floats."""

Tree = Mapping[str, Sequence[Any]]
Part = Callable[[Sequence[float]], float]
Predict = Callable[[Sequence[float]], list[float]]
"""Takes a row of numbers as they are written, not-a-number where a value is missing."""


class NotCompilable(Exception):
    """The model has what the code cannot express; the reason."""


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
    trees: Sequence[Tree] = model["trees"][:count]
    _check(trees)
    link, margin = LINKS[objective]
    classes = max(1, int(learner["learner_model_param"]["num_class"]))
    starts = [margin(float(text)) for text in learner["learner_model_param"]["base_score"].strip("[]").split(",")]
    by_class = [[tree for tree, of in zip(trees, model["tree_info"], strict=False) if of == k] for k in range(classes)]
    parts = [tuple(_parts(own)) for own in by_class]
    sums = list(zip(starts if len(starts) == classes else starts * classes, parts, strict=True))

    def predict(row: Sequence[float]) -> list[float]:
        return link([start + sum([part(row) for part in own]) for start, own in sums])

    return predict


def _check(trees: Sequence[Tree]) -> None:
    if sum(len(tree["left_children"]) for tree in trees) > NODES_MAX:
        raise NotCompilable(f"more than {NODES_MAX} nodes")
    for tree in trees:
        if any(tree["split_type"]):
            raise NotCompilable("splits by category")
        if not all(abs(number) < LARGEST for number in tree["split_conditions"]):
            raise NotCompilable("a number that is not finite")
        if _depth(tree) > DEPTH_MAX:
            raise NotCompilable(f"a tree deeper than {DEPTH_MAX}")


def _depth(tree: Tree) -> int:
    level, depth = [0], 0
    while level := [child for node in level for child in _children(tree, node)]:
        depth += 1
    return depth


def _children(tree: Tree, node: int) -> tuple[int, ...]:
    left = tree["left_children"][node]
    return () if left == LEAF else (left, tree["right_children"][node])


def _parts(trees: Sequence[Tree]) -> Iterator[Part]:
    waiting: list[Tree] = []
    for tree in trees:
        waiting.append(tree)
        if sum(len(each["left_children"]) for each in waiting) >= PART_NODES:
            yield _part(waiting)
            waiting = []
    if waiting:
        yield _part(waiting)


def _part(trees: Sequence[Tree]) -> Part:
    """Return a function that sums up what trees say of a row; only numbers of the model go into its source."""
    inner = {(tree["split_indices"][node], left) for tree in trees for node, left in enumerate(tree["left_children"])}
    used = sorted({int(index) for index, left in inner if left != LEAF})
    loads = "".join(f" f{index}=row[{index}]\n" for index in used)
    source = f"def part(row):\n{loads} return {'+'.join(_expression(tree, 0) for tree in trees)}\n"
    names: dict[str, Part] = {}
    exec(compile(source, "<trees>", "exec"), names)  # noqa: S102 - our own text, of names and numbers only
    return names["part"]


def _expression(tree: Tree, node: int) -> str:
    """Return a node's value: a missing one, of which every comparison is false, goes where the model sends it."""
    condition = _single(tree["split_conditions"][node])
    children = [_expression(tree, child) for child in _children(tree, node)]
    if not children:
        return f"({condition})"
    left, right = children
    feature, condition = f"f{int(tree['split_indices'][node])}", bound(condition)
    if tree["default_left"][node]:
        return f"({right} if {feature}>={condition} else {left})"
    return f"({left} if {feature}<{condition} else {right})"


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
