"""What a model server sends piece by piece: so many at once, beside its predictions."""

from __future__ import annotations

import http.client
import socket
from contextlib import ExitStack

from clary_runtime.serving.streams import STREAMS_MAX

PROGRAM = """
import threading
GATE = threading.Event()
def model_fn(model_dir):
    return None
def input_fn(body, content_type):
    return body.decode()
def predict_fn(data, model):
    if data == "open":
        GATE.set()
    return words(data)
def output_fn(prediction, accept):
    return prediction
def words(data):
    try:
        yield "first "
        if data in ("wait", "clumsy"):
            GATE.wait(60)
        for _ in range(1000 if data == "clumsy" else 1):
            yield "second"
    finally:
        if data == "clumsy":
            raise ValueError("not even an end")
"""


def asked(connection: socket.socket, body: str) -> http.client.HTTPResponse:
    client = http.client.HTTPConnection("localhost")
    client.sock = connection
    client.request("POST", "/invocations", body, {"Content-Type": "text/plain"})
    return client.getresponse()


def hosted(container, serving):
    (container.model / "code").mkdir(parents=True)
    (container.model / "code" / "inference.py").write_text(PROGRAM)
    return serving(container, "--framework", "sklearn")


def test_one_stream_more_than_may_be_is_refused_and_hinders_nobody(container, serving):
    endpoint = hosted(container, serving)
    with ExitStack() as held:
        waiting = [held.enter_context(asked(endpoint.connect(), "wait")) for _ in range(STREAMS_MAX)]
        assert {answer.read(6) for answer in waiting} == {b"first "}
        connection = endpoint.connect()
        refused = asked(connection, "more")
        assert (refused.status, refused.read()) == (503, b"Too many streams are under way")
        assert asked(connection, "open").status == 503, "the connection goes on"
        assert {answer.read() for answer in waiting} == {b"second"}
    with asked(endpoint.connect(), "more") as answer:
        assert answer.read() == b"first second"


def test_what_fails_when_its_client_has_gone_hinders_nobody(container, serving):
    endpoint = hosted(container, serving)
    with endpoint.connect() as connection, asked(connection, "clumsy") as answer:
        assert answer.read(6) == b"first "
    with asked(endpoint.connect(), "open") as answer:
        assert answer.read() == b"first second"
    assert any("Exception at the end of a stream" in line for line in endpoint.process.stdout)
