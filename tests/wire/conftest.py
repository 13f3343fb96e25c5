"""botocore as the oracle: what it would send, and what it would make of an answer."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import botocore.awsrequest
import botocore.parsers
import botocore.serialize
import pytest
from botocore.eventstream import EventStream
from botocore.model import OperationModel

from clary.wire.message import Headers, Request, Response
from clary.wire.models import Models

HOST = "https://host.test"


class _Raw:
    """A streamed HTTP answer, as botocore's event streams read it."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = pieces

    def stream(self) -> Iterator[bytes]:
        yield from self._pieces

    def close(self) -> None:
        """Nothing is held open."""


@dataclass(frozen=True)
class Oracle:
    """botocore without a network."""

    models: Models

    def sent(self, protocol: str, operation: OperationModel, params: Mapping[str, Any]) -> Request:
        """Return the request that botocore sends for `params`."""
        serializer = botocore.serialize.create_serializer(protocol, include_validation=False)
        built = serializer.serialize_to_request(params, operation)
        botocore.awsrequest.prepare_request_dict(built, HOST, context={})
        prepared = botocore.awsrequest.create_request_object(built).prepare()
        path, _, query = prepared.url.removeprefix(HOST.removesuffix("host.test")).partition("?")
        # The length is the transport's word, unless a member is bound to it.
        told = {name.lower() for name in built["headers"]} | set(prepared.headers) - {"Content-Length"}
        headers = Headers((name, _text(value)) for name, value in prepared.headers.items() if name.lower() in told)
        body = prepared.body or b""
        body = body if isinstance(body, bytes) else body.encode()
        return Request(prepared.method, path[path.index("/") :], query, headers, body)

    def parsed(self, protocol: str, operation: OperationModel, response: Response) -> dict[str, Any]:
        """Return what botocore makes of an answer, with streams read."""
        parser = botocore.parsers.create_parser(protocol)
        parsed = parser.parse(_as_botocore(operation, response), operation.output_shape)
        parsed.pop("ResponseMetadata", None)
        for name, value in parsed.items():
            if isinstance(value, EventStream):
                parsed[name] = list(value)
            elif isinstance(value, io.BytesIO):
                parsed[name] = value.read()
        return parsed

    def failed(self, protocol: str, operation: OperationModel, response: Response) -> dict[str, Any]:
        """Return what botocore makes of an error: `Error` and the members of the modelled exception."""
        parser = botocore.parsers.create_parser(protocol)
        raw = {"status_code": response.status, "headers": _headers(response), "body": response.body, "context": {}}
        parsed = parser.parse(raw, operation.output_shape)
        shape = operation.service_model.shape_for_error_code(parsed["Error"]["Code"])
        if shape is not None:
            parsed |= parser.parse(raw, shape)
        return parsed


def _as_botocore(operation: OperationModel, response: Response) -> dict[str, Any]:
    body: Any = response.body
    if operation.has_event_stream_output:
        body = _Raw([body] if isinstance(body, bytes) else body)
    elif operation.has_streaming_output:
        body = io.BytesIO(body if isinstance(body, bytes) else b"".join(body))
    context = {"operation_name": operation.name}
    return {"status_code": response.status, "headers": _headers(response), "body": body, "context": context}


def _headers(response: Response) -> botocore.awsrequest.HeadersDict:
    headers = botocore.awsrequest.HeadersDict()
    for name, value in response.headers:
        headers[name] = value
    return headers


def _text(value: str | bytes) -> str:
    return value.decode("utf-8") if isinstance(value, bytes) else value


@pytest.fixture(scope="session")
def models() -> Models:
    return Models()


@pytest.fixture(scope="session")
def oracle(models: Models) -> Oracle:
    return Oracle(models)
