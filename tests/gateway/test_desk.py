"""Connections that are not for the gateway go to the api, whole and alive."""

from __future__ import annotations

import os
import select
import signal
import socket
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from clary.core import handoff
from clary.gateway import desk

ANSWER_BYTES = 6_000_000
PENDING = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


def read_until(connection, end):
    received = b""
    while not received.endswith(end):
        data = connection.recv(65536)
        assert data, received
        received += data
    return received


@pytest.mark.parametrize(
    "request_line",
    [
        b"GET / HTTP/1.1",
        b"PUT /bucket/key HTTP/1.1",
        b"POST / HTTP/1.1",
        b"POST /endpoints/churn/async-invocations HTTP/1.1",
    ],
)
def test_another_request_goes_to_the_api_with_every_byte(running, api, request_line):
    with running.connect() as connection:
        connection.sendall(request_line + b"\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc")
        assert read_until(connection, b" 3").endswith(request_line.split()[1] + b" 3")


def test_a_large_upload_loses_no_byte_on_its_way_to_the_api(running, api):
    body = b"0123456789abcdef" * 500_000
    with running.connect() as connection:
        connection.sendall(b"PUT /large HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        read_until(connection, b"/large %d" % len(body))


def test_a_request_line_that_arrives_in_pieces_is_judged_once_it_can_be(running, api):
    with running.connect() as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in (b"PO", b"ST /end", b"points/churn/as", b"ync-invocations HTTP/1.1\r\nHo", b"st: x\r\n\r\n"):
            connection.sendall(piece)
        read_until(connection, b"async-invocations 0")


def test_one_connection_may_mix_invocations_and_other_calls(running, api):
    with running.connect() as connection:
        for number in range(5):
            connection.sendall(running.signed(b"prediction %d" % number))
            read_until(connection, b"\r\n\r\nprediction %d" % number)
            connection.sendall(b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n" % number)
            read_until(connection, b"/%d 0" % number)


def test_pipelined_invocations_and_other_calls_are_answered_in_order(running, api):
    with running.connect() as connection:
        other = b"PUT /k HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody"
        connection.sendall(running.signed(b"one") + other + running.signed(b"two") + other)
        received = read_until(connection, b"/k 4")
        if received.count(b"/k 4") < 2:
            received += read_until(connection, b"/k 4")
    assert received.index(b"one") < received.index(b"/k 4") < received.index(b"two")


def test_an_invocation_in_absolute_form_is_answered_and_never_goes_round_in_circles(running, api):
    raw = running.signed(b"whole url")
    with running.connect() as connection:
        connection.sendall(raw.replace(b"POST /", b"POST http://127.0.0.1/", 1))
        read_until(connection, b"\r\n\r\nwhole url")


def test_what_the_api_wrongly_hands_back_is_refused(running):
    near, far = socket.socketpair()
    with near, far:
        far.settimeout(60)
        handoff.send(running.settings.run / "invocations.sock", near, PENDING)
        assert far.recv(65536).startswith(b"HTTP/1.1 400 ")


def test_a_connection_waits_while_the_api_restarts(running):
    with running.connect() as connection:
        connection.sendall(PENDING)
        connection.settimeout(0.3)
        with pytest.raises(TimeoutError):
            connection.recv(1)
        with running.answering_api():
            connection.settimeout(60)
            read_until(connection, b"/ 0")


def test_a_connection_is_answered_503_if_the_api_stays_down(gateway):
    gateway.start(program=gateway.patched("from clary.gateway import desk", "desk.API_PATIENCE_S = 0.3"))
    with gateway.connect() as connection:
        connection.sendall(PENDING)
        received = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, body = received.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 503 ")
    assert b"Retry-After: 1" in head
    assert b"<Message>The API is not available at the moment.</Message>" in body


def test_more_connections_than_may_wait_for_the_api_are_turned_away(gateway):
    bounds = "desk.HANDOFFS_WAITING_MAX, desk.API_PATIENCE_S = 3, 100.0"
    gateway.start(program=gateway.patched("from clary.gateway import desk", bounds))
    waiting = [gateway.connect() for _ in range(3)]
    for each in waiting:
        each.sendall(PENDING)
    gateway.eventually(lambda: turned_away(gateway))
    with gateway.answering_api():
        for each in waiting:
            read_until(each, b"/ 0")
            each.close()


def test_no_more_may_wait_for_the_api_where_many_come_at_once(gateway):
    bounds = "desk.HANDOFFS_WAITING_MAX, desk.API_PATIENCE_S = 3, 100.0"
    worker = gateway.start(program=gateway.patched("from clary.gateway import desk", bounds))
    clients = [gateway.connect() for _ in range(8)]
    gateway.eventually(lambda: connected(gateway, worker) == 8)
    os.kill(worker.pid, signal.SIGSTOP)  # so that it hears of all of them in one turn
    for each in clients:
        each.sendall(PENDING)
    os.kill(worker.pid, signal.SIGCONT)
    gateway.eventually(lambda: len(answered(clients)) == 5)
    refused = answered(clients)
    for each in refused:
        assert b"Too many connections wait for the API." in each.recv(65536)
    with gateway.answering_api():
        for each in set(clients).difference(refused):
            read_until(each, b"/ 0")
    for each in clients:
        each.close()


def answered(clients):
    """Return those of the clients who have something to read."""
    return select.select(clients, [], [], 0)[0]


def test_clients_that_leave_too_much_unread_are_let_go_and_no_others(gateway):
    model = gateway.model("a")
    worker = gateway.start()
    gateway.route("churn", "a")
    few, many = (bytes_max // ANSWER_BYTES for bytes_max in sorted(desk.UNREAD_BYTES_MAX.values()))
    with ExitStack() as opened:
        lazy = [opened.enter_context(reluctant(gateway)) for _ in range(many + 4)]
        for each in lazy:
            each.sendall(gateway.signed(b"large %d" % ANSWER_BYTES))
        model.wait_for(len(lazy))
        gateway.eventually(lambda: connected(gateway, worker) <= many)
        with gateway.connect() as keen:
            keen.sendall(gateway.signed(b"large %d" % ANSWER_BYTES))
            assert read_whole(keen)
        gateway.eventually(lambda: connected(gateway, worker) <= few)
        assert sum(map(read_whole, lazy)) == few


def reluctant(gateway):
    """Return a connection whose client takes next to nothing unless it reads."""
    connection = socket.socket()
    connection.settimeout(60)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect(("127.0.0.1", gateway.port))
    return connection


def connected(gateway, worker):
    """Return how many clients a worker has."""
    local, established = f"{0x0100007F:08X}:{gateway.port:04X}", "01"
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()]
    clients = {f"socket:[{line[9]}]" for line in lines if line[1] == local and line[3] == established}
    found = set()
    for link in Path(f"/proc/{worker.pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # it is closed meanwhile
            found.add(os.readlink(link))
    return len(clients & found)


def read_whole(connection):
    """Read an answer, and say whether it came whole."""
    received = 0
    with suppress(ConnectionResetError):
        while received < ANSWER_BYTES and (data := connection.recv(1 << 20)):
            received += len(data)
    return received >= ANSWER_BYTES


def turned_away(gateway):
    with gateway.connect() as connection:
        connection.sendall(PENDING)
        connection.settimeout(0.2)
        try:
            return b"Too many connections wait for the API." in connection.recv(65536)
        except TimeoutError:
            return False


def test_two_workers_share_the_port_and_it_never_refuses_while_one_is_killed(gateway):
    gateway.model("a")
    workers = [gateway.start("gateway-0"), gateway.start("gateway-1")]
    gateway.route("churn", "a")
    for victim in workers:
        victim.send_signal(signal.SIGKILL)
        victim.wait()
        with gateway.connect() as connection:
            connection.sendall(gateway.signed(b"still here"))
            gateway.start(f"gateway-{2 + workers.index(victim)}")
            read_until(connection, b"still here")


def test_a_worker_that_is_told_to_end_finishes_what_is_under_way(gateway):
    model = gateway.model("a")
    worker = gateway.start()
    gateway.route("churn", "a")
    with gateway.connect() as busy, gateway.connect() as idle:
        busy.sendall(gateway.signed(b"wait 30"))
        model.wait_for(1)
        worker.send_signal(signal.SIGTERM)
        assert idle.recv(1) == b""
        assert worker.poll() is None
        model.gate.set()
        received = read_until(busy, b"waited")
        assert b"Connection: close" in received
        assert busy.recv(1) == b""
    assert worker.wait(60) == 0
    assert [each.worker for each in gateway.store.gateways.live()] == []
