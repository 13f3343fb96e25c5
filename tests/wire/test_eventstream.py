from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.eventstream import EventStreamBuffer
from botocore.exceptions import EventStreamError

from clary.core.errors import ServiceError
from clary.wire import eventstream
from clary.wire.models import Models
from clary.wire.protocol import PROTOCOLS


def test_a_frame_has_lengths_checksums_typed_headers_and_a_payload() -> None:
    headers = {"a": eventstream.text("é"), "flag": (0, b""), "n": (4, b"\xff\xff\xff\xfe")}
    buffer = EventStreamBuffer()
    buffer.add_data(eventstream.frame(headers, b"payload"))
    [message] = list(buffer)
    assert message.headers == {"a": "é", "flag": True, "n": -2}
    assert message.payload == b"payload"


def test_events_are_written_as_they_come(models: Models) -> None:
    operation = models.load("sagemaker-runtime").operation_model("InvokeEndpointWithResponseStream")
    given: list[str] = []

    def events() -> Iterator[dict[str, Any]]:
        for name in ("one", "two"):
            given.append(name)
            yield {"PayloadPart": {"Bytes": name.encode()}}

    answer = PROTOCOLS["rest-json"].write(operation, {"Body": events(), "ContentType": "text/csv"}, "id-1")
    assert dict(answer.headers)["X-Amzn-SageMaker-Content-Type"] == "text/csv"
    assert dict(answer.headers)["content-type"] == "application/vnd.amazon.eventstream"
    assert given == []
    frames = iter(answer.body)
    assert b"one" in next(frames)
    assert given == ["one"]


def test_a_modelled_error_in_a_stream_arrives_as_an_exception(models: Models, oracle: Any) -> None:
    operation = models.load("sagemaker-runtime").operation_model("InvokeEndpointWithResponseStream")

    def events() -> Iterator[dict[str, Any]]:
        yield {"PayloadPart": {"Bytes": b"one"}}
        raise ServiceError("the model broke", code="ModelStreamError", ErrorCode="StreamBroken")

    answer = PROTOCOLS["rest-json"].write(operation, {"Body": events()}, "id-1")
    with pytest.raises(EventStreamError, match=r"\(ModelStreamError\).*the model broke"):
        oracle.parsed("rest-json", operation, answer)


def test_an_error_that_the_stream_does_not_know_arrives_too(models: Models, oracle: Any) -> None:
    operation = models.load("logs").operation_model("StartLiveTail")

    def events() -> Iterator[dict[str, Any]]:
        raise ServiceError("gone", code="Unheard")
        yield {}

    answer = PROTOCOLS["json"].write(operation, {"responseStream": events()}, "id-1")
    with pytest.raises(EventStreamError, match=r"\(Unheard\).*gone"):
        oracle.parsed("json", operation, answer)


def test_a_json_stream_begins_with_the_other_members(models: Models, oracle: Any) -> None:
    operation = models.load("kinesis").operation_model("SubscribeToShard")
    events = [{"SubscribeToShardEvent": {"Records": [], "ContinuationSequenceNumber": "1"}}]
    answer = PROTOCOLS["json"].write(operation, {"EventStream": events}, "id-1")
    assert oracle.parsed("json", operation, answer) == {"EventStream": events}
