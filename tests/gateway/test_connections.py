"""Connections of clients that are slow, hasty, broken or hostile."""

from __future__ import annotations

import socket
import time

import pytest

from clary.gateway import connections, heads

HEAD = b"POST /endpoints/churn/invocations HTTP/1.1\r\nHost: x\r\n"


def answer(connection):
    """Return one answer, head and body, of a connection that goes on."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += received_some(connection)
    head, _, body = received.partition(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    while len(body) < length:
        body += received_some(connection)
    assert len(body) == length, "one answer at a time"
    return head, body


def received_some(connection):
    data = connection.recv(65536)
    assert data, "the gateway closed the connection"
    return data


def test_one_connection_serves_many_requests(running):
    with running.connect() as connection:
        for number in range(20):
            connection.sendall(running.signed(b"%d" % number))
            assert answer(connection)[1] == b"%d" % number


def test_pipelined_requests_are_answered_in_order(running):
    requests = [running.signed(b"%d" % number) for number in range(30)]
    received = running.exchange(b"".join(requests))
    assert [part.rpartition(b"\r\n\r\n")[2] for part in received.split(b"HTTP/1.1 200 OK")][1:] == [
        b"%d" % number for number in range(30)
    ]


def test_large_bodies_are_passed_on_whole_with_small_requests_around_them(running):
    large = b"9" * 300_000
    received = running.exchange(running.signed(b"1") + running.signed(large) + running.signed(b"2"))
    answers = [part.rpartition(b"\r\n\r\n")[2] for part in received.split(b"HTTP/1.1 200 OK")][1:]
    assert answers == [b"1", large, b"2"]
    with running.connect() as connection:
        request = running.signed(large)
        for at in range(0, len(request), 1000):
            connection.sendall(request[at : at + 1000])
        assert answer(connection)[1] == large


def test_a_client_that_sends_no_more_after_a_large_body_is_answered(running):
    for _ in range(10):
        assert running.exchange(running.signed(b"9" * 900_000)).endswith(b"\r\n\r\n" + b"9" * 900_000)


def test_a_large_body_that_does_not_come_whole_is_refused_in_time_or_forgotten(running):
    with running.connect() as connection:
        connection.sendall(running.signed(b"9" * 300_000)[:200_000])
    assert running.exchange(running.signed(b"1")).endswith(b"\r\n\r\n1")


def test_a_pipelined_request_waits_for_the_answer_before_it(running):
    received = running.exchange(running.signed(b"wait 0.2"), running.signed(b"second"))
    assert received.index(b"waited") < received.index(b"second")


def test_a_request_may_arrive_byte_by_byte(running):
    with running.connect() as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in b"\r\n" + running.signed(b"drop by drop"):
            connection.send(bytes([byte]))
        assert answer(connection)[1] == b"drop by drop"


def test_a_client_that_asks_first_is_told_to_go_on(running):
    with running.connect() as connection:
        head, _, body = running.signed(b"the body", Expect="100-continue").partition(b"\r\n\r\n")
        connection.sendall(head + b"\r\n\r\n")
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(body)
        assert answer(connection)[1] == b"the body"


def test_a_client_that_asks_first_is_refused_before_it_sends_too_much(running):
    with running.connect() as connection:
        connection.sendall(HEAD + b"Expect: 100-continue\r\nContent-Length: 2000000\r\n\r\n")
        assert answer(connection)[0].startswith(b"HTTP/1.1 413 ")


def chunked(request, pieces):
    head, _, _ = request.partition(b"\r\n\r\n")
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"content-length")]
    body = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    return b"\r\n".join([*lines, b"Transfer-Encoding: chunked\r\n\r\n"]) + body + b"0\r\n\r\n"


def test_a_chunked_body_reaches_the_model_whole_and_the_next_request_follows(running):
    received = running.exchange(
        chunked(running.signed(b"in pieces"), [b"in ", b"pie", b"ces"]) + running.signed(b"and another")
    )
    assert b"\r\n\r\nin pieces" in received
    assert received.endswith(b"\r\n\r\nand another")


def test_a_chunked_body_beyond_the_limit_is_refused(running):
    received = running.exchange(chunked(running.signed(b""), [b"x" * 600_000] * 2))
    assert received.startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", b"400"),
        (HEAD + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", b"400"),
        (HEAD + b"broken header\r\n\r\n", b"400"),
        (HEAD + b"X: " + b"y" * heads.HEAD_BYTES_MAX + b"\r\n\r\n", b"431"),
        (HEAD + b"a: b\r\n" * 101 + b"\r\n", b"431"),
        (b"POST /endpoints/" + b"e" * 100_000, b"431"),
        (b"POST /endpoints/ \x01\r\n\r\n", b"400"),
    ],
)
def test_malformed_requests_are_answered_and_the_connection_ends(running, raw, status):
    before = len(running.models["a"].requests)
    received = running.exchange(raw + running.signed(b"smuggled"))
    assert received.startswith(b"HTTP/1.1 " + status)
    assert b"\r\nConnection: close" in received
    assert received.count(b"HTTP/1.1") == 1
    assert len(running.models["a"].requests) == before


def test_a_client_that_sends_a_large_body_still_reads_why_it_was_refused(running):
    with running.connect() as connection:
        connection.sendall(HEAD + b"Content-Length: 30000000\r\n\r\n")
        for _ in range(30):
            connection.sendall(b"x" * 1_000_000)
        assert answer(connection)[0].startswith(b"HTTP/1.1 413 ")


def test_a_client_that_asks_to_close_is_closed_after_the_answer(running):
    with running.connect() as connection:
        connection.sendall(running.signed(b"last", Connection="close"))
        head, body = answer(connection)
        assert body == b"last"
        assert b"\r\nConnection: close" in head
        assert connection.recv(1) == b""


def test_a_client_that_goes_away_harms_nobody(running):
    model = running.models["a"]
    before = len(model.requests)
    for _ in range(10):
        with running.connect() as connection:
            connection.sendall(running.signed(b"wait 0.05"))
            model.wait_for(before + 1)
            before = len(model.requests)
    assert running.client().invoke_endpoint(EndpointName="churn", Body=b"fine")["Body"].read() == b"fine"


def test_a_client_that_reads_slowly_gets_all_of_a_large_answer(running):
    with running.connect() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        connection.sendall(running.signed(b"large 1000000") + running.signed(b"next"))
        received = b""
        while not received.endswith(b"next"):
            received += received_some(connection)
        assert received.count(b"x" * 1_000_000) == 1


def hurrying(gateway, statement):
    """Start a worker whose clients have less time, as the statement says."""
    gateway.start(program=gateway.patched("from clary.gateway import connections", statement))


def test_slow_clients_are_refused_when_their_time_is_over(gateway):
    hurrying(gateway, "connections.HEAD_S = connections.BODY_S = 0.3")
    began = time.monotonic()
    with gateway.connect() as slow_head, gateway.connect() as slow_body, gateway.connect() as slow_large_body:
        slow_head.sendall(HEAD)
        slow_body.sendall(HEAD + b"Content-Length: 10\r\n\r\n12345")
        slow_large_body.sendall(HEAD + b"Content-Length: 500000\r\n\r\n" + b"1" * 400_000)
        for each in (slow_head, slow_body, slow_large_body):
            assert answer(each)[0].startswith(b"HTTP/1.1 408 ")
        slow_large_body.sendall(b"1" * 100_000)
        assert slow_large_body.recv(1) == b"", "what is left of a refused body is no request"
    assert time.monotonic() - began < connections.BODY_S


def test_idle_clients_are_closed_when_their_time_is_over(gateway):
    hurrying(gateway, "connections.IDLE_S = 0.3")
    with gateway.connect() as idle:
        idle.settimeout(connections.IDLE_S)
        assert idle.recv(1) == b""


@pytest.mark.parametrize("gateway", [{"variant_queue_timeout_s": 100.0}], indirect=True)
def test_more_requests_than_may_wait_are_refused_at_once(gateway):
    model = gateway.model("a")
    gateway.start()
    gateway.route("churn", "a")
    clients = [gateway.connect() for _ in range(64 + 256 + 20)]
    for client in clients:
        client.sendall(gateway.signed(b"wait 30"))
    model.wait_for(64)
    with gateway.connect() as late:
        late.sendall(gateway.signed(b"late"))
        head, body = answer(late)
    assert len(model.requests) == 64, "it was told before anybody else had an answer"
    assert head.startswith(b"HTTP/1.1 429 ")
    assert b"x-amzn-ErrorType: ThrottlingException" in head
    assert b"Rate exceeded: as many requests wait for variant AllTraffic as may." in body
    model.gate.set()
    answers = [answer(client)[0] for client in clients]
    for client in clients:
        client.close()
    assert sum(each.startswith(b"HTTP/1.1 200 ") for each in answers) == 64 + 256
    assert sum(each.startswith(b"HTTP/1.1 429 ") for each in answers) == 20
