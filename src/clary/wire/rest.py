"""The two protocols that bind members to all of HTTP: rest-json and rest-xml."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from email.utils import formatdate
from functools import lru_cache
from typing import Any

from botocore.model import OperationModel, ServiceModel, Shape, StructureShape

from clary.core.errors import ServiceError
from clary.wire import bodies, eventstream, faults, http_binding, json_codec, missing_traits, xml_codec
from clary.wire.bodies import SHAPES_MAX, BodyFormat, body_members, content
from clary.wire.faults import Fault
from clary.wire.message import Body, Request, Response
from clary.wire.query import error_elements

_NO_BODY = (204, 304)


def read_json(operation: OperationModel, request: Request) -> dict[str, Any]:
    """Return the parameters of a rest-json request."""
    return _read(bodies.JSON, operation, request)


def read_xml(operation: OperationModel, request: Request) -> dict[str, Any]:
    """Return the parameters of a rest-xml request."""
    return _read(bodies.XML, operation, request)


def _read(body: BodyFormat, operation: OperationModel, request: Request) -> dict[str, Any]:
    shape = operation.input_shape
    if shape is None:
        return {}
    params = http_binding.read(operation, shape, request)
    payload = shape.serialization.get("payload")
    if payload is not None:
        return params | _read_payload(body, payload, shape.members[payload], request.body)
    members = body_members(shape, http_binding.REQUEST_PLACES)
    return params | body.read_members(members, content(request.body)) if members else params


def _read_payload(body: BodyFormat, name: str, member: Shape, sent: Body) -> dict[str, Any]:
    if member.serialization.get("streaming") or member.serialization.get("eventstream"):
        return {name: sent}
    raw = content(sent)
    if member.type_name == "blob":
        return {name: raw}
    if member.type_name == "string":
        return {name: raw.decode("utf-8", "replace")}
    return {name: body.read(member, raw)} if raw else {}


def write_json(operation: OperationModel, result: Mapping[str, Any], request_id: str) -> Response:
    """Return the rest-json answer that holds `result`."""
    return _write(bodies.JSON, operation, result, [("x-amzn-requestid", request_id)])


def write_xml(operation: OperationModel, result: Mapping[str, Any], request_id: str) -> Response:
    """Return the rest-xml answer that holds `result`."""
    return _write(bodies.XML, operation, result, _xml_headers(request_id))


def _write(
    body: BodyFormat, operation: OperationModel, result: Mapping[str, Any], headers: list[tuple[str, str]]
) -> Response:
    shape = operation.output_shape
    status = operation.http.get("responseCode", 200)
    if shape is None:
        return Response(status, headers, b"")
    status, bound = http_binding.write(shape, result, status)
    if status == 200 and result.get("ContentRange") and not _binds_status(shape):
        status = 206  # RFC 9110, Content-Range: the answer to a range request is a part
    kind, sent = _write_body(body, operation, shape, result)
    if status == 204 and sent not in (b"", b"{}"):
        status = 200  # some models give members to a status that HTTP forbids a body
    if sent != b"" and not _binds_content_type(shape):
        headers = [("content-type", kind), *headers]
    return Response(status, headers + bound, b"" if status in _NO_BODY else sent)


@lru_cache(SHAPES_MAX)
def _binds_status(shape: StructureShape) -> bool:
    """Return whether a member is the status, so that the handler alone decides on it."""
    return any(member.serialization.get("location") == "statusCode" for member in shape.members.values())


@lru_cache(SHAPES_MAX)
def _binds_content_type(shape: StructureShape) -> bool:
    """Return whether a member is the Content-Type, so that the handler alone decides on it."""
    return any(member.serialization.get("name", "").lower() == "content-type" for member in shape.members.values())


def _write_body(
    body: BodyFormat, operation: OperationModel, shape: StructureShape, result: Mapping[str, Any]
) -> tuple[str, bytes | Iterable[bytes]]:
    payload = shape.serialization.get("payload")
    if payload is None:
        return body.content_type, _write_members(body, operation, shape, result)
    return _write_payload(body, operation, shape, payload, result)


def _write_members(
    body: BodyFormat, operation: OperationModel, shape: StructureShape, result: Mapping[str, Any]
) -> bytes:
    members = body_members(shape, http_binding.RESPONSE_PLACES)
    if not members or operation.http["method"] == "HEAD":
        return b""
    space = missing_traits.namespace(operation.service_model)
    if missing_traits.unwrapped_output(operation):
        name, member = next(iter(members.items()))
        return body.write(member, result.get(name, ""), name, space)
    return body.write_members(members, result, missing_traits.output_root(operation, shape.name), space)


def _write_payload(
    body: BodyFormat, operation: OperationModel, shape: StructureShape, name: str, result: Mapping[str, Any]
) -> tuple[str, bytes | Iterable[bytes]]:
    member = shape.members[name]
    value = result.get(name)
    if isinstance(member, StructureShape) and member.serialization.get("eventstream"):
        return eventstream.CONTENT_TYPE, eventstream.encode(body, member, value or (), None)
    if member.type_name in ("blob", "string"):
        kind = "text/plain" if member.type_name == "string" else "application/octet-stream"
        return kind, value.encode() if isinstance(value, str) else value or b""
    if value is None:
        return body.content_type, b""
    root = member.serialization.get("name", member.name)
    return body.content_type, body.write(member, value, root, missing_traits.namespace(operation.service_model))


def write_json_error(
    model: ServiceModel, operation: OperationModel | None, error: ServiceError, request_id: str
) -> Response:
    """Return the rest-json answer that tells `error`."""
    fault = faults.resolve(model, operation, error)
    headers = [("content-type", bodies.JSON.content_type), ("x-amzn-requestid", request_id)]
    headers += [("x-amzn-errortype", fault.code), *_bound_members(fault)]
    sent = b"" if _bodiless(operation, fault) else _json_error(fault)
    return Response(fault.status, headers, sent)


def _json_error(fault: Fault) -> bytes:
    members = body_members(fault.shape, http_binding.RESPONSE_PLACES) if fault.shape else {}
    told = {"code": fault.code, fault.message_member: fault.message, **fault.members}
    document = json_codec.JSON.encode_members(members, told)
    if fault.message_member not in members:
        document["message"] = fault.message
    return json_codec.dumps(document)


def write_xml_error(
    model: ServiceModel, operation: OperationModel | None, error: ServiceError, request_id: str
) -> Response:
    """Return the rest-xml answer that tells `error`."""
    fault = faults.resolve(model, operation, error)
    headers = [("content-type", bodies.XML.content_type), *_xml_headers(request_id), *_bound_members(fault)]
    rid = xml_codec.element("RequestId", xml_codec.escape(request_id))
    if missing_traits.bare_errors(model):
        extra = xml_codec.element("HostId", xml_codec.escape(request_id))
        document = xml_codec.element("Error", error_elements(fault) + rid + extra)
    else:
        kind = xml_codec.element("Type", "Sender" if fault.sender else "Receiver")
        space = xml_codec.namespace(missing_traits.namespace(model))
        document = xml_codec.element(
            "ErrorResponse", xml_codec.element("Error", kind + error_elements(fault)) + rid, space
        )
    sent = b"" if _bodiless(operation, fault) else bodies.XML_DECLARATION + document.encode()
    return Response(fault.status, headers, sent)


def _bound_members(fault: Fault) -> list[tuple[str, str]]:
    if fault.shape is None:
        told = {missing_traits.error_header(name): value for name, value in fault.members.items()}
        return [(name, _told_plainly(value)) for name, value in told.items() if name]
    bound = http_binding.write(fault.shape, fault.members, fault.status)[1]
    return [(name, value) for name, value in bound if name.lower() != "x-amzn-errortype"]


def _told_plainly(value: Any) -> str:
    """Return a header's value where no shape says what it is: a number is a time."""
    return formatdate(value, usegmt=True) if isinstance(value, float) else str(value)


def _bodiless(operation: OperationModel | None, fault: Fault) -> bool:
    return fault.status in _NO_BODY or (operation is not None and operation.http.get("method") == "HEAD")


def _xml_headers(request_id: str) -> list[tuple[str, str]]:
    return [("x-amz-request-id", request_id), ("x-amz-id-2", request_id)]
