"""The two protocols that send forms and answer in XML: query and ec2."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_plus

from botocore.model import OperationModel, OperationNotFoundError, ServiceModel

from clary.core.errors import ServiceError, UnknownOperation
from clary.wire import faults, missing_traits, query_codec, xml_codec
from clary.wire.bodies import XML_DECLARATION, content
from clary.wire.faults import Fault
from clary.wire.message import Request, Response
from clary.wire.query_codec import Dialect
from clary.wire.query_traits import query_traits
from clary.wire.xml_codec import element, escape

_OWN_ELEMENTS = ("Type", "Code", "Message")
_ACTION = re.compile(r"(?:^|&)Action=([^&]*)")


def find_operation(model: ServiceModel, request: Request) -> OperationModel:
    """Return the operation that `Action` names, in the form or the query string."""
    found = _ACTION.search(content(request.body).decode("utf-8", "replace")) or _ACTION.search(request.query)
    name = unquote_plus(found[1]) if found else ""
    try:
        return model.operation_model(name)
    except OperationNotFoundError as error:
        version = model.metadata["apiVersion"]
        raise UnknownOperation(f"Could not find operation {name[:100]} for version {version}") from error


def read_query(operation: OperationModel, request: Request) -> dict[str, Any]:
    """Return the parameters of a query request; a member that stands in the path need not be told again."""
    params = _read(query_codec.QUERY, operation, request)
    traits = query_traits(operation.service_model.service_name)
    member = traits.path_member if traits else ""
    if member in (operation.input_shape.members if operation.input_shape else ()) and request.path != "/":
        params.setdefault(member, request.path)
    return params


def read_ec2(operation: OperationModel, request: Request) -> dict[str, Any]:
    """Return the parameters of an ec2 request."""
    return _read(query_codec.EC2, operation, request)


def _read(dialect: Dialect, operation: OperationModel, request: Request) -> dict[str, Any]:
    shape = operation.input_shape
    if shape is None:
        return {}
    form = query_codec.fields(request.query) + query_codec.fields(content(request.body))
    return query_codec.decode(dialect, shape, form)


def write_query(operation: OperationModel, result: Mapping[str, Any], request_id: str) -> Response:
    """Return the query answer that holds `result`."""
    shape = operation.output_shape
    inner = ""
    if shape is not None:
        wrapper = shape.serialization.get("resultWrapper", f"{operation.name}Result")
        inner = element(wrapper, xml_codec.encode_members(shape.members, result))
    inner += element("ResponseMetadata", element("RequestId", escape(request_id)))
    return _response(200, operation.service_model, f"{operation.name}Response", inner, request_id)


def write_ec2(operation: OperationModel, result: Mapping[str, Any], request_id: str) -> Response:
    """Return the ec2 answer that holds `result`."""
    inner = element("requestId", escape(request_id))
    if operation.output_shape is not None:
        inner += xml_codec.encode_members(operation.output_shape.members, result)
    return _response(200, operation.service_model, f"{operation.name}Response", inner, request_id)


def write_query_error(
    model: ServiceModel, operation: OperationModel | None, error: ServiceError, request_id: str
) -> Response:
    """Return the query answer that tells `error`."""
    fault = faults.resolve(model, operation, error)
    kind = element("Type", "Sender" if fault.sender else "Receiver")
    inner = element("Error", kind + error_elements(fault)) + element("RequestId", escape(request_id))
    return _response(fault.status, model, "ErrorResponse", inner, request_id)


def write_ec2_error(
    model: ServiceModel, operation: OperationModel | None, error: ServiceError, request_id: str
) -> Response:
    """Return the ec2 answer that tells `error`."""
    fault = faults.resolve(model, operation, error)
    inner = element("Errors", element("Error", error_elements(fault))) + element("RequestID", escape(request_id))
    return _response(fault.status, None, "Response", inner, request_id)


def error_elements(fault: Fault) -> str:
    """Return code, message and the further members of an error as XML."""
    every = fault.shape.members if fault.shape else {}
    members = {name: every[name] for name in every if every[name].serialization.get("name", name) not in _OWN_ELEMENTS}
    told = element("Code", escape(fault.code)) + element("Message", escape(fault.message))
    if fault.shape is None:  # S3 tells more of an error than its model has members for
        loose = (name for name in fault.members if not missing_traits.error_header(name))
        return told + "".join(element(name, escape(str(fault.members[name]))) for name in loose)
    return told + xml_codec.encode_members(members, fault.members)


def _response(status: int, model: ServiceModel | None, root: str, inner: str, request_id: str) -> Response:
    space = xml_codec.namespace(missing_traits.namespace(model)) if model else ""
    headers = [("content-type", "text/xml"), ("x-amzn-requestid", request_id)]
    return Response(status, headers, XML_DECLARATION + element(root, inner, space).encode())
