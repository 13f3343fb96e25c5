"""The quick yes to requests: given to values that keep their rules, and to no other."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.model import Shape, ShapeResolver

from clary.wire.soundness import sound

SHAPES: dict[str, Any] = {
    "Tree": {
        "type": "structure",
        "required": ["Name"],
        "members": {
            "Name": {"shape": "Name"},
            "Kind": {"shape": "Kind"},
            "Size": {"shape": "Size"},
            "Token": {"shape": "Name", "idempotencyToken": True},
            "Branches": {"shape": "Trees"},
            "Leaves": {"shape": "Leaves"},
        },
    },
    "Name": {"type": "string", "min": 1, "max": 5, "pattern": "[a-z]*"},
    "Kind": {"type": "string", "enum": ["oak", "elm"]},
    "Size": {"type": "integer", "min": 1, "max": 9},
    "Trees": {"type": "list", "member": {"shape": "Tree"}, "max": 2},
    "Leaves": {"type": "map", "key": {"shape": "Name"}, "value": {"shape": "Size"}},
}


@pytest.fixture
def tree() -> Shape:
    return ShapeResolver(SHAPES).get_shape_by_name("Tree")


@pytest.mark.parametrize(
    "value",
    [
        {"Name": "a"},
        {"Name": "abcde", "Kind": "oak", "Size": 9},
        {"Name": "a", "Branches": [{"Name": "b", "Branches": [{"Name": "c"}]}, {"Name": "d"}]},
        {"Name": "a", "Leaves": {"x": 1, "y": 9}},
        {"Name": "a", "Branches": [], "Leaves": {}, "Unknown": 1},
    ],
)
def test_what_keeps_the_rules_is_sound(tree: Shape, value: dict[str, Any]) -> None:
    assert sound(tree)(value)


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"Name": ""},
        {"Name": "abcdef"},
        {"Name": "A"},
        {"Name": "a", "Kind": "ash"},
        {"Name": "a", "Size": 0},
        {"Name": "a", "Size": 10},
        {"Name": "a", "Branches": [{"Name": "b"}] * 3},
        {"Name": "a", "Branches": [{"Name": "b", "Branches": [{"Name": "C"}]}]},
        {"Name": "a", "Branches": [None]},
        {"Name": "a", "Leaves": {"X": 1}},
        {"Name": "a", "Leaves": {"x": 0}},
        {"Name": "a", "Leaves": {"x": None}},
    ],
)
def test_what_breaks_a_rule_is_not(tree: Shape, value: dict[str, Any]) -> None:
    assert not sound(tree)(value)
