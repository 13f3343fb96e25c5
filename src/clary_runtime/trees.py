"""Sums of decision trees as Python code: nested comparisons, compiled once.

One row passes some hundred comparisons, which Python does in less time than a library takes around its own. Pure; what
cannot be told so raises `NotCompilable`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, TypeAlias

NODES_MAX = 50_000
DEPTH_MAX = 40
"""Of a tree: Python's parser takes some hundred nested parentheses."""
PART_NODES = 2_000
"""Nodes that are compiled at a time: other threads wait for as long."""

Sum = Callable[[Sequence[float]], float]
"""Takes a row of numbers as they are written, not-a-number where a value is missing."""


class NotCompilable(Exception):
    """The model has what the code cannot express; the reason."""


class Split(NamedTuple):
    """A node that parts rows: those whose feature is below the bound go left."""

    feature: int
    bound: float
    missing_left: bool
    left: Node
    right: Node


Node: TypeAlias = "Split | float"
"""A leaf is what it adds to the sum."""


def summed(trees: Sequence[Node]) -> Sum:
    """Return what adds up what trees say of a row."""
    if sum(map(_size, trees)) > NODES_MAX:
        raise NotCompilable(f"more than {NODES_MAX} nodes")
    parts = tuple(_parts(trees))
    return lambda row: sum([part(row) for part in parts])


def below(depth: int) -> int:
    """Return the depth of a node's children; raise NotCompilable where a tree is too deep to be nested."""
    if depth >= DEPTH_MAX:
        raise NotCompilable(f"a tree deeper than {DEPTH_MAX}")
    return depth + 1


def _size(node: Node) -> int:
    return 1 + _size(node.left) + _size(node.right) if isinstance(node, Split) else 1


def _parts(trees: Sequence[Node]) -> Iterator[Sum]:
    waiting: list[Node] = []
    for tree in trees:
        waiting.append(tree)
        if sum(map(_size, waiting)) >= PART_NODES:
            yield _part(waiting)
            waiting = []
    if waiting:
        yield _part(waiting)


def _part(trees: Sequence[Node]) -> Sum:
    """Return a function that adds up trees; only numbers of the model go into its source."""
    used = sorted({feature for tree in trees for feature in _features(tree)})
    loads = "".join(f" f{feature}=row[{feature}]\n" for feature in used)
    source = f"def part(row):\n{loads} return {'+'.join(map(_expression, trees))}\n"
    names: dict[str, Sum] = {}
    exec(compile(source, "<trees>", "exec"), names)  # noqa: S102 - our own text, of names and numbers only
    return names["part"]


def _features(node: Node) -> Iterator[int]:
    if isinstance(node, Split):
        yield node.feature
        yield from _features(node.left)
        yield from _features(node.right)


def _expression(node: Node) -> str:
    """Return a node's value: a missing one, of which every comparison is false, goes where the model sends it."""
    if not isinstance(node, Split):
        return f"({node!r})"
    left, right, feature = _expression(node.left), _expression(node.right), f"f{node.feature}"
    if node.missing_left:
        return f"({right} if {feature}>={node.bound!r} else {left})"
    return f"({left} if {feature}<{node.bound!r} else {right})"
