"""The table of AWS's protocols: a row each, of functions; nothing inherits from anything.

`read` raises SerializationException and its kin for what cannot be read at all; rules of the model are `validation`'s.
The body of a json, query, ec2 or CBOR request is small; give it as bytes. A REST request may stream.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from botocore.model import OperationModel, ServiceModel

from clary.core.errors import ServiceError
from clary.wire import query, rest, routes, rpc
from clary.wire.malformed import SerializationError
from clary.wire.message import Request, Response
from clary.wire.models import protocols_of

__all__ = ["PROTOCOLS", "Protocol", "detect", "protocols_of", "speaks_query"]


@dataclass(frozen=True, slots=True)
class Protocol:
    """How one AWS protocol maps HTTP to an operation and back."""

    name: str
    find_operation: Callable[[ServiceModel, Request], OperationModel]
    read_params: Callable[[OperationModel, Request], dict[str, Any]]
    write: Callable[[OperationModel, Mapping[str, Any], str], Response]
    write_error: Callable[[ServiceModel, OperationModel | None, ServiceError, str], Response]

    def read(self, operation: OperationModel, request: Request) -> dict[str, Any]:
        """Return the request's parameters; whatever it nests, the answer is an error of the client's."""
        try:
            return self.read_params(operation, request)
        except RecursionError as error:
            raise SerializationError("The request is nested too deeply.") from error


_ROWS = (
    Protocol("json", rpc.by_target, rpc.read_json, rpc.write_json, rpc.write_json_error),
    Protocol("rest-json", routes.find_operation, rest.read_json, rest.write_json, rest.write_json_error),
    Protocol("rest-xml", routes.find_operation, rest.read_xml, rest.write_xml, rest.write_xml_error),
    Protocol("query", query.find_operation, query.read_query, query.write_query, query.write_query_error),
    Protocol("ec2", query.find_operation, query.read_ec2, query.write_ec2, query.write_ec2_error),
    Protocol("smithy-rpc-v2-cbor", rpc.by_path, rpc.read_cbor, rpc.write_cbor, rpc.write_cbor_error),
)

PROTOCOLS: Mapping[str, Protocol] = MappingProxyType({row.name: row for row in _ROWS})


def detect(model: ServiceModel, request: Request) -> Protocol:
    """Return which of the service's protocols the request speaks; its favourite if nothing tells."""
    spoken = protocols_of(model)
    if len(spoken) == 1:
        return PROTOCOLS[spoken[0]]
    name = next((name for name in spoken if name in _SIGNS and _SIGNS[name](request)), spoken[0])
    return PROTOCOLS[name]


def speaks_query(request: Request) -> bool:
    """Say whether a request to a service that left query still speaks it."""
    return not _looks_json(request) and not _looks_cbor(request) and _looks_query(request)


def _looks_cbor(request: Request) -> bool:
    return request.headers.get("smithy-protocol") == "rpc-v2-cbor"


def _looks_json(request: Request) -> bool:
    return "x-amz-target" in request.headers


def _looks_query(request: Request) -> bool:
    form = request.headers.get("content-type").startswith("application/x-www-form-urlencoded")
    return form or "Action=" in request.query


_SIGNS: Mapping[str, Callable[[Request], bool]] = MappingProxyType(
    {"smithy-rpc-v2-cbor": _looks_cbor, "json": _looks_json, "query": _looks_query}
)
