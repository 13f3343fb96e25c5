"""XML to and from model shapes (rest-xml bodies, and the answers of query and ec2).

Document types are refused, so entities cannot be declared. What XML 1.0 cannot hold (most control
characters) is written as U+FFFD: an answer with one odd character beats one that no client can parse.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from xml.etree import ElementTree

from botocore.model import ListShape, MapShape, Shape, StructureShape

from clary.wire import scalars
from clary.wire.malformed import MalformedXml

_WORDS = "The XML you provided was not well-formed or did not validate against our published schema"
_TIMESTAMP_STYLE = "iso8601"
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\r": "&#xD;"}
_SPECIAL = re.compile('[&<>"\r\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]')

Element = ElementTree.Element


class _NoDoctype(ElementTree.TreeBuilder):
    def doctype(self, _name: str, _pubid: str | None, _system: str | None) -> None:
        raise MalformedXml(_WORDS)


def parse(raw: bytes) -> Element:
    """Return the root element of `raw`."""
    parser = ElementTree.XMLParser(target=_NoDoctype())  # noqa: S314 - see _NoDoctype
    try:
        parser.feed(raw)
        return parser.close()
    except (ElementTree.ParseError, ValueError) as error:
        raise MalformedXml(_WORDS) from error


def decode(shape: Shape, node: Element) -> Any:
    """Return what `node` holds in the types that handlers use."""
    reader = _DECODERS.get(shape.type_name)
    return reader(shape, node) if reader else _decode_scalar(shape, node)


def decode_members(members: Mapping[str, Shape], node: Element) -> dict[str, Any]:
    """Return the members that `node` holds, by the model's names."""
    children: dict[str, list[Element]] = {}
    for child in node:
        children.setdefault(_local(child.tag), []).append(child)
    decoded = {}
    for name, member in members.items():
        if member.serialization.get("xmlAttribute"):
            text = _attribute(node, member)
            found = text is not None
            value: Any = text
        else:
            found, value = _decode_member(member, children, name)
        if found:
            decoded[name] = value
    return decoded


def _decode_member(member: Shape, children: Mapping[str, list[Element]], name: str) -> tuple[bool, Any]:
    flattened = member.serialization.get("flattened")
    nodes = children.get(member.serialization.get("name", name))
    if nodes is None and flattened and isinstance(member, ListShape):
        nodes = children.get(member.member.serialization.get("name", name))
    if nodes is None:
        return False, None
    if flattened and isinstance(member, ListShape):
        return True, [decode(member.member, node) for node in nodes]
    if flattened and isinstance(member, MapShape):
        return True, dict(_entry(member, node) for node in nodes)
    return True, decode(member, nodes[0])


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _attribute(node: Element, member: Shape) -> str | None:
    wanted = member.serialization["name"].rpartition(":")[2]
    return next((value for key, value in node.attrib.items() if _local(key) == wanted), None)


def _decode_structure(shape: StructureShape, node: Element) -> dict[str, Any]:
    return decode_members(shape.members, node)


def _decode_list(shape: ListShape, node: Element) -> list[Any]:
    return [decode(shape.member, child) for child in node]


def _decode_map(shape: MapShape, node: Element) -> dict[str, Any]:
    return dict(_entry(shape, child) for child in node)


def _entry(shape: MapShape, node: Element) -> tuple[str, Any]:
    children = {_local(child.tag): child for child in node}
    try:
        key = children[shape.key.serialization.get("name", "key")]
        value = children[shape.value.serialization.get("name", "value")]
    except KeyError as error:
        raise MalformedXml(_WORDS) from error
    return decode(shape.key, key), decode(shape.value, value)


def _decode_scalar(shape: Shape, node: Element) -> Any:
    if len(node):
        raise MalformedXml(_WORDS)
    try:
        return scalars.from_text(shape, node.text or "")
    except ValueError as error:
        raise MalformedXml(_WORDS) from error


_DECODERS: dict[str, Callable[[Any, Element], Any]] = {
    "structure": _decode_structure,
    "list": _decode_list,
    "map": _decode_map,
}


def escape(text: str) -> str:
    """Return `text` so that it can stand in an element or an attribute."""
    return _SPECIAL.sub(lambda found: _ESCAPES.get(found[0], "\ufffd"), text)


def element(name: str, inner: str, attributes: str = "") -> str:
    """Return one element; `inner` and `attributes` are XML already."""
    return f"<{name}{attributes}>{inner}</{name}>"


def namespace(uri: str | None) -> str:
    """Return the attribute that declares the default namespace, if there is one."""
    return f' xmlns="{escape(uri)}"' if uri else ""


def encode(shape: Shape, value: Any, name: str) -> str:
    """Return a handler's `value` as the element (or, flattened, the elements) called `name`."""
    writer = _ENCODERS.get(shape.type_name)
    if writer:
        return writer(shape, value, name)
    return element(name, escape(scalars.to_text(shape, value, _TIMESTAMP_STYLE)), _declared(shape))


def encode_members(members: Mapping[str, Shape], value: Mapping[str, Any]) -> str:
    """Return the elements of the members that `value` holds, attributes left out."""
    parts = []
    for name, member in members.items():
        item = value.get(name)
        if item is not None and not member.serialization.get("xmlAttribute"):
            parts.append(encode(member, item, _member_name(member, name)))
    return "".join(parts)


def _member_name(member: Shape, name: str) -> str:
    """Botocore looks for a flattened list under the name of the list's member, if it has one."""
    if isinstance(member, ListShape) and member.serialization.get("flattened"):
        inner = member.member.serialization.get("name")
        if inner is not None:
            return inner
    return member.serialization.get("name", name)


def _declared(shape: Shape) -> str:
    space = shape.serialization.get("xmlNamespace")
    if space is None:
        return ""
    if isinstance(space, str):
        return namespace(space)
    prefix = space.get("prefix")
    return f' xmlns:{prefix}="{escape(space["uri"])}"' if prefix else namespace(space["uri"])


def _encode_structure(shape: StructureShape, value: Mapping[str, Any], name: str) -> str:
    members = shape.members
    attributes = [_declared(shape)]
    for member_name, member in members.items():
        if member.serialization.get("xmlAttribute") and value.get(member_name) is not None:
            attributes.append(f' {member.serialization["name"]}="{escape(str(value[member_name]))}"')
    return element(name, encode_members(members, value), "".join(attributes))


def _encode_list(shape: ListShape, value: Any, name: str) -> str:
    member = shape.member
    if shape.serialization.get("flattened"):
        return "".join(encode(member, item, name) for item in value if item is not None)
    item_name = member.serialization.get("name", "member")
    inner = "".join(encode(member, item, item_name) for item in value if item is not None)
    return element(name, inner, _declared(shape))


def _encode_map(shape: MapShape, value: Mapping[str, Any], name: str) -> str:
    key_name = shape.key.serialization.get("name", "key")
    value_name = shape.value.serialization.get("name", "value")
    pairs = [
        encode(shape.key, key, key_name) + encode(shape.value, item, value_name)
        for key, item in value.items()
        if item is not None
    ]
    if shape.serialization.get("flattened"):
        return "".join(element(name, pair) for pair in pairs)
    return element(name, "".join(element("entry", pair) for pair in pairs), _declared(shape))


_ENCODERS: dict[str, Callable[[Any, Any, str], str]] = {
    "structure": _encode_structure,
    "list": _encode_list,
    "map": _encode_map,
}
