"""Answers to invocations as AWS writes them: results, and errors in rest-json. Pure."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from http import HTTPStatus
from typing import Any, NamedTuple, Protocol

from clary.core.errors import ServiceError
from clary.core.ids import arn

REASONS = {each.value: each.phrase for each in HTTPStatus} | {530: "Internal Dependency"}
MESSAGE_CHARACTERS_MAX = 2048
RETRY_AFTER_S = 1
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
TIMED_OUT = (
    "Your invocation timed out while waiting for a response from container primary. Review the latency metrics for "
    "each container in Amazon CloudWatch, resolve the issue, and try again."
)
VARIANT_FIELD = "x-Amzn-Invoked-Production-Variant"
RESULTS_MAX = 256
"""Kinds of results whose header fields are remembered."""
JSON = "Content-Type: application/json\r\n"
SPEAKS_JSON = re.compile(rb"\r\nx-amz-target:|\r\ncontent-type: *application/(x-amz-json|json|cbor)", re.IGNORECASE)
UNAVAILABLE_XML = (
    "<ErrorResponse><Error><Type>Receiver</Type><Code>ServiceUnavailable</Code><Message>{message}</Message></Error>"
    "</ErrorResponse>"
)
"""As clients of forms and of XML read it."""


class Encoded(Protocol):
    """Whatever ends a request: an answer, or what is left of one."""

    def encode(self, request_id: str, *, close: bool) -> bytes:
        """Return the bytes to send."""


class Reader(Protocol):
    """Whoever sends an answer in pieces."""

    def go_on(self) -> None:
        """Hear that everything is sent."""

    def gone(self) -> None:
        """Hear that the client has gone."""


class Answer(NamedTuple):
    """What the client receives; `fields` are lines of the head, each with its end."""

    status: int
    fields: str
    body: bytes = b""

    def encode(self, request_id: str, *, close: bool) -> bytes:
        """Return the bytes of the answer."""
        status, fields, body = self
        head = (
            f"HTTP/1.1 {status} {REASONS.get(status, 'Status')}\r\nx-amzn-RequestId: {request_id}\r\n{fields}"
            f"Content-Length: {len(body)}\r\nConnection: {'close' if close else 'keep-alive'}\r\n\r\n"
        )
        return head.encode("latin-1", "replace") + body


@lru_cache(RESULTS_MAX)
def result_fields(variant: str, content_type: str | None, custom_attributes: str | None) -> str:
    """Return what a client is told beside a prediction."""
    fields = f"{VARIANT_FIELD}: {variant}\r\n"
    if content_type is not None:
        fields += f"Content-Type: {content_type}\r\n"
    if custom_attributes is not None:
        fields += f"X-Amzn-SageMaker-Custom-Attributes: {custom_attributes}\r\n"
    return fields


def refusal(error: ServiceError) -> Answer:
    """Return the answer that tells an error, in the shape of rest-json."""
    body = {"Message": error.message, **error.members}
    fields = f"{JSON}x-amzn-ErrorType: {error.code}\r\n"
    if error.status in (429, 503):
        fields += f"Retry-After: {RETRY_AFTER_S}\r\n"
    return Answer(error.status, fields, json.dumps(body).encode())


def bare(status: int, message: str) -> Answer:
    """Return an answer of the front door, before any operation: a status and a message without a code."""
    return Answer(status, JSON, json.dumps({"message": message}).encode())


def unavailable(message: str, request: bytes) -> bytes:
    """Return a whole answer for a request that nobody could take, in the form that its client reads."""
    if SPEAKS_JSON.search(request):
        kind, body = JSON, json.dumps({"__type": "ServiceUnavailableException", "message": message}).encode()
    else:
        kind, body = "Content-Type: text/xml\r\n", UNAVAILABLE_XML.format(message=message).encode()
    fields = f"{kind}Content-Length: {len(body)}\r\nRetry-After: {RETRY_AFTER_S}\r\n"
    return f"HTTP/1.1 503 Service Unavailable\r\n{fields}Connection: close\r\n\r\n".encode() + body


def too_large(bytes_max: int) -> Answer:
    """Return AWS's answer to a body beyond the limit."""
    return bare(413, f"HTTP content length exceeded {bytes_max} bytes.")


def not_found(account: str, endpoint: str) -> ServiceError:
    """Return the error of an endpoint that is not there, or not in service yet."""
    return ServiceError(f"Endpoint {endpoint} of account {account} not found.", code="ValidationError", status=400)


def invalid(message: str) -> ServiceError:
    """Return the error of a request that breaks a rule."""
    return ServiceError(message, code="ValidationError", status=400)


class NobodyThere(ServiceError):
    """No instance takes a request at the moment."""

    code = "ServiceUnavailable"
    status = 503

    def __init__(self) -> None:
        super().__init__("No instance of the endpoint takes requests at the moment.")


def overloaded(message: str) -> ServiceError:
    """Return the error of a part that is full or down for the moment."""
    return ServiceError(message, code="ServiceUnavailable", status=503)


def throttled(message: str) -> ServiceError:
    """Return the error of a client that asks for more than may wait."""
    return ServiceError(message, code="ThrottlingException", status=429)


def internal(message: str) -> ServiceError:
    """Return the error of a request that may or may not have been worked on."""
    return ServiceError(message, code="InternalFailure", status=500)


def model_error(region: str, account: str, endpoint: str, status: int, said: str) -> ServiceError:
    """Return the error of a model that answered so; status 0 is no answer at all."""
    client = 400 <= status < 500
    said = said[:MESSAGE_CHARACTERS_MAX]
    group = f"/aws/sagemaker/Endpoints/{endpoint}"
    console = f"https://{region}.console.aws.amazon.com/cloudwatch/home?region={region}#logEventViewer:group={group}"
    members: dict[str, Any] = {
        "ErrorCode": "CLIENT_ERROR_FROM_MODEL" if client else "INTERNAL_FAILURE_FROM_MODEL",
        "LogStreamArn": arn("logs", region, account, f"log-group:{group}"),
        "OriginalMessage": said,
        "OriginalStatusCode": status,
    }
    message = (
        f'Received {"client" if client else "server"} error ({status}) from primary with message "{said}". '
        f"See {console} in account {account} for more information."
    )
    return ServiceError(message, code="ModelError", status=424, **members)
