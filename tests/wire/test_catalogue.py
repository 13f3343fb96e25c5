"""The wire held against botocore's whole catalogue: what it sends we read, what we write it reads, errors arrive.

Values are drawn from the shapes, by type alone: patterns and bounds are validation's affair. What a protocol cannot
carry (an empty map in a form, a fraction of a second in an HTTP date) is not drawn for it.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from clary.core.errors import ServiceError
from clary.wire.models import Models
from clary.wire.protocol import PROTOCOLS, detect, protocols_of
from clary.wire.query_codes import query_code
from clary.wire.timestamps import EPOCH

LEFT_QUERY = ("sqs",)
WHOLE_SERVICES = ("sagemaker", "s3", "iam", "sts", "logs", "cloudwatch", "organizations", "sagemaker-runtime")
OTHER_SERVICES, OTHER_OPERATIONS = 30, 5
EXAMPLES, EXAMPLES_SLOW = 5, 2
MEMBERS_MAX, ITEMS_MAX, DEPTH_MAX = (10, 5, 3, 2, 1), 2, 5
ABSENT = object()
OWN_WORDS = ("message", "code", "status", "type")  # of an error; members of these names are the wire's to fill

# Operations that no server can tell apart by the request alone, and the one that is found instead.
SAME_REQUEST: Mapping[tuple[str, str], str] = {
    # The deprecated twins have the path of their successors.
    ("s3", "GetBucketLifecycle"): "GetBucketLifecycleConfiguration",
    ("s3", "GetBucketNotification"): "GetBucketNotificationConfiguration",
    ("s3", "PutBucketLifecycle"): "PutBucketLifecycleConfiguration",
    ("s3", "PutBucketNotification"): "PutBucketNotificationConfiguration",
    # The same path on a host of its own (s3express-control).
    ("s3", "ListDirectoryBuckets"): "ListBuckets",
}

# What botocore 1.44 itself gets wrong, or cannot say; not our doing.
_TWO_IN_ONE = "two members of the model, Event and Events, have the same element"
NOT_SENT: Mapping[tuple[str, str], str] = {
    ("s3", "PutBucketNotification"): _TWO_IN_ONE,
}
NOT_READ: Mapping[tuple[str, str], str] = {
    ("s3", "GetBucketNotification"): _TWO_IN_ONE,
    ("dataexchange", "SendApiAsset"): "a header map without a prefix takes every header, x-amzn-requestid too",
    ("s3", "GetBucketLocation"): "read by a handler of botocore's, not by its parser; a test of its own holds it",
}

_ODD_TEXT = ["", "null", "true", "0", " a ", "é✓😀", "a&b<c>\"'", "x=1&y=2", "%2F+/", "\n\t", "\u2028", "\\", "a;b#c?d"]
_any_text = st.sampled_from(_ODD_TEXT) | st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
_xml_text = st.sampled_from(_ODD_TEXT) | st.text(st.characters(min_codepoint=32, exclude_categories=["Cs", "Cn", "Cc"]))
_header_text = st.from_regex(r"[!-~]([ -~]{0,6}[!-~])?", fullmatch=True) | st.just("")
_token_text = st.from_regex(r"[a-z0-9-]{1,6}", fullmatch=True)
_label_text = (
    st.sampled_from(["a", "é✓", "a/b", "a b", "%41", "a+b=c&d?e#f", "~x_1.y-z", "arn:aws:x:::y/z"]) | _token_text
)
_special = [0.0, -0.0, 1.5, -2.25, 1e-7, 3e30, math.inf, -math.inf, math.nan]
_plain = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.sampled_from([1.5, "", "é"])
_documents = st.dictionaries(_any_text, _plain | st.lists(_plain, max_size=2), max_size=3)
_milliseconds = st.sampled_from([0, 1, -1500, 951_782_400_123, 4_102_444_800_999]) | st.integers(0, 4 * 10**12)
_numbers: Mapping[str, st.SearchStrategy[Any]] = {
    "boolean": st.booleans(),
    "integer": st.sampled_from([0, 1, -1, 2**31 - 1, -(2**31)]) | st.integers(-(2**31), 2**31 - 1),
    "long": st.sampled_from([0, -1, 2**53 + 1, 2**63 - 1, -(2**63)]) | st.integers(-(2**63), 2**63 - 1),
    "float": st.sampled_from([x for x in _special if x != 1e-7 and x != 3e30]),
    "double": st.sampled_from(_special) | st.floats(),
    "blob": st.sampled_from([b"", b"\x00\xff", "é".encode()]) | st.binary(max_size=6),
}


@dataclass(frozen=True)
class Drawing:
    """Draws values that one protocol can carry one way."""

    draw: Callable[[st.SearchStrategy[Any]], Any]
    protocol: str
    inward: bool

    def operation_value(self, shape: StructureShape | None) -> dict[str, Any]:
        if shape is None:
            return {}
        payload = shape.serialization.get("payload") if self.rest else None
        drawn = {}
        for name in self._chosen(shape, self._always(shape), 0):
            member = shape.members[name]
            place = member.serialization.get("location", "body") if self.rest else "body"
            value = self.value(member, "payload" if name == payload else place, 1)
            if value is not ABSENT and not (payload and place == "body" and name != payload):
                drawn[name] = value
        return drawn

    @property
    def rest(self) -> bool:
        return self.protocol.startswith("rest-")

    @property
    def xml(self) -> bool:
        return self.protocol == "rest-xml" or (self.protocol in ("query", "ec2") and not self.inward)

    def _always(self, shape: StructureShape) -> set[str]:
        """Members that must be in the message, or that botocore makes up where they are not."""
        wanted = {name for name, member in shape.members.items() if member.serialization.get("hostLabel")}
        if not self.rest:
            return wanted | ({shape.event_stream_name} if shape.event_stream_name else set())
        places = ("uri",) if self.inward else ("statusCode", "headers")
        wanted |= {name for name, member in shape.members.items() if member.serialization.get("location") in places}
        if self.inward:  # some operations differ in a required field of the query or header alone
            wanted |= {name for name in shape.required_members if "location" in shape.members[name].serialization}
            wanted |= {name for name, member in shape.members.items() if _wire_name(member) == "content-type"}
        return wanted | {shape.serialization.get("payload", "")} & set(shape.members)

    def _chosen(self, shape: StructureShape, always: set[str], depth: int) -> Iterator[str]:
        """Yield some members; Hypothesis begins with zeros, which are many members here, not none."""
        names = [name for name in shape.members if name not in always]
        most = min(len(names), MEMBERS_MAX[min(depth, len(MEMBERS_MAX) - 1)])
        start = self.draw(st.integers(0, len(names) - 1)) if names else 0
        count = most - self.draw(st.integers(0, most))
        yield from (*sorted(always), *(names[start:] + names[:start])[:count])

    def value(self, shape: Shape, place: str, depth: int) -> Any:
        if isinstance(shape, StructureShape):
            return self._structure(shape, place, depth)
        if isinstance(shape, ListShape):
            return self._list(shape, place, depth)
        if isinstance(shape, MapShape):
            return self._map(shape, place, depth)
        if shape.type_name == "timestamp":
            return self._timestamp(shape, place)
        if place == "statusCode":
            return self.draw(st.sampled_from([200, 202, 206]))
        return self._text(shape, place) if shape.type_name == "string" else self.draw(_numbers[shape.type_name])

    def _structure(self, shape: StructureShape, place: str, depth: int) -> Any:
        if shape.serialization.get("eventstream"):
            return self._events(shape)
        if shape.is_document_type:
            return self.draw(_documents)
        drawn = {}
        for name in [self._variant(shape)] if shape.is_tagged_union else self._chosen(shape, set(), depth):
            member = shape.members[name]
            deep = depth >= DEPTH_MAX and member.type_name in ("structure", "list", "map") and not shape.is_tagged_union
            value = ABSENT if deep else self.value(member, "body", depth + 1)
            if value is not ABSENT:
                drawn[name] = value
        empty_allowed = place == "payload" or not (self.inward and self.protocol in ("query", "ec2"))
        return drawn if drawn or empty_allowed else ABSENT

    def _variant(self, shape: StructureShape) -> str:
        flat = [name for name, member in shape.members.items() if member.type_name not in ("structure", "list", "map")]
        return self.draw(st.sampled_from(flat or list(shape.members)))

    def _items(self, fewest: int, depth: int) -> int:
        most = max(fewest, ITEMS_MAX if depth < 3 else 1 if depth < DEPTH_MAX else 0)
        return most - self.draw(st.integers(0, most - fewest))

    def _list(self, shape: ListShape, place: str, depth: int) -> Any:
        flat = shape.serialization.get("flattened", False) and self.xml
        formed = self.protocol == "ec2" and self.inward
        fewest = int(flat or formed or place.startswith(("header", "querystring")))
        items = [self.value(shape.member, f"{place} list", depth + 1) for _ in range(self._items(fewest, depth))]
        items = [item for item in items if item is not ABSENT]
        return items if len(items) >= fewest else ABSENT

    def _map(self, shape: MapShape, place: str, depth: int) -> Any:
        flat = shape.serialization.get("flattened", False) and self.xml
        formed = self.protocol in ("query", "ec2") and self.inward
        fewest = int(flat or formed or place in ("headers", "querystring"))
        pairs = {}
        for _ in range(self._items(fewest, depth)):
            key = self.draw(_token_text) if place in ("headers", "querystring") else self._text(shape.key, place)
            value = self.value(shape.value, f"{place} map", depth + 1)
            if value is not ABSENT:
                pairs[key] = value
        return pairs if len(pairs) >= fewest else ABSENT

    def _timestamp(self, shape: Shape, place: str) -> datetime:
        moment = EPOCH + timedelta(milliseconds=self.draw(_milliseconds))
        style = shape.serialization.get("timestampFormat")
        whole = style == "rfc822" or place.startswith("header")
        return moment.replace(microsecond=0) if whole else moment

    def _text(self, shape: Shape, place: str) -> Any:
        if shape.serialization.get("hostLabel"):
            return self.draw(_token_text)
        if place == "header" and shape.serialization.get("jsonvalue"):
            return self.draw(_documents)
        if place.startswith("header"):
            return self.draw(_token_text if place.endswith("list") else _header_text)
        if place == "uri":
            return self.draw(_label_text)
        return self.draw(_xml_text if self.xml else _any_text)

    def _events(self, shape: StructureShape) -> list[Any]:
        names = [name for name, member in shape.members.items() if not member.metadata.get("exception")]
        chosen = self.draw(st.lists(st.sampled_from(names), max_size=3))
        return [{name: self._event(shape.members[name])} for name in chosen]

    def _event(self, shape: StructureShape) -> dict[str, Any]:
        for name, member in shape.members.items():
            if member.serialization.get("eventpayload"):
                headers = {n: self.value(m, "body", 2) for n, m in shape.members.items() if n != name}
                return {**headers, name: self.value(member, "payload", 2)}
        return self.value(shape, "payload", 2)


def _wire_name(member: Shape) -> str:
    return member.serialization.get("name", "").lower()


def same(left: Any, right: Any) -> bool:
    """Return whether two values are equal, NaN to itself; a number that JSON has no word for may be its name."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, float) and not math.isfinite(left):
        return str(float(right)) == str(left)
    return left == right and isinstance(right, bool) == isinstance(left, bool)


def check_request(oracle: Any, protocol: str, operation: OperationModel, draw: Callable[..., Any]) -> None:
    """Hold that what botocore sends is read to the same operation and parameters."""
    params = Drawing(draw, protocol, inward=True).operation_value(operation.input_shape)
    request = oracle.sent(protocol, operation, params)
    model = operation.service_model
    found = detect(model, request)
    assert found is PROTOCOLS[protocol]
    key = (model.service_name, operation.name)
    assert found.find_operation(model, request).name == SAME_REQUEST.get(key, operation.name), request
    read = found.read(operation, request)
    assert same(params, read), f"\n   sent {params}\n   read {read}\n{request}"


def check_answer(oracle: Any, protocol: str, operation: OperationModel, draw: Callable[..., Any]) -> None:
    """Hold that what we write botocore reads to the same result."""
    result = Drawing(draw, protocol, inward=False).operation_value(operation.output_shape)
    response = PROTOCOLS[protocol].write(operation, result, "request-1")
    parsed = oracle.parsed(protocol, operation, response)
    assert same(result, parsed), f"\nwritten {result}\n parsed {parsed}\n{response}"


def check_error(oracle: Any, protocol: str, operation: OperationModel, draw: Callable[..., Any]) -> None:
    """Hold that an error arrives as the modelled exception, with its code, status, message and members."""
    shape = draw(st.sampled_from(operation.error_shapes)) if operation.error_shapes else None
    if shape is None:
        error = ServiceError("é <&> why", code="NoShapeHasThisCode", status=409)
        members: dict[str, Any] = {}
    else:
        drawn = Drawing(draw, protocol, inward=False).operation_value(shape)
        told = {name for name, member in shape.members.items() if _wire_name(member) == "x-amzn-errortype"}
        members = {name: value for name, value in drawn.items() if name not in told and name.lower() not in OWN_WORDS}
        error = ServiceError("é <&> why", code=shape.name, status=409, **members)
    response = PROTOCOLS[protocol].write_error(operation.service_model, operation, error, "request-1")
    if operation.http.get("method") == "HEAD":
        assert response.body == b""
        return
    parsed = oracle.failed(protocol, operation, response)
    assert parsed["Error"]["Code"] == (_code_on_the_wire(operation, shape) if shape else error.code)
    assert parsed["Error"]["Message"] == error.message
    assert response.status == (shape.metadata.get("error", {}).get("httpStatusCode", 409) if shape else 409)
    arrived = {name: parsed.get(name) for name in members}
    assert same(members, arrived), f"\nwritten {members}\n parsed {parsed}\n{response}"


def _code_on_the_wire(operation: OperationModel, shape: Any) -> str:
    """Return the code that clients match on: a few services kept one that their models do not tell."""
    return query_code(operation.service_model.service_name, shape.name) or shape.error_code


def check(oracle: Any, operation: OperationModel, draw: Callable[..., Any]) -> None:
    """Hold one operation against botocore, in every protocol that its service speaks."""
    key = (operation.service_model.service_name, operation.name)
    try:
        for protocol in protocols_of(operation.service_model):
            if key not in NOT_SENT and not operation.has_event_stream_input:  # botocore cannot send events
                check_request(oracle, protocol, operation, draw)
            if key not in NOT_READ:
                check_answer(oracle, protocol, operation, draw)
            check_error(oracle, protocol, operation, draw)
    except BaseException as error:
        error.add_note(" ".join(key))
        raise


def _examples(count: int) -> settings:
    checks = list(HealthCheck)
    return settings(
        max_examples=count,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=checks,
    )


@_examples(EXAMPLES)
@given(data=st.data())
def hold(oracle: Any, operation: OperationModel, data: st.DataObject) -> None:
    check(oracle, operation, data.draw)


@_examples(EXAMPLES_SLOW)
@given(data=st.data())
def hold_briefly(oracle: Any, operation: OperationModel, data: st.DataObject) -> None:
    check(oracle, operation, data.draw)


def _stable(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def _others() -> list[str]:
    return sorted(set(Models().names()) - set(WHOLE_SERVICES), key=_stable)[:OTHER_SERVICES]


@pytest.mark.parametrize("service", WHOLE_SERVICES)
def test_every_operation_of_our_services_round_trips_through_botocore(oracle: Any, service: str) -> None:
    model = oracle.models.load(service)
    for name in model.operation_names:
        hold(oracle, model.operation_model(name))


@pytest.mark.parametrize("service", LEFT_QUERY)
def test_services_that_left_query_still_round_trip_through_botocore_in_it(oracle: Any, service: str) -> None:
    model = oracle.models.load_query(service)
    for name in model.operation_names:
        hold_briefly(oracle, model.operation_model(name))


@pytest.mark.parametrize("service", _others())
def test_a_sample_of_other_services_round_trips_through_botocore(oracle: Any, service: str) -> None:
    model = oracle.models.load(service)
    for name in sorted(model.operation_names, key=_stable)[:OTHER_OPERATIONS]:
        hold(oracle, model.operation_model(name))


@pytest.mark.slow
@pytest.mark.timeout(600)  # ec2 alone has 830 operations
@pytest.mark.parametrize("service", Models().names())
def test_every_operation_of_every_service_round_trips_through_botocore(oracle: Any, service: str) -> None:
    model = Models().load(service)  # not kept: all of them together would fill the memory
    for name in model.operation_names:
        hold_briefly(oracle, model.operation_model(name))
