"""A quick yes to most requests: each shape's rules as one function, made once, that says whether a value breaks none.

It may say no to a value that is well; then `validation` looks closely, and finds the words for what it finds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

from clary.wire import patterns

SHAPES_MAX = 20_000
NUMBERS = ("integer", "long", "float", "double")
MEASURED = ("string", "character", "blob", "list", "map")
Check = Callable[[Any], bool]


@lru_cache(SHAPES_MAX)
def sound(shape: Shape) -> Check:
    """Return what says whether a value, None apart, keeps all rules of a shape and of what is in it."""
    if isinstance(shape, StructureShape):
        return _structure(shape)
    own = _scalar(shape)
    if isinstance(shape, ListShape):
        return _all_of(own, _later(shape.member), lambda value: value)
    if isinstance(shape, MapShape):
        keys = _all_of(own, _later(shape.key), lambda value: value)
        return _all_of(keys, _later(shape.value), lambda value: value.values())
    return own


def _later(shape: Shape) -> Check:
    """Return the check of a shape that may hold itself: it is made when it is first needed."""
    made: list[Check] = []

    def check(value: Any) -> bool:
        if not made:
            made.append(sound(shape))
        return made[0](value)

    return check if isinstance(shape, StructureShape | ListShape | MapShape) else sound(shape)


def _structure(shape: StructureShape) -> Check:
    if shape.is_document_type:
        return lambda _: True
    required = set(shape.required_members)
    members = [
        (name, name in required and "idempotencyToken" not in member.metadata, _later(member))
        for name, member in shape.members.items()
        if not (member.serialization.get("streaming") or member.serialization.get("eventstream"))
    ]

    def check(value: Mapping[str, Any]) -> bool:
        get = value.get
        for name, needed, inner in members:
            item = get(name)
            if item is None:
                if needed:
                    return False
            elif not inner(item):
                return False
        return True

    return check


def _all_of(own: Check, inner: Check, items: Callable[[Any], Any]) -> Check:
    def check(value: Any) -> bool:
        return own(value) and all(item is not None and inner(item) for item in items(value))

    return check


def _scalar(shape: Shape) -> Check:
    """Return the check of a shape's own rules: its bounds, its pattern and its enum."""
    traits = shape.metadata
    low, high = traits.get("min", float("-inf")), traits.get("max", float("inf"))
    pattern, enum = traits.get("pattern"), frozenset(traits.get("enum") or ())
    if shape.type_name in NUMBERS:
        return (lambda value: low <= value <= high) if traits else _anything
    if shape.type_name not in MEASURED:
        return _anything
    if shape.type_name == "string" and (pattern or enum):
        return lambda value: (
            low <= len(value) <= high
            and (not enum or value in enum)
            and (not pattern or patterns.satisfies(pattern, value))
        )
    return (lambda value: low <= len(value) <= high) if {"min", "max"} & traits.keys() else _anything


def _anything(_: Any) -> bool:
    return True
