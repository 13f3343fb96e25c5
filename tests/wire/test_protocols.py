"""The edge cases that AWS's own protocol tests name: requests read, answers written."""

from __future__ import annotations

import base64
import io
import json
import math
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import cbor2
import pytest
from botocore.handlers import parse_get_bucket_location
from botocore.model import OperationModel

from clary.core.errors import ServiceError, UnknownOperation
from clary.wire.message import Headers, Request, Response
from clary.wire.models import Models
from clary.wire.protocol import PROTOCOLS, detect, protocols_of

MOMENT = datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)
FORM = ("content-type", "application/x-www-form-urlencoded; charset=utf-8")


def request(
    body: bytes = b"", *, method: str = "POST", path: str = "/", query: str = "", headers: tuple = ()
) -> Request:
    return Request(method, path, query, Headers(headers), body)


def read(models: Models, service: str, sent: Request) -> tuple[str, dict[str, Any]]:
    model = models.load(service)
    protocol = detect(model, sent)
    operation = protocol.find_operation(model, sent)
    return operation.name, protocol.read(operation, sent)


def of(models: Models, service: str, name: str) -> OperationModel:
    return models.load(service).operation_model(name)


def write(models: Models, service: str, name: str, result: dict[str, Any], protocol: str | None = None) -> Response:
    operation = of(models, service, name)
    return PROTOCOLS[protocol or protocols_of(operation.service_model)[0]].write(operation, result, "id-1")


def target(name: str, document: object) -> Request:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return request(body, headers=(("X-Amz-Target", name),))


def test_a_service_of_several_protocols_is_read_in_each(models: Models) -> None:
    cbor = request(
        cbor2.dumps({"Namespace": "n"}),
        path="/service/GraniteServiceVersion20100801/operation/ListMetrics",
        headers=(("smithy-protocol", "rpc-v2-cbor"),),
    )
    as_json = target("GraniteServiceVersion20100801.ListMetrics", {"Namespace": "n"})
    form = request(b"Action=ListMetrics&Version=2010-08-01&Namespace=n", headers=(FORM,))
    for sent in (cbor, as_json, form):
        assert read(models, "cloudwatch", sent) == ("ListMetrics", {"Namespace": "n"})


def test_a_query_may_come_in_the_url(models: Models) -> None:
    sent = request(method="GET", query="Action=AssumeRole&Version=2011-06-15&RoleArn=a%2Bb&RoleSessionName=s+1")
    assert read(models, "sts", sent) == ("AssumeRole", {"RoleArn": "a+b", "RoleSessionName": "s 1"})


@pytest.mark.parametrize(
    ("service", "sent"),
    [
        ("sagemaker", target("SageMaker.NoSuchThing", {})),
        ("sagemaker", target("Elsewhere.ListEndpoints", {})),
        ("sagemaker", request()),
        ("iam", request(b"Action=NoSuchThing", headers=(FORM,))),
        ("cloudwatch", request(path="/service/x/operation/Nope", headers=(("smithy-protocol", "rpc-v2-cbor"),))),
        ("sagemaker-runtime", request(path="/no/such/path")),
        ("s3", request(method="PATCH", path="/b/k")),
    ],
)
def test_an_operation_that_no_model_has_is_unknown(models: Models, service: str, sent: Request) -> None:
    with pytest.raises(UnknownOperation) as caught:
        read(models, service, sent)
    assert (caught.value.code, caught.value.status) == ("UnknownOperationException", 404)
    model = models.load(service)
    assert detect(model, sent).write_error(model, None, caught.value, "id-1").status == 404


def test_tokens_that_clients_fill_in_may_be_absent(models: Models) -> None:
    name, params = read(models, "sagemaker", target("SageMaker.CreatePipeline", {"PipelineName": "p"}))
    assert (name, params) == ("CreatePipeline", {"PipelineName": "p"})


def test_nulls_and_strange_members_are_dropped(models: Models) -> None:
    sent = target("SageMaker.AddTags", {"ResourceArn": None, "Tags": [{"Key": "k", "Value": None}], "Strange": 1})
    assert read(models, "sagemaker", sent)[1] == {"Tags": [{"Key": "k"}]}


def test_numbers_that_are_not_and_big_numbers_are_read(models: Models) -> None:
    values = ["NaN", "Infinity", "-Infinity", 1e300, 2**60]
    sent = target("GraniteServiceVersion20100801.PutMetricData", {"MetricData": [{"Values": values}]})
    got = read(models, "cloudwatch", sent)[1]["MetricData"][0]["Values"]
    assert math.isnan(got[0])
    assert got[1:] == [math.inf, -math.inf, 1e300, 2**60]


@pytest.mark.parametrize("written", [1767323045.678, "2026-01-02T03:04:05.678Z", "1767323045.678"])
def test_timestamps_are_read_in_any_format(models: Models, written: object) -> None:
    sent = target("SageMaker.ListEndpoints", {"CreationTimeAfter": written})
    assert read(models, "sagemaker", sent)[1] == {"CreationTimeAfter": MOMENT}


def test_flattened_and_renamed_lists_and_maps_in_forms(models: Models) -> None:
    form = (
        b"Action=PutMetricAlarm&Version=2010-08-01&AlarmActions.member.2=b&AlarmActions.member.1=a"
        b"&Dimensions=&OKActions.member.10=j&OKActions.member.9=i"
    )
    params = read(models, "cloudwatch", request(form, headers=(FORM,)))[1]
    assert params == {"AlarmActions": ["a", "b"], "Dimensions": [], "OKActions": ["i", "j"]}
    attributes = b"Action=CreateTopic&Name=t&Attributes.entry.1.key=k&Attributes.entry.1.value=v"
    assert read(models, "sns", request(attributes, headers=(FORM,)))[1] == {"Name": "t", "Attributes": {"k": "v"}}
    filters = b"Action=DescribeVpcs&Filter.1.Name=n&Filter.1.Value.1=v&VpcId.1=i"
    expected = {"Filters": [{"Name": "n", "Values": ["v"]}], "VpcIds": ["i"]}
    assert read(models, "ec2", request(filters, headers=(FORM,)))[1] == expected


def test_xml_with_namespaces_attributes_and_flattened_lists_is_read(models: Models) -> None:
    grant = (
        b'<AccessControlPolicy xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><AccessControlList><Grant>'
        b'<Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CanonicalUser"><ID>i</ID></Grantee>'
        b"</Grant></AccessControlList></AccessControlPolicy>"
    )
    policy = read(models, "s3", request(grant, method="PUT", path="/b", query="acl"))[1]["AccessControlPolicy"]
    assert policy == {"Grants": [{"Grantee": {"ID": "i", "Type": "CanonicalUser"}}]}
    delete = b"<Delete><Object><Key>a</Key></Object><Object><Key>b</Key></Object><Quiet>true</Quiet></Delete>"
    deleted = read(models, "s3", request(delete, path="/b", query="delete"))[1]["Delete"]
    assert deleted == {"Objects": [{"Key": "a"}, {"Key": "b"}], "Quiet": True}


def test_prefix_headers_and_list_headers_are_read(models: Models) -> None:
    headers = (
        ("X-Amz-Meta-Colour", "blue"),
        ("x-amz-meta-size", "9"),
        ("x-amz-object-attributes", 'ETag,"a,\\"b", ObjectSize'),
    )
    assert read(models, "s3", request(method="PUT", path="/b/k", headers=headers))[1]["Metadata"] == {
        "colour": "blue",
        "size": "9",
    }
    got = read(models, "s3", request(method="GET", path="/b/k", query="attributes", headers=headers))[1]
    assert got["ObjectAttributes"] == ["ETag", 'a,"b', "ObjectSize"]


def test_query_maps_take_what_no_member_claims(models: Models) -> None:
    sent = request(b"{}", path="/restapis", query="mode=import&failonwarnings=true&ignore=documentation")
    name, params = read(models, "apigateway", sent)
    assert name == "ImportRestApi"
    assert params == {"failOnWarnings": True, "parameters": {"ignore": "documentation"}, "body": b"{}"}


def test_json_values_travel_in_headers(models: Models) -> None:
    value = base64.b64encode(b'{"a":[1,"\xc3\xa9"]}').decode()
    path = "/bot/b/alias/a/user/u/content"
    sent = request(b"x", path=path, headers=(("x-amz-lex-session-attributes", value), ("content-type", "text/plain")))
    assert read(models, "lex-runtime", sent)[1]["sessionAttributes"] == {"a": [1, "é"]}
    answer = write(models, "lex-runtime", "PostContent", {"slots": {"a": [1, "é"]}})
    assert json.loads(base64.b64decode(dict(answer.headers)["x-amz-lex-slots"])) == {"a": [1, "é"]}


class Stream(io.BytesIO):
    length: int | None = None


def test_streaming_bodies_are_handed_on_unread(models: Models) -> None:
    body = Stream(b"abc")
    sent = Request("PUT", "/b/k", "", Headers(), body)
    params = read(models, "s3", sent)[1]
    assert params["Body"] is body
    assert body.tell() == 0


def test_a_streamed_body_of_an_ordinary_operation_is_read_whole(models: Models) -> None:
    sent = Request("POST", "/endpoints/e/invocations", "", Headers(), Stream(b"1,2"))
    assert read(models, "sagemaker-runtime", sent)[1] == {"EndpointName": "e", "Body": b"1,2"}


def test_documents_and_unions_pass_as_they_are(models: Models) -> None:
    document = {"a": [1, None, {"b": 1.5}]}
    body = json.dumps({"additionalModelRequestFields": document, "messages": [{"role": "user", "content": []}]})
    params = read(models, "bedrock-runtime", request(body.encode(), path="/model/m/converse"))[1]
    assert params["additionalModelRequestFields"] == document
    item = {"s": {"S": "x"}, "n": {"N": "1"}, "null": {"NULL": True}, "l": {"L": [{"B": "AP8="}]}}
    put = read(models, "dynamodb", target("DynamoDB_20120810.PutItem", {"Item": item}))[1]["Item"]
    assert put == {**item, "l": {"L": [{"B": b"\x00\xff"}]}}


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"EndpointName": 1}, "NUMBER_VALUE can not be converted to a String"),
        ({"EndpointName": True}, "TRUE_VALUE can not be converted to a String"),
        ({"EndpointName": []}, "Start of list found where not expected"),
        ({"EndpointName": {}}, "Start of structure or map found where not expected."),
        ({"Tags": "x"}, "Unexpected field type"),
        ([], "Start of list found where not expected"),
        (b"{", "Could not parse request body into json"),
        (b"\xff", "Could not parse request body into json"),
        (b'{"EndpointName": "\\ud800"}', "Could not parse request body into json"),
        (b"[" * 100_000, "Could not parse request body into json"),
    ],
)
def test_json_that_is_not_what_the_model_says_is_a_serialization_exception(
    models: Models, document: object, words: str
) -> None:
    with pytest.raises(ServiceError) as caught:
        read(models, "sagemaker", target("SageMaker.CreateEndpoint", document))
    assert (caught.value.code, caught.value.status) == ("SerializationException", 400)
    assert caught.value.message.startswith(words)


def test_endless_nesting_is_the_clients_error(models: Models) -> None:
    for levels in (450, 50_000):
        deep = b'{"L":[' * levels + b"]}" * levels
        with pytest.raises(ServiceError) as caught:
            read(models, "dynamodb", target("DynamoDB_20120810.PutItem", b'{"Item":{"a":' + deep + b"}}"))
        assert caught.value.code == "SerializationException"


@pytest.mark.parametrize(
    ("service", "sent", "code"),
    [
        ("s3", request(b"<Delete>", path="/b", query="delete"), "MalformedXML"),
        (
            "s3",
            request(b'<!DOCTYPE d [<!ENTITY e "x">]><Delete>&e;</Delete>', path="/b", query="delete"),
            "MalformedXML",
        ),
        ("s3", request(b"<Delete><Quiet>perhaps</Quiet></Delete>", path="/b", query="delete"), "MalformedXML"),
        ("s3", request(method="GET", path="/b", query="max-keys=many"), "SerializationException"),
        ("iam", request(b"Action=ListRoles&MaxItems=many", headers=(FORM,)), "MalformedInput"),
        ("iam", request(b"Action=ListRoles&Marker=%FF", headers=(FORM,)), "MalformedInput"),
        ("iam", request(b"Action=ListRoles&" + b"a." * 500 + b"=1", headers=(FORM,)), "MalformedInput"),
    ],
)
def test_other_formats_have_their_own_refusals(models: Models, service: str, sent: Request, code: str) -> None:
    with pytest.raises(ServiceError) as caught:
        read(models, service, sent)
    assert (caught.value.code, caught.value.status) == (code, 400)


def test_cbor_that_is_no_cbor_is_refused(models: Models) -> None:
    path = "/service/GraniteServiceVersion20100801/operation/ListMetrics"
    for body in (b"\x9f", b"\xff", cbor2.dumps([]), cbor2.dumps({"Namespace": 1})):
        with pytest.raises(ServiceError) as caught:
            read(models, "cloudwatch", request(body, path=path, headers=(("smithy-protocol", "rpc-v2-cbor"),)))
        assert caught.value.code == "SerializationException"


def test_answers_name_the_request(models: Models) -> None:
    for service, name, header in [
        ("sagemaker", "ListEndpoints", "x-amzn-requestid"),
        ("sagemaker-runtime", "InvokeEndpoint", "x-amzn-requestid"),
        ("s3", "ListBuckets", "x-amz-request-id"),
        ("iam", "ListRoles", "x-amzn-requestid"),
        ("cloudwatch", "ListMetrics", "x-amzn-requestid"),
    ]:
        assert dict(write(models, service, name, {}).headers)[header] == "id-1"


def test_timestamps_may_be_numbers_and_nulls_are_dropped(models: Models) -> None:
    answer = write(models, "sagemaker", "DescribeEndpoint", {"CreationTime": MOMENT.timestamp(), "FailureReason": None})
    assert json.loads(answer.body) == {"CreationTime": 1767323045.678}


def test_a_streamed_payload_is_handed_on(models: Models) -> None:
    pieces = iter([b"a", b"b"])
    answer = write(models, "s3", "GetObject", {"Body": pieces, "ContentType": "text/csv", "ContentLength": 2})
    assert answer.body is pieces
    assert dict(answer.headers)["Content-Type"] == "text/csv"
    assert dict(answer.headers)["Content-Length"] == "2"


def test_a_header_cannot_be_split_by_its_value(models: Models) -> None:
    with pytest.raises(ServiceError, match="line break"):
        write(models, "s3", "GetObject", {"ContentDisposition": "a\r\nSet-Cookie: b"})


def test_a_location_is_the_root_element(models: Models) -> None:
    answer = write(models, "s3", "GetBucketLocation", {"LocationConstraint": "eu-west-1"})
    root = b'<LocationConstraint xmlns="http://s3.amazonaws.com/doc/2006-03-01/">eu-west-1</LocationConstraint>'
    assert answer.body.endswith(root)
    parsed: dict[str, Any] = {}
    parse_get_bucket_location(parsed, SimpleNamespace(raw=True, content=answer.body))
    assert parsed == {"LocationConstraint": "eu-west-1"}


def test_xml_can_always_be_parsed(models: Models, oracle: Any) -> None:
    answer = write(models, "iam", "GetRole", {"Role": {"Description": "a\x00\x1f\ud800<&>\r\n"}})
    parsed = oracle.parsed("query", of(models, "iam", "GetRole"), answer)
    assert parsed["Role"]["Description"] == "a\ufffd\ufffd\ufffd<&>\r\n"
