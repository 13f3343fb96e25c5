"""Bodies that are dicts and lists once parsed (JSON, CBOR), to and from model shapes.

Null members are dropped both ways; members that the shape lacks are ignored. Scalars are each format's own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

from clary.wire.malformed import wrong_type

SHAPES_MAX = 20_000
Scalar = Callable[[Shape, Any], Any]
Keyed = tuple[str, str, Shape]
"""A member's name, the key that it has on the wire, and its shape."""


Encode = Callable[[Any], Any]
"""Writes values of one shape."""


@dataclass(frozen=True, slots=True, eq=False)
class TreeCodec:
    """How one format holds scalars; `undefined` is its second word for null."""

    readers: Mapping[str, Scalar]
    writers: Mapping[str, Scalar]
    undefined: Any = None

    def decode(self, shape: Shape, value: Any) -> Any:
        """Return `value`, as the format holds it, in the types that handlers use."""
        reader = self.readers.get(shape.type_name)
        return reader(shape, value) if reader else _CONTAINER_READERS[shape.type_name](self, shape, value)

    def encode(self, shape: Shape, value: Any) -> Any:
        """Return a handler's `value` as the format holds it."""
        return _encoder(self, shape)(value)

    def decode_members(self, members: Mapping[str, Shape], document: Any) -> dict[str, Any]:
        """Return the members that `document` holds, by the model's names."""
        return self.decode_keyed(_keyed(members), document)

    def decode_keyed(self, members: Sequence[Keyed], document: Any) -> dict[str, Any]:
        """Return the members that `document` holds, of which is known by which key."""
        if type(document) is not dict:
            raise wrong_type(document, "structure")
        decoded, get = {}, document.get
        for name, key, member in members:
            item = get(key)
            if item is not None and item is not self.undefined:
                decoded[name] = self.decode(member, item)
        return decoded

    def encode_members(self, members: Mapping[str, Shape], value: Mapping[str, Any]) -> dict[str, Any]:
        """Return the members that `value` holds, by their names on the wire."""
        encoded = {}
        for name, member in members.items():
            item = value.get(name)
            if item is not None:
                encoded[member.serialization.get("name", name)] = _encoder(self, member)(item)
        return encoded


def _keyed(members: Mapping[str, Shape]) -> tuple[Keyed, ...]:
    return tuple((name, member.serialization.get("name", name), member) for name, member in members.items())


@lru_cache(SHAPES_MAX)
def _members_of(shape: StructureShape) -> tuple[Keyed, ...] | None:
    """Return the members of a structure with their keys, None if it holds anything; a list may have it many times."""
    return None if shape.is_document_type else _keyed(shape.members)


def _decode_structure(codec: TreeCodec, shape: StructureShape, value: Any) -> Any:
    members = _members_of(shape)
    return value if members is None else codec.decode_keyed(members, value)


def _decode_list(codec: TreeCodec, shape: ListShape, value: Any) -> list[Any]:
    if type(value) is not list:
        raise wrong_type(value, "list")
    member = shape.member
    return [None if item is None else codec.decode(member, item) for item in value]


def _decode_map(codec: TreeCodec, shape: MapShape, value: Any) -> dict[str, Any]:
    if type(value) is not dict:
        raise wrong_type(value, "map")
    member = shape.value
    return {str(key): codec.decode(member, item) for key, item in value.items() if item is not None}


@lru_cache(SHAPES_MAX)
def _encoder(codec: TreeCodec, shape: Shape) -> Encode:
    """Return what writes values of a shape, made once; what is in a shape, maybe itself, is looked up as it is met."""
    writer = codec.writers.get(shape.type_name)
    return partial(writer, shape) if writer else _CONTAINER_WRITERS[shape.type_name](codec, shape)


def _structure_encoder(codec: TreeCodec, shape: StructureShape) -> Encode:
    members: tuple[tuple[str, str, Encode], ...] | None = None

    def encode(value: Mapping[str, Any]) -> dict[str, Any]:
        nonlocal members
        if members is None:
            members = tuple((name, key, _encoder(codec, member)) for name, key, member in _keyed(shape.members))
        encoded, get = {}, value.get
        for name, key, write in members:
            item = get(name)
            if item is not None:
                encoded[key] = write(item)
        return encoded

    return (lambda value: value) if shape.is_document_type else encode


def _list_encoder(codec: TreeCodec, shape: ListShape) -> Encode:
    def encode(value: Sequence[Any]) -> list[Any]:
        write = _encoder(codec, shape.member)
        return [None if item is None else write(item) for item in value]

    return encode


def _map_encoder(codec: TreeCodec, shape: MapShape) -> Encode:
    def encode(value: Mapping[str, Any]) -> dict[str, Any]:
        write = _encoder(codec, shape.value)
        return {key: write(item) for key, item in value.items() if item is not None}

    return encode


_CONTAINER_READERS: Mapping[str, Callable[[TreeCodec, Any, Any], Any]] = {
    "structure": _decode_structure,
    "list": _decode_list,
    "map": _decode_map,
}

_CONTAINER_WRITERS: Mapping[str, Callable[[TreeCodec, Any], Encode]] = {
    "structure": _structure_encoder,
    "list": _list_encoder,
    "map": _map_encoder,
}


def text(_shape: Shape, value: Any) -> str:
    """Write a string."""
    return str(value)


def boolean(_shape: Shape, value: Any) -> bool:
    """Write a boolean."""
    return bool(value)


def integer(_shape: Shape, value: Any) -> int:
    """Write an integer."""
    return int(value)


# What every format of this kind writes alike.
PLAIN_WRITERS: Mapping[str, Scalar] = {
    "string": text,
    "character": text,
    "boolean": boolean,
    "integer": integer,
    "long": integer,
}
