"""Requests whose answer is not there yet: each waits for a word or a time on the event loop, and holds no thread.

A word that was lost costs LOOK_S at most: then the handler is asked anyway.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

from clary.core.clock import Clock
from clary.store.words import Words
from clary.wire.message import Response

LOOK_S = 5.0
PAUSE_S = 0.01
"""How often a handler is asked at most by time alone."""


@dataclass(frozen=True, slots=True)
class Pending:
    """A response that is not there yet; see services.operation.Wait."""

    word: str
    at: float
    ask: Callable[[], Response | Pending]
    otherwise: Response


Ask = Callable[[Callable[[], Response | Pending]], Awaitable[Response | Pending]]
"""Runs a question in a thread."""


class Waits:
    """Whoever waits in this process, by word."""

    def __init__(self, words: Words, clock: Clock) -> None:
        self._words = words
        self._clock = clock
        self._waiting: dict[str, set[asyncio.Event]] = {}
        self._stopped = False

    def open(self) -> Callable[[], None]:
        """Hear words from now on; return what ends it, and every wait with it."""
        loop = asyncio.get_running_loop()
        listener = self._words.listen("api")
        loop.add_reader(listener, lambda: self._wake(listener.heard()))

        def close() -> None:
            loop.remove_reader(listener)
            listener.close()
            self._stopped = True
            self._wake(set(self._waiting))

        return close

    async def settle(self, pending: Pending, ask: Ask, gone: Callable[[], bool]) -> Response:
        """Return the response once it is there; raise EOFError if the client is gone before."""
        told = asyncio.Event()
        self._waiting.setdefault(pending.word, set()).add(told)
        try:
            answer = await ask(pending.ask)  # since the word may have been said before we listened for it
            while isinstance(answer, Pending):
                await self._rest(told, answer.at)
                if self._stopped:
                    return answer.otherwise
                if gone():
                    raise EOFError
                answer = await ask(answer.ask)
            return answer
        finally:
            self._forget(pending.word, told)

    async def _rest(self, told: asyncio.Event, until: float) -> None:
        if not self._stopped:
            with suppress(TimeoutError):
                async with asyncio.timeout(max(PAUSE_S, min(until - self._clock(), LOOK_S))):
                    await told.wait()
        told.clear()

    def _wake(self, words: set[str]) -> None:
        for word in words:
            for told in self._waiting.get(word, ()):
                told.set()

    def _forget(self, word: str, told: asyncio.Event) -> None:
        waiting = self._waiting[word]
        waiting.discard(told)
        if not waiting:
            del self._waiting[word]
