"""SQS as it was spoken before json: forms in, XML out, by the names of its old API."""

from __future__ import annotations

from typing import Any

from clary.core.errors import ServiceError
from clary.wire.message import Headers, Request
from clary.wire.models import Models
from clary.wire.protocol import PROTOCOLS, detect, speaks_query

FORM = Headers([("content-type", "application/x-www-form-urlencoded; charset=utf-8")])
TARGET = Headers([("x-amz-target", "AmazonSQS.SendMessage"), ("content-type", "application/x-amz-json-1.0")])


def sqs(models: Models) -> Any:
    model = models.load_query("sqs")
    assert model is not None
    return model


def read(models: Models, form: str, path: str = "/") -> tuple[str, dict[str, Any]]:
    request = Request("POST", path, "", FORM, form.encode())
    protocol = detect(sqs(models), request)
    operation = protocol.find_operation(sqs(models), request)
    return operation.name, protocol.read(operation, request)


def test_only_services_that_left_query_have_a_model_of_those_days(models: Models) -> None:
    assert models.load_query("sqs") is models.load_query("sqs")
    assert models.load_query("cloudwatch") is None
    assert models.load("sqs").metadata["protocols"] == ["json"]


def test_forms_are_read_by_their_old_names(models: Models) -> None:
    form = (
        "Action=CreateQueue&QueueName=q&Attribute.1.Name=DelaySeconds&Attribute.1.Value=3"
        "&Attribute.2.Name=FifoQueue&Attribute.2.Value=true&Tag.1.Key=a&Tag.1.Value=b"
    )
    expected = {"QueueName": "q", "Attributes": {"DelaySeconds": "3", "FifoQueue": "true"}, "tags": {"a": "b"}}
    assert read(models, form) == ("CreateQueue", expected)
    form = (
        "Action=SendMessageBatch&SendMessageBatchRequestEntry.1.Id=x&SendMessageBatchRequestEntry.1.MessageBody=m"
        "&SendMessageBatchRequestEntry.1.MessageAttribute.1.Name=n"
        "&SendMessageBatchRequestEntry.1.MessageAttribute.1.Value.DataType=Binary"
        "&SendMessageBatchRequestEntry.1.MessageAttribute.1.Value.BinaryValue=AAE%3D"
    )
    attribute = {"DataType": "Binary", "BinaryValue": b"\0\1"}
    entry = {"Id": "x", "MessageBody": "m", "MessageAttributes": {"n": attribute}}
    assert read(models, form, "/1/q")[1] == {"QueueUrl": "/1/q", "Entries": [entry]}


def test_the_path_names_the_queue_unless_the_form_does(models: Models) -> None:
    form = "Action=ReceiveMessage&AttributeName.1=All&MessageAttributeName.1=a&MessageAttributeName.2=b"
    asked = {"QueueUrl": "/1/q", "AttributeNames": ["All"], "MessageAttributeNames": ["a", "b"]}
    assert read(models, form, "/1/q")[1] == asked
    assert read(models, f"{form}&QueueUrl=http%3A%2F%2Fh%2F1%2Fp", "/1/q")[1]["QueueUrl"] == "http://h/1/p"
    assert read(models, "Action=ListQueues", "/1/q")[1] == {}


def test_answers_are_written_by_their_old_names(models: Models) -> None:
    message = {"MessageId": "i", "Body": "m", "Attributes": {"SenderId": "s"}}
    answer = PROTOCOLS["query"].write(sqs(models).operation_model("ReceiveMessage"), {"Messages": [message]}, "id-1")
    assert answer.body.decode().endswith(
        '<ReceiveMessageResponse xmlns="http://queue.amazonaws.com/doc/2012-11-05/"><ReceiveMessageResult>'
        "<Message><MessageId>i</MessageId><Body>m</Body>"
        "<Attribute><Name>SenderId</Name><Value>s</Value></Attribute></Message></ReceiveMessageResult>"
        "<ResponseMetadata><RequestId>id-1</RequestId></ResponseMetadata></ReceiveMessageResponse>"
    )


def test_errors_keep_their_old_codes(models: Models) -> None:
    error = ServiceError("gone", code="QueueDoesNotExist", status=400)
    answer = PROTOCOLS["query"].write_error(sqs(models), None, error, "id-1")
    assert b"<Code>AWS.SimpleQueueService.NonExistentQueue</Code>" in answer.body


def test_who_names_a_target_speaks_json(models: Models) -> None:
    assert speaks_query(Request("POST", "/", "", FORM, b"Action=ListQueues"))
    assert speaks_query(Request("GET", "/", "Action=ListQueues", Headers([]), b""))
    assert not speaks_query(Request("POST", "/", "", TARGET, b"{}"))
