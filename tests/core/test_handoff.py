"""Connections that are handed from one process to another."""

from __future__ import annotations

import asyncio
import socket
import tempfile
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from clary.core import handoff
from clary.core.handoff import HEADER, PENDING_BYTES_MAX, TAKEN, Inbox, NotTaken

DEADLINE_S = 10.0
Arrival = tuple[socket.socket, bytes]


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="cl", dir="/tmp") as name:
        yield Path(name)


@pytest.fixture
def listener(folder: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "api.sock"))
        listener.listen(64)
        yield listener


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    near, far = socket.socketpair()
    with near, far:
        near.settimeout(DEADLINE_S)
        far.settimeout(DEADLINE_S)
        yield near, far


def run(main: Awaitable[object]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(DEADLINE_S):
            await main

    asyncio.run(bounded())


async def arrivals(listener: socket.socket, count: int, meanwhile: Callable[[], Awaitable[object]]) -> list[Arrival]:
    arrived: asyncio.Queue[Arrival] = asyncio.Queue()
    stop = handoff.accept(listener, lambda connection, pending: arrived.put_nowait((connection, pending)))
    await meanwhile()
    taken = [await arrived.get() for _ in range(count)]
    stop()
    return taken


@pytest.mark.parametrize("pending", [b"", b"GET / HTTP/1.1\r\n", b"x" * PENDING_BYTES_MAX])
def test_a_connection_arrives_with_every_byte_read_before_and_goes_on(
    folder: Path, listener: socket.socket, pair: tuple[socket.socket, socket.socket], pending: bytes
) -> None:
    near, far = pair

    async def main() -> None:
        offer = lambda: handoff.hand_over(folder / "api.sock", near, pending)  # noqa: E731 - called once, later
        ((connection, read_before),) = await arrivals(listener, 1, offer)
        with connection:
            assert read_before == pending
            connection.send(b"from the new owner")
        assert far.recv(100) == b"from the new owner"

    run(main())


def test_a_thread_can_send_while_an_event_loop_accepts(
    folder: Path, listener: socket.socket, pair: tuple[socket.socket, socket.socket]
) -> None:
    near, _ = pair

    async def main() -> None:
        offer = lambda: asyncio.to_thread(handoff.send, folder / "api.sock", near, b"z" * 300_000)  # noqa: E731
        ((connection, pending),) = await arrivals(listener, 1, offer)
        connection.close()
        assert pending == b"z" * 300_000

    run(main())


def test_many_connections_share_one_channel() -> None:
    sender, receiver = socket.socketpair()
    pairs = [socket.socketpair() for _ in range(20)]
    with sender, receiver:
        inbox = Inbox(receiver)
        for number, (near, _) in enumerate(pairs):
            pending = b"%d" % number
            socket.send_fds(sender, [HEADER.pack(len(pending)) + pending], [near.fileno()])
            near.close()
        taken = list(inbox.take())
        assert [pending for _, pending in taken] == [b"%d" % number for number in range(20)]
        assert sender.recv(100) == TAKEN * 20
        for (connection, pending), (_, far) in zip(taken, pairs, strict=True):
            connection.send(pending)
            assert far.recv(10) == pending
            connection.close()
            far.close()


def test_a_message_that_arrives_byte_by_byte_is_put_together(pair: tuple[socket.socket, socket.socket]) -> None:
    near, _ = pair
    sender, receiver = socket.socketpair()
    with sender, receiver:
        inbox = Inbox(receiver)
        message = HEADER.pack(3) + b"abc"
        socket.send_fds(sender, [message[:1]], [near.fileno()])
        for position in range(1, len(message)):
            assert list(inbox.take()) == []
            sender.send(message[position : position + 1])
        ((connection, pending),) = inbox.take()
        assert pending == b"abc"
        connection.close()


def test_a_connection_waits_in_the_backlog_until_the_receiver_is_back(
    folder: Path, listener: socket.socket, pair: tuple[socket.socket, socket.socket]
) -> None:
    near, _ = pair

    async def main() -> None:
        offer = asyncio.create_task(handoff.hand_over(folder / "api.sock", near, b"early"))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(offer), 0.2)
        ((connection, pending),) = await arrivals(listener, 1, lambda: offer)
        connection.close()
        assert pending == b"early"

    run(main())


def test_a_receiver_that_dies_before_it_acknowledges_loses_nothing(
    folder: Path, listener: socket.socket, pair: tuple[socket.socket, socket.socket]
) -> None:
    near, _ = pair
    listener.settimeout(DEADLINE_S)

    async def main() -> None:
        offer = asyncio.create_task(handoff.hand_over(folder / "api.sock", near, b"again"))
        channel, _ = await asyncio.to_thread(listener.accept)
        await asyncio.to_thread(channel.recv, 2)
        channel.close()
        ((connection, pending),) = await arrivals(listener, 1, lambda: offer)
        connection.close()
        assert pending == b"again"

    run(main())


def test_when_nobody_takes_it_in_time_the_sender_is_told_and_a_late_receiver_gets_nothing(
    folder: Path, listener: socket.socket, pair: tuple[socket.socket, socket.socket]
) -> None:
    near, far = pair

    async def main() -> None:
        with pytest.raises(NotTaken):
            await handoff.hand_over(folder / "api.sock", near, b"too late", patience_s=0.2)
        with pytest.raises(NotTaken):
            await asyncio.to_thread(handoff.send, folder / "api.sock", near, b"too late", patience_s=0.2)

    run(main())
    listener.settimeout(DEADLINE_S)
    for _ in range(2):
        channel, _ = listener.accept()
        inbox = Inbox(channel)
        with pytest.raises(EOFError):
            list(inbox.take())
        inbox.close()
    near.send(b"503")
    assert far.recv(10) == b"503"


def test_a_missing_listener_is_waited_for(folder: Path, pair: tuple[socket.socket, socket.socket]) -> None:
    near, _ = pair

    def listen_later() -> None:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(folder / "late.sock"))
            listener.listen(1)
            listener.settimeout(DEADLINE_S)
            channel, _ = listener.accept()
            channel.settimeout(DEADLINE_S)
            channel.recv(100)
            channel.send(TAKEN)
            channel.close()

    timer = threading.Timer(0.2, listen_later)
    timer.start()
    handoff.send(folder / "late.sock", near, b"")
    timer.join()


def test_a_channel_that_speaks_something_else_is_refused() -> None:
    sender, receiver = socket.socketpair()
    with sender:
        inbox = Inbox(receiver)
        sender.send(b"GET / HTTP/1.1\r\n")
        with pytest.raises(EOFError):
            list(inbox.take())
        inbox.close()


def test_a_length_beyond_the_limit_is_refused_and_its_connection_closed(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    near, far = pair
    sender, receiver = socket.socketpair()
    with sender:
        inbox = Inbox(receiver)
        socket.send_fds(sender, [HEADER.pack(PENDING_BYTES_MAX + 1)], [near.fileno()])
        near.close()
        with pytest.raises(EOFError):
            list(inbox.take())
        inbox.close()
        assert far.recv(1) == b""


def test_who_stops_taking_closes_the_channels_too(folder: Path) -> None:
    path = folder / "channel.sock"

    async def run() -> None:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
            listener.listen()
            stop = handoff.accept(listener, lambda *_: None)
            with socket.socket(socket.AF_UNIX) as sender:
                sender.setblocking(False)
                sender.connect(str(path))
                for _ in range(10):  # turns of the loop, in the first of which the channel is accepted
                    await asyncio.sleep(0)
                stop()
                assert await asyncio.get_running_loop().sock_recv(sender, 1) == b""

    asyncio.run(run())
