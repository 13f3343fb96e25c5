"""Members that live outside the body: in the path, the query string, headers and the status line (REST protocols)."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape

from clary.wire import routes, scalars
from clary.wire.malformed import SerializationError
from clary.wire.message import Headers, Request

SHAPES_MAX = 20_000
_HEADER_STYLE = "rfc822"
_QUOTED_OR_PLAIN = re.compile(r'\s*("(?:[^"\\]|\\.)*"|[^,]*)\s*(?:,|$)')
_DATE = re.compile(r"[^,]+,[^,]+")
REQUEST_PLACES = frozenset({"uri", "querystring", "header", "headers"})
RESPONSE_PLACES = frozenset({"header", "headers", "statusCode"})
_LINE_BREAK = re.compile(r"[\r\n\0]")


@dataclass(frozen=True, slots=True)
class _Source:
    """What of a request members can be bound to."""

    labels: Mapping[str, str]
    query: routes.Query
    headers: Headers
    claimed: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Bound:
    """A member that lives outside the body: where, and by which key; that of a single header in lower case too."""

    name: str
    member: Shape
    where: str
    key: str
    field: str


def read(operation: OperationModel, shape: StructureShape, request: Request) -> dict[str, Any]:
    """Return the members that the request's path, query string and headers hold."""
    fields = request.headers.fields
    query = routes.query_fields(request.query)
    source = _Source(routes.labels(operation, request.path), query, request.headers, _claimed(operation, shape))
    values = {}
    for each in _bound(shape, REQUEST_PLACES):
        if each.field and each.field not in fields:
            continue
        try:
            value = _READERS[each.where](each.member, each.key, source)
        except (ValueError, binascii.Error) as error:
            raise SerializationError(f"The value of {each.name} could not be read: {error}") from error
        if value is not None:
            values[each.name] = value
    return values


def write(shape: StructureShape, value: Mapping[str, Any], status: int) -> tuple[int, list[tuple[str, str]]]:
    """Return the status and the headers that hold those members of `value` that are bound to them."""
    headers: list[tuple[str, str]] = []
    for each in _bound(shape, RESPONSE_PLACES):
        item = value.get(each.name)
        if item is None:
            continue
        if each.where == "statusCode":
            status = int(item)
        elif each.where == "headers":
            assert isinstance(each.member, MapShape)
            headers += [(each.key + key, _header_text(each.member.value, text)) for key, text in item.items()]
        elif item != []:
            headers.append((each.key, _header_text(each.member, item)))
    return status, headers


@lru_cache(SHAPES_MAX)
def _bound(shape: StructureShape, places: frozenset[str]) -> tuple[_Bound, ...]:
    """Return the members of a structure that live in some of the places."""
    return tuple(
        _Bound(name, member, where, key := _wire_name(member, name), key.lower() if where == "header" else "")
        for name, member in shape.members.items()
        if (where := member.serialization.get("location")) in places
    )


@lru_cache(SHAPES_MAX)
def _claimed(operation: OperationModel, shape: StructureShape) -> frozenset[str]:
    """Return the keys that are spoken for, and so are no part of a map of all other fields."""
    return frozenset(each.key for each in _bound(shape, REQUEST_PLACES)) | routes.literal_names(operation)


def _wire_name(member: Shape, name: str) -> str:
    return member.serialization.get("name", name)


def _read_label(member: Shape, name: str, source: _Source) -> Any:
    return scalars.from_text(member, source.labels[name]) if name in source.labels else None


def _read_query(member: Shape, name: str, source: _Source) -> Any:
    if isinstance(member, MapShape):
        return _read_query_map(member, source)
    texts = source.query.get(name)
    if texts is None:
        return None
    if isinstance(member, ListShape):
        return [scalars.from_text(member.member, text) for text in texts]
    return scalars.from_text(member, texts[0])


def _read_query_map(member: MapShape, source: _Source) -> dict[str, Any] | None:
    """Return every field that no other member claims."""
    free = {name: texts for name, texts in source.query.items() if name not in source.claimed}
    if isinstance(member.value, ListShape):
        return dict(free) or None
    return {name: scalars.from_text(member.value, texts[0]) for name, texts in free.items()} or None


def _read_header(member: Shape, name: str, source: _Source) -> Any:
    text = source.headers.get(name)
    if isinstance(member, ListShape):
        return [scalars.from_text(member.member, item) for item in _split(member.member, text)]
    if member.serialization.get("jsonvalue"):
        return json.loads(base64.b64decode(text))
    return scalars.from_text(member, text)


def _read_prefixed(member: Shape, prefix: str, source: _Source) -> dict[str, str] | None:
    prefix = prefix.lower()
    found = {name[len(prefix) :]: source.headers.get(name) for name in source.headers if name.startswith(prefix)}
    return found or None


def _split(member: Shape, text: str) -> list[str]:
    """Return the items of a list header; a comma inside quotes or an HTTP date parts nothing."""
    if member.type_name == "timestamp" and member.serialization.get("timestampFormat", _HEADER_STYLE) == _HEADER_STYLE:
        return [item.strip() for item in _DATE.findall(text)]
    items = []
    position = 0
    while position <= len(text):
        match = _QUOTED_OR_PLAIN.match(text, position)
        if match is None:
            raise ValueError(f"{text[:100]!r} is not a list")
        items.append(_unquote(match[1]))
        position = match.end() if match[0].endswith(",") else len(text) + 1
    return items


def _unquote(item: str) -> str:
    return re.sub(r"\\(.)", r"\1", item[1:-1]) if len(item) > 1 and item[0] == item[-1] == '"' else item.strip()


def _header_text(member: Shape, value: Any) -> str:
    if isinstance(member, ListShape):
        text = ",".join(_list_item(member.member, item) for item in value if item is not None)
    elif member.serialization.get("jsonvalue"):
        text = base64.b64encode(json.dumps(value, separators=(",", ":")).encode()).decode("ascii")
    else:
        text = scalars.to_text(member, value, _HEADER_STYLE)
    if _LINE_BREAK.search(text):
        raise SerializationError("A header cannot hold a line break.")
    return text


def _list_item(member: Shape, value: Any) -> str:
    text = scalars.to_text(member, value, _HEADER_STYLE)
    if member.type_name == "string" and ('"' in text or "," in text):
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return text


_READERS: dict[str, Callable[[Any, str, _Source], Any]] = {
    "uri": _read_label,
    "querystring": _read_query,
    "header": _read_header,
    "headers": _read_prefixed,
}
