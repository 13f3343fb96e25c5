"""Adaptive micro-batching: requests that are there at the same time are answered by one prediction.

Nothing ever waits for company. What a busy worker finds when it comes back goes together, up to what the model takes;
on the event loop it is what arrived within one of its turns. A request that comes alone is answered as it always was.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor

from clary_runtime.serving.messages import Model, Reply, Request

Waiting = tuple[Request, "asyncio.Future[Reply]"]
Answer = Callable[[Model, list[Request]], list[Reply]]
NEAR_S = 0.0005
"""Requests further apart than this are answered one by one: a turn of the loop costs more than it would bring."""
ALONE = 64
"""How many requests are answered one by one after a turn that brought none but the first: one client asks quickly."""


class Lanes:
    """A few threads, and what waits for them."""

    def __init__(self, loop: asyncio.AbstractEventLoop, pool: Executor, lanes: int, answer: Answer) -> None:
        self._loop = loop
        self._pool = pool
        self._free = lanes
        self._answer = answer
        self._waiting: deque[Waiting] = deque()

    @property
    def waiting(self) -> int:
        """How many requests no thread has taken yet."""
        return len(self._waiting)

    def take(self, model: Model, request: Request) -> asyncio.Future[Reply]:
        """Return what will hold the reply."""
        future: asyncio.Future[Reply] = self._loop.create_future()
        self._waiting.append((request, future))
        self._start(model)
        return future

    def _start(self, model: Model) -> None:
        while self._free and self._waiting:
            self._free -= 1
            taken = self._next(model)
            done = self._loop.run_in_executor(self._pool, self._answer, model, [request for request, _ in taken])
            done.add_done_callback(lambda replies, taken=taken: self._ended(model, taken, replies.result()))  # type: ignore[misc]

    def _next(self, model: Model) -> list[Waiting]:
        return [self._waiting.popleft() for _ in range(min(model.together_max, len(self._waiting)))]

    def _ended(self, model: Model, taken: list[Waiting], replies: list[Reply]) -> None:
        self._free += 1
        settle(taken, replies)
        self._start(model)


class Turn:
    """What arrives on the event loop within one of its turns."""

    def __init__(self, loop: asyncio.AbstractEventLoop, answer: Answer) -> None:
        self._loop = loop
        self._answer = answer
        self._waiting: list[Waiting] = []
        self._last = float("-inf")
        self._alone = 0

    def take(self, model: Model, request: Request) -> Reply | asyncio.Future[Reply]:
        """Return the reply, or what will hold it by the end of this turn."""
        now = self._loop.time()
        near, self._last = now - self._last < NEAR_S, now
        self._alone = max(0, self._alone - 1)
        if model.together_max == 1 or not (self._waiting or (near and not self._alone)):
            return self._answer(model, [request])[0]
        future: asyncio.Future[Reply] = self._loop.create_future()
        self._waiting.append((request, future))
        if len(self._waiting) == 1:
            self._loop.call_soon(self._end, model)
        return future

    def _end(self, model: Model) -> None:
        waiting, self._waiting = self._waiting, []
        self._alone = ALONE if len(waiting) == 1 else 0
        size = model.together_max  # which may be another once there is a quicker way to answer
        for start in range(0, len(waiting), size):
            taken = waiting[start : start + size]
            settle(taken, self._answer(model, [request for request, _ in taken]))


def settle(taken: list[Waiting], replies: list[Reply]) -> None:
    """Hand out replies, in the order of their requests."""
    for (_, future), reply in zip(taken, replies, strict=True):
        if not future.done():
            future.set_result(reply)
