"""The api's HTTP over real sockets, with a handler that says what it was asked."""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Callable, Iterator
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import IO

import pytest

from clary.core import handoff
from clary.server import http
from clary.server.http import Doors, Server
from clary.server.waits import Waits
from clary.store.words import Words
from clary.wire.message import Request, Response

MIB = 2**20


def handle(request: Request) -> Response:
    """Echo the size of a body, or stream one, as the path says."""
    if request.path == "/stream":
        return Response(200, [("content-type", "text/plain")], (b"x" * 1000 for _ in range(1000)))
    if request.path == "/broken":

        def broken() -> Iterator[bytes]:
            yield b"y" * 1000
            raise ValueError

        return Response(200, [("content-length", "5000")], broken())
    if request.path == "/ignore":
        return Response(403, [], b"no")
    if request.path == "/slow":
        time.sleep(0.5)
    body = request.body
    size = len(body) if isinstance(body, bytes) else sum(len(piece) for piece in iter(lambda: body.read(65536), b""))
    return Response(200, [], f"{request.method} {request.path} {size}".encode())


def serve(listener: socket.socket, invocations: Path) -> None:
    waits = Waits(Words(invocations.with_name("words")), time.time)
    Server(handle, Doors(listener, invocations), waits).run()


@pytest.fixture
def connect(home: Path) -> Iterator[Callable[[], socket.socket]]:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(home / "api.sock"))
    listener.listen()
    server = get_context("fork").Process(target=serve, args=(listener, home / "invocations.sock"))
    server.start()
    opened: list[socket.socket] = []

    def connect(pending: bytes = b"") -> socket.socket:
        ours, theirs = socket.socketpair()
        handoff.send(home / "api.sock", theirs, pending)
        theirs.close()
        ours.settimeout(60)
        opened.append(ours)
        return ours

    connect.server = server  # type: ignore[attr-defined]
    yield connect
    for each in opened:
        each.close()
    listener.close()
    if server.is_alive():
        server.terminate()
    server.join(60)
    assert server.exitcode == 0


def answer(sock: socket.socket) -> tuple[int, bytes]:
    file = sock.makefile("rb", buffering=0)  # it must not read into the next answer
    status = int(file.readline().split()[1])
    headers = {}
    while (line := file.readline()) not in (b"\r\n", b""):
        name, _, value = line.decode().partition(":")
        headers[name.lower()] = value.strip()
    if headers.get("transfer-encoding") == "chunked":
        body = b""
        while size := int(file.readline(), 16):
            body += exactly(file, size)
            file.readline()
        file.readline()
        return status, body
    return status, exactly(file, int(headers.get("content-length", 0)))


def exactly(file: IO[bytes], size: int) -> bytes:
    body = b""
    while len(body) < size and (piece := file.read(size - len(body))):
        body += piece
    return body


def test_small_and_large_bodies_arrive_whole(connect) -> None:
    sock = connect(b"PUT /a HTTP/1.1\r\nContent-")
    sock.sendall(b"Length: 5\r\n\r\nhello")
    assert answer(sock) == (200, b"PUT /a 5")
    sock.sendall(b"PUT /b HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (3 * MIB) + bytes(3 * MIB))
    assert answer(sock) == (200, b"PUT /b %d" % (3 * MIB))
    sock.sendall(b"PUT /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=y\r\n world\r\n0\r\n\r\n")
    assert answer(sock) == (200, b"PUT /c 11")


def test_pipelined_requests_are_answered_in_order(connect) -> None:
    sock = connect(b"GET /1 HTTP/1.1\r\n\r\nPUT /2 HTTP/1.1\r\nContent-Length: 2\r\n\r\nabGET /3 HTTP/1.1\r\n\r\n")
    assert [answer(sock)[1] for _ in range(1)] == [b"GET /1 0"]
    assert answer(sock)[1] == b"PUT /2 2"
    assert answer(sock)[1] == b"GET /3 0"


def test_a_client_that_waits_for_100_is_told_to_go_on(connect) -> None:
    for length in (5, 2 * MIB):
        sock = connect()
        sock.sendall(b"PUT /a HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n" % length)
        assert sock.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(bytes(length))
        assert answer(sock) == (200, b"PUT /a %d" % length)


def test_a_stream_is_sent_in_pieces(connect) -> None:
    sock = connect(b"GET /stream HTTP/1.1\r\n\r\n")
    assert answer(sock) == (200, b"x" * 1_000_000)
    sock.sendall(b"GET /again HTTP/1.1\r\n\r\n")
    assert answer(sock)[1] == b"GET /again 0"


def test_a_client_that_knows_no_chunks_gets_a_stream_up_to_the_end_of_the_connection(connect) -> None:
    sock = connect(b"GET /first HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    assert answer(sock) == (200, b"GET /first 0")
    sock.sendall(b"GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    head, _, body = sock.makefile("rb").read().partition(b"\r\n\r\n")
    assert b"transfer-encoding" not in head
    assert head.endswith(b"connection: close")
    assert body == b"x" * 1_000_000


def test_a_stream_that_breaks_shows_as_a_body_cut_short(connect) -> None:
    sock = connect(b"GET /broken HTTP/1.1\r\n\r\n")
    status, body = answer(sock)
    assert (status, len(body)) == (200, 1000)
    assert sock.recv(10) == b""


def test_a_body_that_nobody_read_closes_the_connection(connect) -> None:
    sock = connect(b"PUT /ignore HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (100 * MIB))
    assert answer(sock) == (403, b"no")
    assert sock.recv(10) == b""


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"NONSENSE\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nX: " + b"y" * 70_000, 431),
        (b"PUT / HTTP/1.1\r\nContent-Length: x\r\n\r\n", 400),
    ],
)
def test_malformed_requests_are_refused_and_closed(connect, sent: bytes, status: int) -> None:
    sock = connect()
    sock.sendall(sent)
    assert answer(sock)[0] == status
    assert sock.recv(10) == b""


def test_idle_and_slow_clients_hold_no_thread(connect) -> None:
    lazy = [connect() for _ in range(http.HANDLERS_MAX * 4)]
    for each in lazy[::2]:
        each.sendall(b"PUT /slowly HTTP/1.1\r\nContent-Length: 1000\r\n\r\nx")
    sock = connect(b"GET /quick HTTP/1.1\r\n\r\n")
    assert answer(sock)[1] == b"GET /quick 0"
    assert select.select(lazy, [], [], 0)[0] == [], "nobody was sent away for it"


def test_an_invocation_is_handed_back_to_the_gateways(connect, home: Path) -> None:
    gateways = socket.socket(socket.AF_UNIX)
    gateways.bind(str(home / "invocations.sock"))
    gateways.listen()
    gateways.settimeout(60)
    sock = connect(b"POST /endpoints/e/invocations HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc")
    channel, _ = gateways.accept()
    inbox = handoff.Inbox(channel)
    deadline = time.monotonic() + 60
    taken: list[tuple[socket.socket, bytes]] = []
    while not taken and time.monotonic() < deadline:
        taken = list(islice(inbox.take(), 1))
    connection, pending = taken[0]
    assert pending.endswith(b"\r\n\r\nabc")
    connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi")
    assert answer(sock) == (200, b"hi")
    for each in (connection, channel, gateways):
        each.close()


def test_requests_under_way_are_finished_at_the_end(connect) -> None:
    sock = connect(b"PUT /slow HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n")
    assert sock.recv(100).startswith(b"HTTP/1.1 100")  # the api has it
    sock.sendall(b"x")
    connect(b"GET /quick HTTP/1.1\r\n\r\n").recv(100)
    connect.server.terminate()
    assert answer(sock) == (200, b"PUT /slow 1")
    connect.server.join(60)
