"""What the trail of calls shows of their parameters."""

from __future__ import annotations

from typing import Any

from botocore.model import ShapeResolver

from clary.server.trail import HIDDEN, ITEMS_MAX, TEXT_MAX, shown

SHAPES: dict[str, Any] = {
    "Request": {
        "type": "structure",
        "members": {name: {"shape": name} for name in ("Text", "Secret", "Body", "Many", "Map")},
    },
    "Text": {"type": "string"},
    "Secret": {"type": "string", "sensitive": True},
    "Body": {"type": "blob"},
    "Many": {"type": "list", "member": {"shape": "Text"}},
    "Map": {"type": "map", "key": {"shape": "Text"}, "value": {"shape": "Text"}},
}


def test_the_trail_shows_no_secret_no_body_and_nothing_long() -> None:
    shape = ShapeResolver(SHAPES).get_shape_by_name("Request")
    many = [str(number) for number in range(5000)]
    told = shown(shape)(
        {"Text": "x" * 5000, "Secret": "s", "Body": b"b", "Many": many, "Map": dict.fromkeys(many, "v")}
    )
    assert told["Text"] == "x" * TEXT_MAX
    assert (told["Secret"], told["Body"]) == (HIDDEN, None)
    assert told["Many"] == many[:ITEMS_MAX]
    assert list(told["Map"]) == many[:ITEMS_MAX]


def test_a_shape_may_hold_itself() -> None:
    tree = {"Tree": {"type": "structure", "members": {"Name": {"shape": "Text"}, "Inner": {"shape": "Tree"}}}}
    shape = ShapeResolver({**SHAPES, **tree}).get_shape_by_name("Tree")
    told = {"Name": "a", "Inner": {"Name": "b", "Inner": {}}}
    assert shown(shape)({**told, "Unknown": 1}) == told
