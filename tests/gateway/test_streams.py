"""Clients of InvokeEndpointWithResponseStream get what a model writes, when it writes it."""

from __future__ import annotations

import json
import signal
import time
from contextlib import ExitStack, closing

import pytest
from botocore.exceptions import ClientError, EventStreamError

from clary.store import counters

PATH = "/endpoints/churn/invocations-response-stream"
FAILING = """
from functools import partial
from clary.gateway import streams
def failing(do, *told):
    if b"two" in told or "text/fails" in told:
        raise RuntimeError("a mistake of our own")
    return do(*told)
streams.frame = partial(failing, streams.frame)
streams.answers.result_fields = partial(failing, streams.answers.result_fields)
"""
PARTS = 400
PART = 65_536


@pytest.fixture
def client(running):
    with closing(running.client()) as client:
        yield client


@pytest.fixture
def invoke(client):
    """Give what asks for streams, and closes them in the end."""
    with ExitStack() as opened:

        def ask(body, **params):
            answer = client.invoke_endpoint_with_response_stream(EndpointName="churn", Body=body, **params)
            opened.callback(answer["Body"].close)
            return answer

        yield ask


def told(answer):
    return b"".join(event["PayloadPart"]["Bytes"] for event in answer["Body"])


def counted(gateway):
    """Return what the worker has counted so far of the one variant."""
    (path,) = counters.files(gateway.settings.run / "counters")
    (counter,) = counters.read(path)
    return counter


@pytest.fixture
def model(running):
    model = running.models["a"]
    model.gate.clear()
    model.left.clear()
    yield model
    model.gate.set()


def test_the_first_part_comes_before_the_model_has_written_the_second(invoke, model):
    answer = invoke(b"drip one two three")
    assert answer["ContentType"] == "text/drops"
    assert answer["InvokedProductionVariant"] == "AllTraffic"
    events = iter(answer["Body"])
    assert next(events) == {"PayloadPart": {"Bytes": b"one"}}
    assert not model.gate.is_set()
    model.gate.set()
    assert b"".join(event["PayloadPart"]["Bytes"] for event in events) == b"twothree"


def test_a_model_that_answers_in_one_piece_gives_one_part(invoke):
    answer = invoke(b"whole", ContentType="text/csv", CustomAttributes="trace=7")
    assert (answer["ContentType"], answer["CustomAttributes"]) == ("text/csv", "trace=7")
    assert list(answer["Body"]) == [{"PayloadPart": {"Bytes": b"whole"}}]


def test_an_empty_answer_is_a_stream_without_parts(invoke):
    assert list(invoke(b"large 0")["Body"]) == []


def test_the_model_hears_what_the_client_wants_to_accept(invoke):
    received = json.loads(told(invoke(b"headers", Accept="application/jsonlines")))
    assert received["accept"] == "application/jsonlines"


def test_a_model_that_refuses_is_an_error_as_ever(invoke):
    with pytest.raises(ClientError) as raised:
        invoke(b"status 418 no")
    assert raised.value.response["Error"]["Code"] == "ModelError"
    assert raised.value.response["OriginalStatusCode"] == 418


def test_an_endpoint_that_is_not_there_is_an_error_as_ever(client):
    with pytest.raises(ClientError, match="Endpoint nobody of account"):
        client.invoke_endpoint_with_response_stream(EndpointName="nobody", Body=b"1")


def test_the_error_of_a_model_has_a_code(running, model):
    with running.connect() as connection:
        connection.sendall(running.signed(b"torn begun", path=PATH))
        received = b""
        while not received.endswith(b"0\r\n\r\n"):
            received += connection.recv(65536)
    assert b'"ErrorCode": "StreamBroken"' in received


def test_a_model_that_breaks_off_is_an_error_in_the_stream(running, invoke, model):
    before = counted(running)
    events = iter(invoke(b"torn begun")["Body"])
    assert next(events) == {"PayloadPart": {"Bytes": b"begun"}}
    with pytest.raises(EventStreamError, match="reset or closed") as raised:
        next(events)
    assert raised.value.response["Error"]["Code"] == "ModelStreamError"
    after = counted(running)
    assert (after.streams - before.streams, after.mid_stream_errors - before.mid_stream_errors) == (1, 1)


@pytest.mark.parametrize("gateway", [{}], indirect=True)
def test_a_worker_that_must_end_says_so_in_its_streams(gateway):
    model = gateway.model("a")
    worker = gateway.start(program=gateway.patched("from clary.gateway import worker", "worker.DRAIN_S = 0.1"))
    gateway.route("churn", "a")
    client = gateway.client()
    answer = client.invoke_endpoint_with_response_stream(EndpointName="churn", Body=b"drip one two")
    with closing(client), closing(answer["Body"]) as body:
        events = iter(body)
        assert next(events) == {"PayloadPart": {"Bytes": b"one"}}
        worker.send_signal(signal.SIGTERM)
        with pytest.raises(EventStreamError, match="Try your request again") as raised:
            next(events)
    assert raised.value.response["Error"]["Code"] == "InternalStreamFailure"
    assert worker.wait(60) == 0
    model.gate.set()
    assert counted(gateway).mid_stream_errors == 1


@pytest.fixture
def failing(gateway):
    """Give a gateway that makes a mistake at the part `two` of a stream, and at answers of the type `text/fails`."""
    gateway.model("a")
    gateway.start(program=gateway.patched(FAILING))
    gateway.route("churn", "a")
    return gateway


def test_a_failure_of_our_own_is_told_in_the_stream(failing):
    with closing(failing.client()) as client:
        answer = client.invoke_endpoint_with_response_stream(EndpointName="churn", Body=b"drip one two")
        with closing(answer["Body"]) as body:
            events = iter(body)
            assert next(events) == {"PayloadPart": {"Bytes": b"one"}}
            failing.models["a"].gate.set()
            with pytest.raises(EventStreamError, match="Try your request again") as raised:
                next(events)
        assert raised.value.response["Error"]["Code"] == "InternalStreamFailure"
        assert counted(failing).mid_stream_errors == 1
        assert "a mistake of our own" in failing.log()
        assert client.invoke_endpoint(EndpointName="churn", Body=b"next")["Body"].read() == b"next"


def test_a_failure_of_our_own_before_the_stream_begins_is_an_error_as_ever(failing):
    with closing(failing.client()) as client:
        with pytest.raises(ClientError) as raised:
            client.invoke_endpoint_with_response_stream(EndpointName="churn", Body=b"one", ContentType="text/fails")
        assert raised.value.response["Error"]["Code"] == "InternalFailure"
        assert (counted(failing).streams, counted(failing).invocations) == (0, 1)
        assert client.invoke_endpoint(EndpointName="churn", Body=b"next")["Body"].read() == b"next"


def test_the_first_chunk_of_a_stream_is_timed(running, invoke):
    before = counted(running)
    assert told(invoke(b"whole")) == b"whole"
    after = counted(running)
    for name in ("first_chunk_latency", "first_chunk_model_latency", "first_chunk_overhead_latency"):
        assert getattr(after, name).count == getattr(before, name).count + 1
    assert after.first_chunk_latency.total_us == (
        after.first_chunk_model_latency.total_us + after.first_chunk_overhead_latency.total_us
    )
    assert (after.streams, after.mid_stream_errors) == (before.streams + 1, before.mid_stream_errors)


@pytest.mark.parametrize("fields", [{}, {"Connection": "keep-alive"}])
def test_a_client_of_http_1_0_gets_no_chunks_but_the_end_of_the_connection(running, fields):
    request = running.signed(b"whole", path=PATH, **fields).replace(b" HTTP/1.1\r\n", b" HTTP/1.0\r\n")
    with running.connect() as connection:
        connection.sendall(request)
        received = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, body = received.partition(b"\r\n\r\n")
    assert b"Transfer-Encoding" not in head
    assert b"Connection: close" in head
    assert int.from_bytes(body[:4], "big") == len(body), "one message of the event stream"
    assert b"whole" in body


def test_one_connection_carries_stream_after_stream(client, invoke):
    for number in range(5):
        body = b"chunks " + b"%d " % number * 3
        assert told(invoke(body)) == b"%d" % number * 3
        assert client.invoke_endpoint(EndpointName="churn", Body=b"plain")["Body"].read() == b"plain"


def test_more_than_any_other_answer_may_have_passes(invoke):
    answer = told(invoke(b"flood %d" % PARTS))
    assert len(answer) == PARTS * PART
    assert answer[:: PART // 8][:1] == b"0"
    assert answer.endswith(b"%08d" % (PARTS - 1))


def test_a_client_that_does_not_read_holds_the_model_up(running, client, model):
    with running.connect() as connection:
        connection.sendall(running.signed(b"flood 4000", path=PATH))
        connection.recv(1)
        running.eventually(lambda: model.flooded > 0)
        written = -1
        while written != model.flooded:
            written = model.flooded
            time.sleep(0.5)  # it stands still: nothing else can be waited for
        assert written < 400, "what is between them holds no more than some megabytes"
        assert client.invoke_endpoint(EndpointName="churn", Body=b"others")["Body"].read() == b"others"
    assert model.left.wait(60), "the client has gone: the model is told"


def test_a_stream_passes_over_tls(running):
    with running.secured() as connection:
        request = running.signed(b"flood 40", path=PATH)
        connection.sendall(request)
        received = b""
        while not received.endswith(b"0\r\n\r\n"):
            received += connection.recv(65536)
        assert received.count(b"PayloadPart") >= 40
