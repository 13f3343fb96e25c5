"""Clients may speak HTTP/2, over TLS or by its preface, and meet the same gateway."""

from __future__ import annotations

import json
import signal
import ssl
from contextlib import contextmanager, suppress

import h2.connection
import h2.events
import httpx
import pytest
from h2.connection import ConnectionState
from h2.errors import ErrorCodes
from h2.settings import SettingCodes

from clary.gateway import http2

WINDOW = 65_535


class Client:
    """One connection, on which whatever the protocol allows can be sent, and what it does not."""

    def __init__(self, connection):
        self.connection = connection
        self.state = h2.connection.H2Connection()
        self.state.initiate_connection()
        self.answers = {}  # by stream: head, body, whether it is whole, the error it was reset with
        self.goaway = None
        self.ended = False
        self.flush()

    def flush(self):
        self.connection.sendall(self.state.data_to_send())

    def ask(self, method="GET", path="/", body=None, fields=(), *, end=True):
        """Send a request, as much of its body as there is room for, and return its number."""
        number = self.state.get_next_available_stream_id()
        head = [(":method", method), (":scheme", "http"), (":path", path), (":authority", "x"), *fields]
        self.state.send_headers(number, head, end_stream=body is None and end)
        self.answers[number] = [None, b"", False, None]
        if body is not None:
            self.send(number, body, end=end)
        self.flush()
        return number

    def send(self, number, body, *, end=True):
        while body:
            while not (room := min(self.state.local_flow_control_window(number), self.state.max_outbound_frame_size)):
                self.read()
            self.state.send_data(number, body[:room], end_stream=end and len(body) <= room)
            body = body[room:]
            self.flush()

    def invoke(self, gateway, body=b"1,2", *, end=True, head=b""):
        head = head or gateway.signed(body).partition(b"\r\n\r\n")[0]
        _, *lines = head.decode().split("\r\n")
        fields = [
            tuple(line.lower().split(": ", 1)) if line.startswith("Host") else line.split(": ", 1) for line in lines
        ]
        host = next(value for name, value in fields if name == "host")
        rest = [(name.lower(), value) for name, value in fields if name != "host"]
        number = self.state.get_next_available_stream_id()
        path = [(":method", "POST"), (":scheme", "http"), (":path", "/endpoints/churn/invocations")]
        self.state.send_headers(number, [*path, (":authority", host), *rest])
        self.answers[number] = [None, b"", False, None]
        self.send(number, body, end=end)
        return number

    def read(self):
        """Take what comes next; acknowledge every byte."""
        data = self.connection.recv(65536)
        if not data:
            self.ended = True
            return
        for event in self.state.receive_data(data):
            self._act(event)
        self.flush()

    def _act(self, event):
        answer = self.answers.get(getattr(event, "stream_id", None))
        match event:
            case h2.events.ResponseReceived():
                answer[0] = {name.decode(): value.decode() for name, value in event.headers}
            case h2.events.DataReceived():
                answer[1] += event.data
                self.state.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            case h2.events.StreamEnded():
                answer[2] = True
            case h2.events.StreamReset():
                answer[3] = event.error_code
            case h2.events.ConnectionTerminated():
                self.goaway = event
                self.state.state_machine.state = ConnectionState.CLIENT_OPEN  # the library would hear nothing more

    def answer(self, number):
        """Return status and body of an answer that is whole, or the error it was reset with."""
        answer = self.answers[number]
        while not (answer[2] or answer[3] is not None):
            assert not self.ended, "the connection ended before the answer"
            self.read()
        return (int(answer[0][":status"]), answer[1]) if answer[2] else answer[3]

    def until_the_end(self):
        while not self.ended:
            self.read()
        return self.goaway


@contextmanager
def plainly(gateway):
    with gateway.connect() as connection:
        yield Client(connection)


@contextmanager
def securely(gateway):
    with gateway.secured("h2") as connection:
        assert connection.selected_alpn_protocol() == "h2"
        yield Client(connection)


@pytest.fixture(params=[plainly, securely])
def client(request, running):
    with request.param(running) as client:
        yield client


def test_invocations_are_answered_with_the_headers_of_http_1(running, client):
    for number in range(3):
        assert client.answer(client.invoke(running, b"prediction %d" % number)) == (200, b"prediction %d" % number)
    head = client.answers[1][0]
    assert head["x-amzn-invoked-production-variant"] == "AllTraffic"
    assert "connection" not in head


def test_many_invocations_at_once_are_each_answered(running, client):
    numbers = {client.invoke(running, b"row %d" % row): b"row %d" % row for row in range(60)}
    assert {number: client.answer(number) for number in numbers} == {n: (200, body) for n, body in numbers.items()}


def test_large_bodies_pass_both_ways(running, client):
    body = bytes(range(256)) * 3_800
    assert client.answer(client.invoke(running, body)) == (200, body)


def test_other_requests_go_to_the_api_which_keeps_its_connections(running, api, client):
    for number in range(4):
        assert client.answer(client.ask(path=f"/{number}")) == (200, b"/%d 0" % number)
    body = b"x" * (http2.CONNECTION_WINDOW_BYTES + 1_000_000)
    fields = [("content-length", str(len(body)))]
    assert client.answer(client.ask("PUT", "/large", body, fields)) == (200, b"/large %d" % len(body))
    assert client.answer(client.invoke(running, b"between")) == (200, b"between")
    assert len(api.taken) <= 2, "the lines to the api serve one request after another"
    assert len(set(api.secure)) == 1


def test_the_api_is_told_whether_it_was_tls(running, api):
    for way in (plainly, securely):
        with way(running) as client:
            client.answer(client.ask())
    assert api.secure == [False, True]


def test_a_refusal_before_the_body_is_whole_ends_the_stream_and_nothing_else(running, client):
    fields = [("content-length", "99000000")]
    number = client.ask("POST", "/endpoints/churn/invocations", b"x" * 1000, fields, end=False)
    status, body = client.answer(number)
    assert (status, json.loads(body)["message"]) == (413, "HTTP content length exceeded 1000000 bytes.")
    assert client.answer(client.invoke(running, b"next")) == (200, b"next")


def test_a_refusal_at_once_ends_the_stream(running, client):
    client.answer(client.invoke(running, b"caller is known now"))
    refused = running.signed(b"1,2", X_Amzn_SageMaker_Target_Variant="nobody").partition(b"\r\n\r\n")[0]
    assert client.answer(client.invoke(running, b"1,2", head=refused))[0] == 400
    assert client.answer(client.invoke(running, b"next")) == (200, b"next")
    assert "StreamClosedError" not in running.log()


def test_what_would_smuggle_a_line_is_refused(client):
    client.state.config.validate_outbound_headers = False
    assert client.answer(client.ask(path="/a b"))[0] == 400


def test_a_request_that_is_taken_back_leaves_the_connection_usable(running, client):
    model = running.models["a"]
    before = len(model.requests)
    number = client.invoke(running, b"wait 0.2")
    model.wait_for(before + 1)
    client.state.reset_stream(number, ErrorCodes.CANCEL)
    client.flush()
    assert client.answer(client.invoke(running, b"next")) == (200, b"next")


def test_a_client_that_takes_back_too_many_requests_is_sent_away(running, client):
    with suppress(OSError):  # it does not listen any more
        for _ in range(http2.RESETS_MAX * 3):
            number = client.ask("POST", "/endpoints/churn/invocations", end=False)
            client.state.reset_stream(number, ErrorCodes.CANCEL)
            client.flush()
    with suppress(OSError):
        client.until_the_end()
    assert client.goaway is None or client.goaway.error_code == ErrorCodes.ENHANCE_YOUR_CALM
    with plainly(running) as other:
        assert other.answer(other.invoke(running, b"others go on")) == (200, b"others go on")


def test_more_streams_than_may_be_are_refused(running, client):
    client.read()
    assert client.state.remote_settings[SettingCodes.MAX_CONCURRENT_STREAMS] == http2.STREAMS_MAX
    client.state.remote_settings[SettingCodes.MAX_CONCURRENT_STREAMS] = 10_000
    client.state.remote_settings.acknowledge()
    for _ in range(http2.STREAMS_MAX + 1):
        client.ask("POST", "/endpoints/churn/invocations", end=False)
    assert client.until_the_end().error_code in (ErrorCodes.PROTOCOL_ERROR, ErrorCodes.REFUSED_STREAM)


@pytest.mark.parametrize(
    "sent",
    [b"\0\0\0\0\0\0\0\0\0", b"\xff\xff\xff\0\0\0\0\0\1" + b"x" * (http2.UNCLEAR_BYTES_MAX + 1)],
    ids=["data of no stream", "a frame beyond every bound"],
)
def test_what_is_not_http_2_ends_the_connection_with_the_reason(running, sent):
    with running.connect() as connection:
        received = b""
        with suppress(ConnectionError):  # it may be closed before everything is sent
            connection.sendall(http2.PREFACE + sent)
        with suppress(ConnectionError):
            while data := connection.recv(65536):
                received += data
    assert b"\x00\x00\x08\x07" in received, "a GOAWAY"


def test_a_client_that_takes_nothing_holds_up_its_own_answer_only(running, client):
    slow = client.invoke(running, b"large 900000")
    while client.answers[slow][0] is None:
        client.read()
    assert client.answer(client.invoke(running, b"quick")) == (200, b"quick")
    assert client.answer(slow) == (200, b"x" * 900_000)


@pytest.mark.parametrize("gateway", [{"tls": True}], indirect=True)
@pytest.mark.parametrize("way", [plainly, securely])
def test_a_worker_that_is_told_to_end_says_so_and_answers_what_it_was_asked(gateway, way):
    model = gateway.model("a")
    worker = gateway.start()
    gateway.route("churn", "a")
    with way(gateway) as client, way(gateway) as idle:
        idle.read()
        number = client.invoke(gateway, b"wait 30")
        model.wait_for(1)
        worker.send_signal(signal.SIGTERM)
        assert idle.until_the_end().error_code == ErrorCodes.NO_ERROR
        while client.goaway is None:
            client.read()
        assert client.goaway.last_stream_id == number
        model.gate.set()
        assert client.answer(number) == (200, b"waited")
    assert worker.wait(60) == 0


def test_httpx_speaks_it_over_tls(running, api):
    context = ssl.create_default_context(cafile=str(running.settings.ca_bundle))
    with httpx.Client(http1=False, http2=True, verify=context) as client:
        answer = client.get(f"https://localhost:{running.port}/bucket")
        assert (answer.http_version, answer.text) == ("HTTP/2", "/bucket 0")


@pytest.mark.parametrize("gateway", [{}], indirect=True)
def test_without_a_certificate_http_2_is_spoken_plainly_and_tls_is_for_the_api_to_refuse(gateway):
    gateway.model("a")
    gateway.start()
    gateway.route("churn", "a")
    with plainly(gateway) as client:
        assert client.answer(client.invoke(gateway, b"hello")) == (200, b"hello")
