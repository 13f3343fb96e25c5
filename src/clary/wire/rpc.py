"""The two protocols that name the operation beside the body: json (X-Amz-Target) and smithy-rpc-v2-cbor (path)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from botocore.model import OperationModel, OperationNotFoundError, ServiceModel, StructureShape

from clary.core.errors import ServiceError, UnknownOperation
from clary.wire import bodies, cbor_codec, eventstream, faults, json_codec
from clary.wire.bodies import SHAPES_MAX, BodyFormat, Members, content
from clary.wire.faults import Fault
from clary.wire.message import Request, Response


def by_target(model: ServiceModel, request: Request) -> OperationModel:
    """Return the operation that `X-Amz-Target: Prefix.Operation` names."""
    prefix, _, name = request.headers.get("x-amz-target").rpartition(".")
    if prefix != model.metadata.get("targetPrefix"):
        raise UnknownOperation(f"The target {prefix[:100]}.{name[:100]} does not exist.")
    return _operation(model, name)


def by_path(model: ServiceModel, request: Request) -> OperationModel:
    """Return the operation that `/service/Service/operation/Operation` names."""
    parts = request.path.rsplit("/", 4)
    if len(parts) != 5 or parts[1] != "service" or parts[3] != "operation":
        raise UnknownOperation(f"The path {request.path[:200]} names no operation.")
    return _operation(model, parts[4])


def _operation(model: ServiceModel, name: str) -> OperationModel:
    try:
        return model.operation_model(name)
    except OperationNotFoundError as error:
        raise UnknownOperation(f"The operation {name[:100]} does not exist in {model.service_name}.") from error


def read_json(operation: OperationModel, request: Request) -> dict[str, Any]:
    """Return the parameters of a json request."""
    return _read(bodies.JSON, operation, request)


def read_cbor(operation: OperationModel, request: Request) -> dict[str, Any]:
    """Return the parameters of a CBOR request."""
    return _read(bodies.CBOR, operation, request)


def _read(body: BodyFormat, operation: OperationModel, request: Request) -> dict[str, Any]:
    shape = operation.input_shape
    return {} if shape is None else body.read_members(shape.members, content(request.body))


def write_json(operation: OperationModel, result: Mapping[str, Any], request_id: str) -> Response:
    """Return the json answer that holds `result`."""
    return _write(bodies.JSON, operation, result, _json_headers(operation.service_model, request_id))


def write_cbor(operation: OperationModel, result: Mapping[str, Any], request_id: str) -> Response:
    """Return the CBOR answer that holds `result`."""
    return _write(bodies.CBOR, operation, result, _cbor_headers(request_id))


def _write(
    body: BodyFormat, operation: OperationModel, result: Mapping[str, Any], headers: list[tuple[str, str]]
) -> Response:
    shape = operation.output_shape
    if shape is None:
        return Response(200, headers, body.write_members({}, {}, "", None))
    stream = shape.event_stream_name
    document = body.write_members(_members(shape), result, "", None)
    if stream is None:
        return Response(200, headers, document)
    headers = [("content-type", eventstream.CONTENT_TYPE), *headers[1:]]
    return Response(200, headers, eventstream.encode(body, shape.members[stream], result[stream], document))


@lru_cache(SHAPES_MAX)
def _members(shape: StructureShape) -> Members:
    """Return the members of a structure that are no stream of events."""
    return {name: member for name, member in shape.members.items() if name != shape.event_stream_name}


def write_json_error(
    model: ServiceModel, operation: OperationModel | None, error: ServiceError, request_id: str
) -> Response:
    """Return the json answer that tells `error`."""
    fault = faults.resolve(model, operation, error)
    members = fault.shape.members if fault.shape else {}
    document = {"__type": _type(model, fault), **json_codec.JSON.encode_members(members, fault.members)}
    document[_message_name(fault)] = fault.message
    headers = _json_headers(model, request_id) + _query_error(model, fault)
    return Response(fault.status, headers, json_codec.dumps(document))


def write_cbor_error(
    model: ServiceModel, operation: OperationModel | None, error: ServiceError, request_id: str
) -> Response:
    """Return the CBOR answer that tells `error`."""
    fault = faults.resolve(model, operation, error)
    members = fault.shape.members if fault.shape else {}
    document = {"__type": _type(model, fault), **cbor_codec.CBOR.encode_members(members, fault.members)}
    document[_message_name(fault)] = fault.message
    headers = _cbor_headers(request_id) + _query_error(model, fault)
    return Response(fault.status, headers, cbor_codec.dumps(document))


def _type(model: ServiceModel, fault: Fault) -> str:
    """Return `__type`: the shape where the code of old query days has a header of its own."""
    return fault.name if model.is_query_compatible else fault.code


def _message_name(fault: Fault) -> str:
    name = fault.message_member
    member = fault.shape.members.get(name) if fault.shape else None
    return member.serialization.get("name", name) if member else name


def _query_error(model: ServiceModel, fault: Fault) -> list[tuple[str, str]]:
    if not model.is_query_compatible:
        return []
    return [("x-amzn-query-error", f"{fault.code};{'Sender' if fault.sender else 'Receiver'}")]


def _json_headers(model: ServiceModel, request_id: str) -> list[tuple[str, str]]:
    version = model.metadata.get("jsonVersion", "1.0")
    return [("content-type", f"application/x-amz-json-{version}"), ("x-amzn-requestid", request_id)]


def _cbor_headers(request_id: str) -> list[tuple[str, str]]:
    return [
        ("content-type", bodies.CBOR.content_type),
        ("smithy-protocol", "rpc-v2-cbor"),
        ("x-amzn-requestid", request_id),
    ]
