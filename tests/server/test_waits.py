"""Waiting for an answer that is not there yet."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from clary.server.waits import Pending, Waits
from clary.store.words import Words
from clary.wire.message import Response

STOPPED = Response(200, [], b"stopped")
SAID = Response(200, [], b"said")


def pending(ready: Callable[[], bool], until: float) -> Pending:
    def ask() -> Response | Pending:
        if ready():
            return SAID
        return Response(200, [], b"expired") if time.time() >= until else pending(ready, until)

    return Pending("word", until, ask, STOPPED)


async def ask(question: Callable[[], Response | Pending]) -> Response | Pending:
    return question()


async def settle(waits: Waits, waiting: Pending, *, gone: bool = False) -> Response:
    async with asyncio.timeout(60):
        return await waits.settle(waiting, ask, lambda: gone)


def test_a_word_wakes_whoever_waits_for_it_and_asks_nobody_else(home: Path) -> None:
    async def scene() -> None:
        words = Words(home / "words")
        waits = Waits(words, time.time)
        close = waits.open()
        said = False
        asked: asyncio.Queue[bool] = asyncio.Queue()

        def ready() -> bool:
            asked.put_nowait(said)
            return said

        waiting = asyncio.create_task(settle(waits, pending(ready, time.time() + 60)))
        assert await asked.get() is False
        words.say("another")
        said = True
        words.say("word")
        assert await waiting is SAID
        assert [asked.get_nowait() for _ in range(asked.qsize())] == [True]
        close()
        assert not list((home / "words").iterdir())

    asyncio.run(scene())


def test_a_word_that_was_said_before_anyone_listened_is_not_missed(home: Path) -> None:
    async def scene() -> None:
        waits = Waits(Words(home / "words"), time.time)
        close = waits.open()
        assert await settle(waits, pending(lambda: True, time.time() + 60)) is SAID
        close()

    asyncio.run(scene())


def test_the_time_wakes_too_and_an_end_of_the_server_ends_every_wait(home: Path) -> None:
    async def scene() -> None:
        waits = Waits(Words(home / "words"), time.time)
        close = waits.open()
        assert (await settle(waits, pending(lambda: False, time.time() + 0.1))).body == b"expired"
        waiting = asyncio.create_task(settle(waits, pending(lambda: False, time.time() + 60)))
        await asyncio.sleep(0)
        close()
        assert await waiting is STOPPED

    asyncio.run(scene())


def test_a_client_that_has_gone_is_asked_for_no_more(home: Path) -> None:
    async def scene() -> None:
        waits = Waits(Words(home / "words"), time.time)
        close = waits.open()
        with pytest.raises(EOFError):
            await settle(waits, pending(lambda: False, time.time() + 0.1), gone=True)
        close()

    asyncio.run(scene())


def test_a_listener_that_was_killed_is_forgotten(home: Path) -> None:
    words = Words(home / "words")
    dead, living = words.listen("dead"), words.listen("living")
    dead.receiver.close()
    words.say("a")
    words.say("b")
    assert living.heard() == {"a", "b"}
    assert not dead.path.exists()
    living.close()
