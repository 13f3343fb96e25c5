"""What the trail of calls shows of their parameters: no secrets, no bodies, nothing that is long."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from itertools import islice
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

SHAPES_MAX = 20_000
TEXT_MAX = 1024
ITEMS_MAX = 100
HIDDEN = "HIDDEN_DUE_TO_SECURITY_REASONS"


@lru_cache(SHAPES_MAX)
def shown(shape: Shape) -> Callable[[Any], Any]:
    """Return what makes a value of a shape fit to be shown; what holds others asks for theirs, which may be itself."""
    if shape.metadata.get("sensitive"):
        return lambda _: HIDDEN
    if isinstance(shape, StructureShape):
        members = shape.members
        return lambda value: {name: shown(members[name])(each) for name, each in value.items() if name in members}
    if isinstance(shape, ListShape):
        member = shape.member
        return lambda value: [shown(member)(each) for each in value[:ITEMS_MAX]]
    if isinstance(shape, MapShape):
        inner = shape.value
        return lambda value: {key: shown(inner)(each) for key, each in islice(value.items(), ITEMS_MAX)}
    return {"blob": _nothing, "string": _start}.get(shape.type_name, _all)


def _nothing(_: Any) -> None:
    return None


def _start(value: Any) -> Any:
    return value[:TEXT_MAX]


def _all(value: Any) -> Any:
    return value
