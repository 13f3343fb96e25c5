"""The model server's manners: one real process, raw bytes on its socket."""

from __future__ import annotations

import http.client
import select
import signal
import socket

import pytest

PROGRAM = """
import os, threading, time
gate = threading.Event()
def model_fn(model_dir):
    while not os.path.exists(os.path.join(model_dir, "go")):
        time.sleep(0.01)
def transform_fn(model, body, content_type, accept):
    if body == b"wait":
        assert gate.wait(30)
    if body == b"open":
        gate.set()
    return body, content_type
"""


@pytest.fixture
def start(container, serving):
    """Start an echo model; it loads once the file `go` exists."""

    def run(*, ready: bool = True, **further: str):
        (container.model / "code").mkdir(parents=True)
        (container.model / "code" / "inference.py").write_text(PROGRAM)
        if ready:
            (container.model / "go").touch()
        return serving(container, "--framework", "sklearn", ready=ready, SAGEMAKER_MODEL_SERVER_WORKERS="3", **further)

    return run


def request(body: bytes, *headers: str) -> bytes:
    lines = ["POST /invocations HTTP/1.1", "Host: x", "Content-Type: a/b", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def reply(connection: socket.socket) -> tuple[int, bytes]:
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = connection.recv(1)
        assert byte, head
        head += byte
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    return int(head.split()[1]), connection.recv(length, socket.MSG_WAITALL) if length else b""


def replies(connection: socket.socket, number: int) -> list[bytes]:
    """Read pipelined replies until the last one's body has come."""
    received = b""
    while received.count(b"HTTP/1.1 200 OK") < number or not received.endswith(b"end"):
        part = connection.recv(65536)
        assert part, received
        received += part
    return [part.partition(b"\r\n\r\n")[2] for part in received.split(b"HTTP/1.1 200 OK")[1:]]


def test_ping_is_503_until_the_model_is_loaded(container, start):
    endpoint = start(ready=False)
    endpoint.wait_for(503)
    assert endpoint.invoke("x").status == 503
    (container.model / "go").touch()
    endpoint.wait_for(200)
    assert endpoint.invoke("x").body == b"x"


def test_pipelined_requests_are_answered_in_their_order(start):
    connection = start().connect()
    bodies = [f"{number};".encode() for number in range(200)] + [b"end"]
    connection.sendall(b"".join(map(request, bodies)))
    assert replies(connection, len(bodies)) == bodies


def test_a_request_may_arrive_byte_by_byte(start):
    connection = start().connect()
    for byte in request(b"slowly"):
        connection.send(bytes([byte]))
    assert reply(connection) == (200, b"slowly")


def test_chunked_bodies_are_read(start):
    connection = start().connect()
    head = b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: a/b\r\nTransfer-Encoding: chunked\r\n\r\n"
    connection.sendall(head + b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
    assert reply(connection) == (200, b"abcde")


def test_a_client_that_waits_for_it_is_told_to_continue(start):
    connection = start().connect()
    head, _, body = request(b"later", "Expect: 100-continue").partition(b"\r\n\r\n")
    connection.sendall(head + b"\r\n\r\n")
    assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
    connection.sendall(body)
    assert reply(connection) == (200, b"later")


def test_connection_close_is_honoured(start):
    connection = start().connect()
    connection.sendall(request(b"once", "Connection: close"))
    assert reply(connection) == (200, b"once")
    assert connection.recv(1) == b""


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (request(b"x" * 2000), 413),
        (b"POST /invocations HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n7d0\r\n" + b"x" * 2000 + b"\r\n", 413),
        (request(b"", "Big: " + "x" * 100_000), 431),
        (request(b"", *[f"H{number}: x" for number in range(500)]), 431),
        (b"POST /invocations HTTP/1.1\r\nBig: " + b"x" * 1_000_000, 431),
        (b"nonsense\r\n\r\n", 400),
        (b"GET /ping HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n", 400),
        (b"POST /invocations HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", 400),
    ],
)
def test_what_breaks_a_limit_or_the_protocol_is_refused_and_cut_off(start, sent, status):
    endpoint = start(CLARY_BODY_BYTES_MAX="1000", CLARY_LINGER_S_MAX="60")
    connection = endpoint.connect()
    connection.sendall(sent)
    assert reply(connection)[0] == status
    assert connection.recv(1) == b""
    assert endpoint.invoke("fine").body == b"fine"


@pytest.mark.parametrize("sent", [b"nonsense\r\n\r\n", request(b"", "Big: " + "x" * 100_000)])
def test_who_stays_after_a_refusal_is_heard_out_for_a_moment_only(start, sent):
    connection = start(CLARY_LINGER_S_MAX="1").connect()
    connection.sendall(sent)
    reply(connection)
    left = select.poll()
    left.register(connection, select.POLLHUP)
    assert [event & select.POLLHUP for _, event in left.poll(30_000)] == [select.POLLHUP]


def test_requests_before_a_malformed_one_are_answered_first(start):
    connection = start().connect()
    connection.sendall(request(b"first") + b"nonsense\r\n\r\n")
    assert reply(connection) == (200, b"first")
    assert reply(connection)[0] == 400


def test_a_request_that_does_not_arrive_in_time_is_cut_off(start):
    connection = start(CLARY_RECEIVE_S_MAX="0.2").connect()
    connection.sendall(b"POST /invocations HTTP/1.1\r\nHost")
    assert reply(connection)[0] == 408
    assert connection.recv(1) == b""


def test_other_paths_and_methods_are_not_served(start):
    endpoint = start()
    assert endpoint.call("GET", "/").status == 404
    assert endpoint.call("GET", "/invocations").status == 405
    assert endpoint.call("GET", "/execution-parameters").headers["content-type"] == "application/json"


def test_a_client_that_left_takes_nothing_with_it(start):
    endpoint = start()
    leaver = endpoint.connect()
    leaver.sendall(request(b"wait"))
    leaver.close()
    assert endpoint.invoke("open", "a/b").body == b"open"
    assert endpoint.invoke("fine", "a/b").body == b"fine"


def test_sigterm_finishes_what_is_under_way_and_refuses_what_comes(start):
    endpoint = start()
    under_way, idle = endpoint.connect(), endpoint.connect()
    idle.sendall(request(b"hello"))
    assert reply(idle) == (200, b"hello")
    under_way.sendall(request(b"wait"))
    opener = endpoint.connect()
    opener.sendall(request(b"open")[:-2])
    assert endpoint.call("GET", "/ping").status == 200
    endpoint.process.send_signal(signal.SIGTERM)
    assert idle.recv(1) == b""
    opener.sendall(b"en")
    assert reply(opener) == (200, b"open")
    assert reply(under_way) == (200, b"wait")
    assert endpoint.process.wait(30) == 0
    with pytest.raises((FileNotFoundError, ConnectionRefusedError)):
        endpoint.connect()


def test_a_drain_ends_at_its_deadline(start):
    endpoint = start(CLARY_DRAIN_S_MAX="0.2")
    stuck = endpoint.connect()
    stuck.sendall(request(b"wait"))
    assert endpoint.call("GET", "/ping").status == 200
    endpoint.process.send_signal(signal.SIGTERM)
    assert endpoint.process.wait(10) == 0


def test_only_errors_leave_a_line_in_the_log(start):
    endpoint = start()
    endpoint.invoke("fine")
    endpoint.call("GET", "/nowhere")
    log = endpoint.stop()
    assert '"GET /nowhere" 404' in log
    assert "/invocations" not in log


def test_tcp_is_served_where_no_socket_is_named(container, free_port):
    (container.model / "code").mkdir(parents=True)
    (container.model / "code" / "inference.py").write_text(PROGRAM)
    (container.model / "go").touch()
    process = container.start("serve", "--framework", "sklearn", SAGEMAKER_BIND_TO_PORT=str(free_port))
    try:
        assert any("Model server started." in line for line in process.stdout)
        client = http.client.HTTPConnection("127.0.0.1", free_port)
        client.request("GET", "/ping")
        assert client.getresponse().status == 200
        client.close()
    finally:
        process.terminate()
        process.communicate(timeout=30)
    assert process.returncode == 0
