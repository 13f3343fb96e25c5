"""Forms to parameters (query and ec2): `Tags.member.1.Key=a` is a path through the shapes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from botocore.model import ListShape, MapShape, Shape, StructureShape

from clary.wire import scalars
from clary.wire.malformed import MalformedInput

FIELDS_MAX = 100_000
_DEPTH_MAX = 64
_TEXT = ""  # where a node keeps its own text; no name on the wire is empty

Node = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Dialect:
    """What sets the two kinds of form apart: names of members, and whether lists are always flattened."""

    name: Callable[[Shape, str], str]
    flat_lists: bool


def _query_name(shape: Shape, default: str) -> str:
    return shape.serialization.get("name", default)


def _ec2_name(shape: Shape, default: str) -> str:
    name = shape.serialization.get("queryName")
    if name is not None:
        return name
    name = shape.serialization.get("name")
    return default if name is None else name[0].upper() + name[1:]


QUERY = Dialect(_query_name, flat_lists=False)
EC2 = Dialect(_ec2_name, flat_lists=True)


def fields(form: bytes | str) -> list[tuple[str, str]]:
    """Return the fields of a form in order."""
    try:
        text = form if isinstance(form, str) else form.decode()
        return parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=FIELDS_MAX)
    except ValueError as error:
        raise MalformedInput(f"The form could not be read: {error}") from error


def decode(dialect: Dialect, shape: StructureShape, form: list[tuple[str, str]]) -> dict[str, Any]:
    """Return the parameters that the fields of `form` hold."""
    return _decode_structure(dialect, shape, _tree(form))


def _tree(form: list[tuple[str, str]]) -> Node:
    root: Node = {}
    for name, text in form:
        node = root
        parts = name.split(".")
        if len(parts) > _DEPTH_MAX:
            raise MalformedInput(f"{name[:100]} is nested too deeply")
        for part in parts:
            node = node.setdefault(part or "?", {})
        node[_TEXT] = text
    return root


def _decode(dialect: Dialect, shape: Shape, node: Node) -> Any:
    reader = _DECODERS.get(shape.type_name)
    return reader(dialect, shape, node) if reader else _decode_scalar(shape, node)


def _decode_structure(dialect: Dialect, shape: StructureShape, node: Node) -> dict[str, Any]:
    decoded = {}
    for name, member in shape.members.items():
        child = node.get(dialect.name(member, name))
        if child is None and isinstance(member, ListShape) and member.serialization.get("flattened"):
            # A flattened list whose members have a name stands under that name alone.
            child = node.get(dialect.name(member.member, name))
        if child is not None:
            decoded[name] = _decode(dialect, member, child)
    return decoded


def _decode_list(dialect: Dialect, shape: ListShape, node: Node) -> list[Any]:
    if not (dialect.flat_lists or shape.serialization.get("flattened")):
        node = node.get(dialect.name(shape.member, "member"), {})
    return [_decode(dialect, shape.member, child) for child in _numbered(node)]


def _decode_map(dialect: Dialect, shape: MapShape, node: Node) -> dict[str, Any]:
    if not shape.serialization.get("flattened"):
        node = node.get("entry", {})
    key_name, value_name = dialect.name(shape.key, "key"), dialect.name(shape.value, "value")
    return {
        _decode(dialect, shape.key, child.get(key_name, {})): _decode(dialect, shape.value, child.get(value_name, {}))
        for child in _numbered(node)
    }


def _numbered(node: Mapping[str, Any]) -> list[Node]:
    """Return the children called 1, 2, 3… in that order; gaps are closed."""
    return [node[key] for key in sorted((key for key in node if key.isascii() and key.isdigit()), key=int)]


def _decode_scalar(shape: Shape, node: Node) -> Any:
    text = node.get(_TEXT)
    if text is None:
        if node:
            raise MalformedInput("Unexpected complex element termination")
        text = ""
    try:
        return scalars.from_text(shape, text)
    except ValueError as error:
        raise MalformedInput(f'For input string: "{text[:200]}"') from error


_DECODERS: dict[str, Callable[[Dialect, Any, Node], Any]] = {
    "structure": _decode_structure,
    "list": _decode_list,
    "map": _decode_map,
}
