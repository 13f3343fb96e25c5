"""Which operation of a REST service a method and path name: a table compiled once from the model's `requestUri`s.

Of several that fit, the most specific path wins, then the one with more of its query literals
(`?uploads`), then the one whose required query fields and headers are there, then the one in use.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import parse_qsl, unquote

from botocore.model import OperationModel, ServiceModel

from clary.core.errors import UnknownOperation
from clary.wire.malformed import SerializationError
from clary.wire.message import Headers, Request

FIELDS_MAX = 10_000
_LABEL = re.compile(r"\{([^}+]+)(\+?)\}")
_LITERAL, _MIXED, _LABELLED, _GREEDY, _END = range(5)

Query = Mapping[str, list[str]]


@dataclass(frozen=True, slots=True)
class Route:
    """One operation's path, compiled."""

    operation: str
    method: str
    pattern: re.Pattern[str]
    labels: tuple[str, ...]
    segments: int
    ranks: tuple[int, ...]
    literals: tuple[tuple[str, str], ...]
    fields: tuple[str, ...]
    headers: tuple[str, ...]
    deprecated: bool

    def fits(self, path: str, segments: int, query: Query) -> bool:
        """Return whether the path and the query literals are this route's."""
        if segments != self.segments and not (segments > self.segments and _GREEDY in self.ranks):
            return False
        for name, value in self.literals:
            if name not in query or (value and value not in query[name]):
                return False
        return self.pattern.fullmatch(path) is not None

    def precedence(self, query: Query, headers: Headers) -> tuple[object, ...]:
        """Return a key by which the better of two fitting routes sorts first."""
        found = len(query.keys() & self.fields) + sum(name in headers for name in self.headers)
        missing = len(self.fields) + len(self.headers) - found
        return (self.ranks, -len(self.literals), missing, -found, self.deprecated)


@lru_cache(maxsize=64)
def routes(model: ServiceModel) -> Mapping[str, Route]:
    """Return the routes of a service by operation."""
    return {name: _compile(model.operation_model(name)) for name in model.operation_names}


@lru_cache(maxsize=1024)
def _candidates(model: ServiceModel, method: str, *, asks: bool) -> tuple[Route, ...]:
    """Return the routes of a method; where a request asks nothing in its query, those alone that want nothing there."""
    return tuple(route for route in routes(model).values() if route.method == method and (asks or not route.literals))


def find_operation(model: ServiceModel, request: Request) -> OperationModel:
    """Return the operation that the request names; raise UnknownOperation if the model has none."""
    query = query_fields(request.query)
    segments = _count(request.path)
    candidates = _candidates(model, request.method, asks=bool(query))
    fitting = [route for route in candidates if route.fits(request.path, segments, query)]
    if not fitting:
        raise UnknownOperation(f"Unable to find an operation for {request.method} {request.path[:200]}.")
    best = fitting[0]
    if len(fitting) > 1:
        best = min(fitting, key=lambda route: route.precedence(query, request.headers))
    return model.operation_model(best.operation)


def labels(operation: OperationModel, path: str) -> dict[str, str]:
    """Return the decoded values of the path's labels."""
    route = routes(operation.service_model)[operation.name]
    match = route.pattern.fullmatch(path)
    if match is None:
        raise SerializationError(f"The path does not have the form {operation.http['requestUri']}")
    try:
        return {name: unquote(text, errors="strict") for name, text in zip(route.labels, match.groups(), strict=True)}
    except UnicodeDecodeError as error:
        raise SerializationError("Couldn't parse the specified URI.") from error


def literal_names(operation: OperationModel) -> frozenset[str]:
    """Return the query fields that belong to the operation's name and not to its parameters."""
    return frozenset(name for name, _ in routes(operation.service_model)[operation.name].literals)


def query_fields(query: str) -> Query:
    """Return every field of a query string with its values."""
    fields: dict[str, list[str]] = {}
    if not query:
        return fields
    try:
        for name, value in parse_qsl(query, keep_blank_values=True, errors="strict", max_num_fields=FIELDS_MAX):
            fields.setdefault(name, []).append(value)
    except ValueError as error:
        raise SerializationError("Couldn't parse the specified URI.") from error
    return fields


def _count(path: str) -> int:
    """Return how many segments a path has; a slash at the end begins none."""
    return path[1:].count("/") + (not path.endswith("/"))


def _compile(operation: OperationModel) -> Route:
    path, _, query = operation.http["requestUri"].partition("?")
    path = path if path == "/" else path.rstrip("/")
    fields, headers = _required(operation)
    return Route(
        operation=operation.name,
        method=operation.http["method"],
        pattern=_pattern(path),
        labels=tuple(name for name, _ in _LABEL.findall(path)),
        segments=_count(path),
        ranks=(*(_rank(segment) for segment in path[1:].split("/")), _END),
        literals=tuple(parse_qsl(query, keep_blank_values=True)),
        fields=fields,
        headers=headers,
        deprecated=operation.deprecated,
    )


def _pattern(path: str) -> re.Pattern[str]:
    parts = []
    end = 0
    for label in _LABEL.finditer(path):
        parts += [re.escape(path[end : label.start()]), "(.+)" if label[2] else "([^/]+)"]
        end = label.end()
    parts += [re.escape(path[end:]), "" if path.endswith("+}") else "/?"]
    return re.compile("".join(parts), re.DOTALL)


def _rank(segment: str) -> int:
    found = _LABEL.findall(segment)
    if not found:
        return _LITERAL
    if any(greedy for _, greedy in found):
        return _GREEDY
    return _LABELLED if _LABEL.fullmatch(segment) else _MIXED


def _required(operation: OperationModel) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the query fields and headers without which the operation is not meant."""
    shape = operation.input_shape
    if shape is None:
        return (), ()
    places: dict[str, list[str]] = {"querystring": [], "header": []}
    for name in shape.required_members:
        member = shape.members[name]
        where = member.serialization.get("location")
        if where in places and "idempotencyToken" not in member.metadata:
            places[where].append(member.serialization.get("name", name))
    return tuple(places["querystring"]), tuple(places["header"])
