"""When invocations are to be over: one timer for all of them, since all may take the same time.

The first that came is the first that is late, so a dictionary, which keeps its order, is the queue.
"""

from __future__ import annotations

import asyncio
from typing import Protocol


class Late(Protocol):
    """What is told when its time is over."""

    def timed_out(self) -> None:
        """End without an answer; called once, if at all."""


class Deadlines:
    """Times that are watched; belongs to one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, patience_s: float) -> None:
        self._loop = loop
        self._patience_s = patience_s
        self._due: dict[Late, float] = {}
        self._watching = False

    def watch(self, each: Late) -> None:
        """Tell it when its time is over, unless it is forgotten before."""
        self._due[each] = self._loop.time() + self._patience_s
        if not self._watching:
            self._watch(self._patience_s)

    def forget(self, each: Late) -> None:
        """Watch it no longer."""
        self._due.pop(each, None)

    def _watch(self, seconds: float) -> None:
        self._watching = True
        self._loop.call_later(seconds, self._look)

    def _look(self) -> None:
        now = self._loop.time()
        for late in [each for each, due in self._due.items() if due <= now]:
            self.forget(late)
            late.timed_out()
        self._watching = False
        if self._due:
            self._watch(max(0.0, next(iter(self._due.values())) - now))
