"""Whatever a client sends is read or refused; nothing else is raised."""

from __future__ import annotations

from typing import Any

import cbor2
from hypothesis import given, settings
from hypothesis import strategies as st

from clary.core.errors import ServiceError
from clary.wire import json_codec, timestamps
from clary.wire.message import Headers, Request
from clary.wire.models import Models
from clary.wire.protocol import detect
from clary.wire.validation import violations

MODELS = Models()
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just("2026-01-01")
NAMES = st.sampled_from(["Tags", "Key", "Value", "EndpointName", "RetainDeploymentConfig", "MetricData", "Dimensions"])
TREES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3))
WORDS = st.sampled_from(["Tags", "member", "entry", "1", "2", "", "Key", "Value", "key", "MaxItems", "Filter", "a"])
FIELDS = st.lists(st.tuples(st.lists(WORDS, min_size=1, max_size=5).map(".".join), st.text(max_size=4)), max_size=6)
TAGS = st.sampled_from(["Delete", "Object", "Key", "Quiet", "Tagging", "TagSet", "Tag", "Value", "LastModifiedTime"])
XML = st.recursive(
    st.text(alphabet="ab1<>& ", max_size=4),
    lambda inner: st.tuples(TAGS, st.lists(inner, max_size=3).map("".join)).map(lambda e: f"<{e[0]}>{e[1]}</{e[0]}>"),
)


def read_or_refuse(service: str, request: Request) -> None:
    model = MODELS.load(service)
    refusal = None
    try:
        protocol = detect(model, request)
        operation = protocol.find_operation(model, request)
        params = protocol.read(operation, request)
    except ServiceError as error:
        refusal = error
    else:
        assert isinstance(violations(operation, params), list)
    assert refusal is None or 400 <= refusal.status < 500


@settings(derandomize=True, database=None, deadline=None)
@given(TREES, st.sampled_from(["CreateEndpoint", "AddTags", "DeleteEndpoint", "CreateModel"]))
def test_any_json_is_read_or_refused(tree: Any, operation: str) -> None:
    headers = Headers([("x-amz-target", f"SageMaker.{operation}")])
    read_or_refuse("sagemaker", Request("POST", "/", "", headers, json_codec.dumps(tree)))


@settings(derandomize=True, database=None, deadline=None)
@given(TREES.map(cbor2.dumps) | st.binary(max_size=20))
def test_any_cbor_is_read_or_refused(body: bytes) -> None:
    path = "/service/GraniteServiceVersion20100801/operation/PutMetricData"
    read_or_refuse("cloudwatch", Request("POST", path, "", Headers([("smithy-protocol", "rpc-v2-cbor")]), body))


@settings(derandomize=True, database=None, deadline=None)
@given(FIELDS, st.sampled_from([("iam", "TagRole"), ("iam", "ListRoles"), ("ec2", "DescribeVpcs"), ("sns", "Publish")]))
def test_any_form_is_read_or_refused(fields: list[tuple[str, str]], place: tuple[str, str]) -> None:
    service, operation = place
    body = "&".join([f"Action={operation}", *(f"{name}={value}" for name, value in fields)]).encode()
    read_or_refuse(service, Request("POST", "/", "", Headers(), body))


@settings(derandomize=True, database=None, deadline=None)
@given(XML, st.sampled_from(["delete", "tagging", "lifecycle", "acl", "analytics"]))
def test_any_xml_is_read_or_refused(document: str, query: str) -> None:
    method = "POST" if query == "delete" else "PUT"
    read_or_refuse("s3", Request(method, "/b", query, Headers(), document.encode()))


@settings(derandomize=True, database=None, deadline=None)
@given(st.text(max_size=10), st.text(alphabet="&=;%+aZ0\x00é", max_size=10), st.text(alphabet='", \\a1', max_size=10))
def test_any_url_and_header_is_read_or_refused(path: str, query: str, value: str) -> None:
    names = ("x-amz-object-attributes", "x-amz-max-parts", "if-modified-since", "content-length", "x-amz-meta-")
    headers = Headers((name, value) for name in names)
    for method in ("GET", "PUT", "POST", "DELETE", "HEAD"):
        read_or_refuse("s3", Request(method, f"/{path}", query, headers, b""))
        read_or_refuse("s3", Request(method, "/b/k", query, headers, b""))


@settings(derandomize=True, database=None, deadline=None)
@given(st.text(max_size=30) | st.text(alphabet="0123456789-+:.TZ, GMTJanFriE", max_size=30) | st.floats())
def test_any_timestamp_is_read_or_refused(written: str | float) -> None:
    try:
        moment = timestamps.parse(written)
    except ValueError:
        return
    assert moment.tzinfo is timestamps.EPOCH.tzinfo
