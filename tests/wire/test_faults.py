from __future__ import annotations

import json

import pytest

from clary.core.errors import ServiceError
from clary.wire.message import Response
from clary.wire.models import Models
from clary.wire.protocol import PROTOCOLS, protocols_of

DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'


def fail(models: Models, service: str, name: str | None, error: ServiceError, protocol: str | None = None) -> Response:
    model = models.load(service)
    operation = model.operation_model(name) if name else None
    return PROTOCOLS[protocol or protocols_of(model)[0]].write_error(model, operation, error, "id-1")


def test_json_errors_carry_their_type_and_members(models: Models) -> None:
    answer = fail(models, "sagemaker", "DescribeEndpoint", ServiceError("why", code="ResourceNotFound", status=400))
    assert answer.status == 400
    assert json.loads(answer.body) == {"__type": "ResourceNotFound", "Message": "why"}


def test_rest_json_errors_carry_their_type_in_a_header(models: Models) -> None:
    error = ServiceError("why", code="ModelError", OriginalStatusCode=500, OriginalMessage="boom", LogStreamArn="arn")
    answer = fail(models, "sagemaker-runtime", "InvokeEndpoint", error)
    assert answer.status == 424
    assert dict(answer.headers)["x-amzn-errortype"] == "ModelError"
    body = {"Message": "why", "OriginalStatusCode": 500, "OriginalMessage": "boom", "LogStreamArn": "arn"}
    assert json.loads(answer.body) == body


def test_errors_of_services_that_once_spoke_query_carry_the_old_code(models: Models) -> None:
    error = ServiceError("why", code="InvalidParameterValueException")
    for protocol in ("json", "smithy-rpc-v2-cbor"):
        answer = fail(models, "cloudwatch", "PutMetricData", error, protocol)
        assert answer.status == 400
        assert dict(answer.headers)["x-amzn-query-error"] == "InvalidParameterValue;Sender"
    assert b"<Code>InvalidParameterValue</Code>" in fail(models, "cloudwatch", None, error, "query").body


@pytest.mark.parametrize(
    ("service", "name", "code", "status", "body"),
    [
        (
            "s3",
            "GetObject",
            "NoSuchKey",
            404,
            "<Error><Code>NoSuchKey</Code><Message>a &lt; b</Message><RequestId>id-1</RequestId>"
            "<HostId>id-1</HostId></Error>",
        ),
        (
            "iam",
            "GetRole",
            "NoSuchEntity",
            404,
            '<ErrorResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><Error><Type>Sender</Type>'
            "<Code>NoSuchEntity</Code><Message>a &lt; b</Message></Error><RequestId>id-1</RequestId></ErrorResponse>",
        ),
        (
            "cloudfront",
            "GetDistribution",
            "NoSuchDistribution",
            404,
            "<ErrorResponse><Error><Type>Sender</Type><Code>NoSuchDistribution</Code>"
            "<Message>a &lt; b</Message></Error><RequestId>id-1</RequestId></ErrorResponse>",
        ),
        (
            "ec2",
            "DescribeVpcs",
            "InvalidVpcID.NotFound",
            400,
            "<Response><Errors><Error><Code>InvalidVpcID.NotFound</Code><Message>a &lt; b</Message></Error></Errors>"
            "<RequestID>id-1</RequestID></Response>",
        ),
    ],
)
def test_xml_errors_have_the_shape_of_their_service(
    models: Models, service: str, name: str, code: str, status: int, body: str
) -> None:
    answer = fail(models, service, name, ServiceError("a < b", code=code, status=400))
    assert answer.status == status
    assert answer.body.decode() == DECLARATION + body


def test_a_head_request_and_a_304_have_no_body(models: Models) -> None:
    assert fail(models, "s3", "HeadObject", ServiceError("why", code="NoSuchKey", status=404)).body == b""
    assert fail(models, "s3", "GetObject", ServiceError("why", code="NotModified", status=304)).body == b""


def test_what_the_model_calls_our_fault_is_a_500(models: Models) -> None:
    assert fail(models, "kms", "Encrypt", ServiceError("why", code="KMSInternalException")).status == 500
    assert fail(models, "sagemaker", "CreateModel", ServiceError("why", code="ResourceLimitExceeded")).status == 400
