"""Clients may speak TLS on the port that answers plain HTTP, and meet the same gateway."""

from __future__ import annotations

import signal
import socket
import ssl
from contextlib import suppress

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError


def read_until(connection, end):
    received = b""
    while not received.endswith(end):
        data = connection.recv(65536)
        assert data, received
        received += data
    return received


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1"])
def test_an_invocation_over_tls_is_answered(running, name):
    with running.secured(name=name) as connection:
        for number in range(3):
            connection.sendall(running.signed(b"prediction %d" % number))
            assert read_until(connection, b"\r\n\r\nprediction %d" % number).startswith(b"HTTP/1.1 200 OK")


def test_boto3_invokes_over_tls_with_the_bundle_that_clary_made(running):
    client = boto3.client(
        "sagemaker-runtime", region_name="us-east-1", endpoint_url=running.url.replace("http:", "https:"),
        verify=str(running.settings.ca_bundle), config=Config(retries={"total_max_attempts": 1}),
        aws_access_key_id=running.credentials.access_key, aws_secret_access_key=running.credentials.secret_key,
    )  # fmt: skip
    body = b"x" * 900_000
    assert client.invoke_endpoint(EndpointName="churn", Body=body)["Body"].read() == body
    with pytest.raises(ClientError, match="not found"):
        client.invoke_endpoint(EndpointName="nobody", Body=b"1")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_versions_from_1_2_on_are_spoken(running, version):
    with running.secured(versions=(version,)) as connection:
        connection.sendall(running.signed(b"hello"))
        read_until(connection, b"hello")


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated")
def test_older_versions_are_refused(running):
    with pytest.raises(ssl.SSLError), running.secured(versions=(ssl.TLSVersion.TLSv1_1,)):
        pass


def test_a_handshake_that_comes_byte_by_byte_is_taken(running):
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.create_default_context(cafile=str(running.settings.ca_bundle))
    session = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        session.do_handshake()
    with running.connect() as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in outgoing.read():
            connection.sendall(bytes([byte]))
        incoming.write(connection.recv(65536))
        session.do_handshake()
        assert session.version() == "TLSv1.3"


def test_a_request_that_comes_together_with_the_end_of_the_session_is_answered(running):
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.create_default_context(cafile=str(running.settings.ca_bundle))
    session = context.wrap_bio(incoming, outgoing, server_hostname="localhost")

    def until_done(act, connection):
        while True:
            try:
                return act()
            except ssl.SSLWantReadError:
                connection.sendall(outgoing.read())
                incoming.write(connection.recv(65536))

    with running.connect() as connection:
        until_done(session.do_handshake, connection)
        session.write(running.signed(b"x" * 100_000))
        with suppress(ssl.SSLWantReadError):
            session.unwrap()
        received = b""
        while not received.endswith(b"x" * 100_000):
            received += until_done(session.read, connection)
    assert received.startswith(b"HTTP/1.1 200 OK")


def test_what_only_looks_like_tls_is_told_so_and_closed(running):
    with running.connect() as connection:
        connection.sendall(b"\x16\x03\x01\x00\x05hello")
        received = b"".join(iter(lambda: connection.recv(65536), b""))
    assert received[:1] in (b"", b"\x15"), "an alert, or nothing"


def test_requests_that_come_together_are_answered_in_order(running, api):
    with running.secured() as connection:
        connection.sendall(running.signed(b"first") + b"GET /second HTTP/1.1\r\nHost: x\r\n\r\n")
        received = read_until(connection, b"/second 0")
        assert b"\r\n\r\nfirst" in received


def test_another_request_goes_to_the_api_which_knows_that_it_came_over_tls(running, api):
    body = b"0123456789abcdef" * 200_000
    with running.secured() as connection:
        connection.sendall(b"PUT /large HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        read_until(connection, b"/large %d" % len(body))
    with running.connect() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        read_until(connection, b"/ 0")
    assert api.secure == [True, False]


def test_one_session_may_mix_invocations_and_other_calls(running, api):
    with running.secured() as connection:
        for number in range(5):
            connection.sendall(running.signed(b"prediction %d" % number))
            read_until(connection, b"\r\n\r\nprediction %d" % number)
            connection.sendall(b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n" % number)
            read_until(connection, b"/%d 0" % number)
    assert set(api.secure) == {True}


def test_a_session_that_the_client_ends_is_ended_at_the_api_too(running, api):
    with running.secured() as connection:
        connection.sendall(b"GET /only HTTP/1.1\r\nHost: x\r\n\r\n")
        read_until(connection, b"/only 0")
    running.eventually(lambda: api.open == 0)


def test_a_refusal_arrives_whole_although_the_client_still_sends(running):
    with running.secured() as connection:
        head = b"POST /endpoints/churn/invocations HTTP/1.1\r\nHost: x\r\nContent-Length: 99000000\r\n\r\n"
        connection.sendall(head)
        connection.sendall(b"x" * 500_000)
        received = b"".join(iter(lambda: connection.recv(65536), b""))
    assert received.startswith(b"HTTP/1.1 413 ")
    assert received.endswith(b'HTTP content length exceeded 1000000 bytes."}')


def test_a_slow_reader_gets_a_large_answer_whole(running):
    with running.secured() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        connection.sendall(running.signed(b"large 900000") + running.signed(b"after"))
        received = read_until(connection, b"\r\n\r\nafter")
        assert received.count(b"x" * 900_000) == 1


@pytest.mark.parametrize("gateway", [{"tls": True}], indirect=True)
def test_a_worker_that_is_told_to_end_finishes_what_is_under_way(gateway):
    model = gateway.model("a")
    worker = gateway.start()
    gateway.route("churn", "a")
    with gateway.answering_api(), gateway.secured() as busy, gateway.secured() as idle, gateway.secured() as given:
        given.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        read_until(given, b"/ 0")
        busy.sendall(gateway.signed(b"wait 30"))
        model.wait_for(1)
        worker.send_signal(signal.SIGTERM)
        assert idle.recv(1) == b""
        assert given.recv(1) == b""
        assert worker.poll() is None
        model.gate.set()
        assert b"Connection: close" in read_until(busy, b"waited")
    assert worker.wait(60) == 0
