"""The rules of a model (required, length, range, pattern, enum) held against parameters, in AWS's words.

All violations are told at once, as `N validation errors detected: …; …`. Source of the words: answers of
SageMaker and other services («Value 'x' at 'trainingJobName' failed to satisfy constraint: …»).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any

from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape

from clary.core.errors import ValidationError
from clary.wire import patterns
from clary.wire.models import protocols_of
from clary.wire.scalars import float_text
from clary.wire.soundness import sound

VIOLATIONS_MAX = 100
VALUE_CHARACTERS_MAX = 1_000
_SCALARS_WITH_LENGTH = ("string", "character", "blob", "list", "map")
_NOT_NULL = "Member must not be null"
_NUMBERS = ("integer", "long", "float", "double")
_OPEN_ENUMS = frozenset({"QueueAttributeName"})
"""Enums that their service does not hold requests to: SQS takes the names of messages' attributes there too."""


def validate(operation: OperationModel, params: Mapping[str, Any]) -> None:
    """Raise ValidationError with every rule of the operation's input that `params` breaks.

    Its code is ValidationException, in services that speak (or spoke) query ValidationError.
    """
    found = violations(operation, params)
    if found:
        count = "1 validation error" if len(found) == 1 else f"{len(found)} validation errors"
        code = "ValidationError" if "query" in protocols_of(operation.service_model) else None
        raise ValidationError(f"{count} detected: {'; '.join(found)}", code=code)


def violations(operation: OperationModel, params: Mapping[str, Any]) -> list[str]:
    """Return every rule that `params` breaks, a sentence each, at most VIOLATIONS_MAX of them."""
    shape = operation.input_shape
    if shape is None:
        return []
    try:
        if sound(shape)(params):
            return []
        return list(islice(_structure(shape, params, ""), VIOLATIONS_MAX))
    except RecursionError as error:
        raise ValidationError("The request is nested too deeply.") from error


def _check(shape: Shape, value: Any, path: str) -> Iterator[str]:
    if value is None:
        yield _sentence(shape, None, path, _NOT_NULL)
        return
    for constraint in _constraints(shape, value):
        yield _sentence(shape, value, path, constraint)
    inner = _CONTAINERS.get(shape.type_name)
    if inner is not None:
        yield from inner(shape, value, path)


def _structure(shape: StructureShape, value: Mapping[str, Any], path: str) -> Iterator[str]:
    if shape.is_document_type:
        return
    required = shape.required_members
    prefix = f"{path}." if path else ""
    for name, member in shape.members.items():
        item = value.get(name)
        if item is None and (name not in required or "idempotencyToken" in member.metadata):
            continue  # clients fill in tokens; one that does not is let in
        if not _streams(member):
            yield from _check(member, item, prefix + name[0].lower() + name[1:])


def _streams(member: Shape) -> bool:
    traits = member.serialization
    return bool(traits.get("streaming") or traits.get("eventstream"))


def _list(shape: ListShape, value: list[Any], path: str) -> Iterator[str]:
    member = shape.member
    if member.type_name not in _CONTAINERS:
        yield from _scalars(member, value, value, path, "Member must satisfy constraint")
        return
    for index, item in enumerate(value, 1):
        yield from _check(member, item, f"{path}.{index}.member")


def _map(shape: MapShape, value: Mapping[str, Any], path: str) -> Iterator[str]:
    yield from _scalars(shape.key, list(value), value, path, "Map keys must satisfy constraint")
    member = shape.value
    if member.type_name not in _CONTAINERS:
        yield from _scalars(member, list(value.values()), value, path, "Map value must satisfy constraint")
        return
    for key, item in value.items():
        yield from _check(member, item, f"{path}.{key}.member")


def _scalars(member: Shape, items: list[Any], whole: Any, path: str, opening: str) -> Iterator[str]:
    """Say once for the whole collection that some scalar in it breaks a rule, as AWS does."""
    if any(item is None or next(_constraints(member, item), None) is not None for item in items):
        rules = ", ".join(_rules(member)) or _NOT_NULL
        yield _sentence(member, whole, path, f"{opening}: [{rules}]")


def _rules(member: Shape) -> Iterator[str]:
    """Return every rule of a scalar, broken or not."""
    traits = member.metadata
    noun = "value" if member.type_name in _NUMBERS else "length"
    if "max" in traits:
        yield f"Member must have {noun} less than or equal to {_bound(traits['max'])}"
    if "min" in traits:
        yield f"Member must have {noun} greater than or equal to {_bound(traits['min'])}"
    if "pattern" in traits:
        yield f"Member must satisfy regular expression pattern: {traits['pattern']}"
    if traits.get("enum"):
        yield f"Member must satisfy enum value set: [{', '.join(traits['enum'])}]"


def _constraints(shape: Shape, value: Any) -> Iterator[str]:
    """Yield the rules of the shape itself that `value` breaks."""
    traits = shape.metadata
    if not traits:
        return
    if shape.type_name in _NUMBERS:
        yield from _bounds(traits, value, "value")
        return
    if shape.type_name in _SCALARS_WITH_LENGTH:
        yield from _bounds(traits, len(value), "length")
    if shape.type_name == "string" and shape.name not in _OPEN_ENUMS:
        yield from _text(traits, value)


def _bounds(traits: Mapping[str, Any], measure: float, noun: str) -> Iterator[str]:
    if "max" in traits and measure > traits["max"]:
        yield f"Member must have {noun} less than or equal to {_bound(traits['max'])}"
    if "min" in traits and measure < traits["min"]:
        yield f"Member must have {noun} greater than or equal to {_bound(traits['min'])}"


def _text(traits: Mapping[str, Any], value: str) -> Iterator[str]:
    if "pattern" in traits and not patterns.satisfies(traits["pattern"], value):
        yield f"Member must satisfy regular expression pattern: {traits['pattern']}"
    if traits.get("enum") and value not in traits["enum"]:
        yield f"Member must satisfy enum value set: [{', '.join(traits['enum'])}]"


def _bound(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else float_text(value)


def _sentence(shape: Shape, value: Any, path: str, constraint: str) -> str:
    if value is None:
        shown = "null"
    elif shape.metadata.get("sensitive"):
        shown = "'***Sensitive***'"
    else:
        shown = f"'{_shown(value)}'"
    return f"Value {shown} at '{path}' failed to satisfy constraint: {constraint}"


def _shown(value: Any) -> str:
    """Return a value as Java prints it, cut where it is long."""
    if isinstance(value, Mapping):
        text = "{" + ", ".join(f"{key}={_shown(item)}" for key, item in islice(value.items(), 50)) + "}"
    elif isinstance(value, list):
        text = "[" + ", ".join(_shown(item) for item in islice(value, 50)) + "]"
    elif isinstance(value, bool):
        text = str(value).lower()
    elif isinstance(value, bytes):
        text = f"java.nio.HeapByteBuffer[pos=0 lim={len(value)} cap={len(value)}]"
    else:
        text = str(value)
    return text if len(text) <= VALUE_CHARACTERS_MAX else text[:VALUE_CHARACTERS_MAX] + "..."


_CONTAINERS: Mapping[str, Callable[[Any, Any, str], Iterator[str]]] = {
    "structure": _structure,
    "list": _list,
    "map": _map,
}
