"""One timer for all: each is told when its own time is over, unless it is forgotten before."""

from __future__ import annotations

import asyncio

from clary.gateway.deadlines import Deadlines

PATIENCE_S = 0.05


class Waiter:
    def __init__(self):
        self.told = asyncio.Event()

    def timed_out(self):
        self.told.set()


def test_the_late_are_told_in_their_turn_and_the_forgotten_are_not():
    async def run():
        loop = asyncio.get_running_loop()
        deadlines = Deadlines(loop, PATIENCE_S)
        first, done, last = Waiter(), Waiter(), Waiter()
        began = loop.time()
        deadlines.watch(first)
        deadlines.watch(done)
        deadlines.forget(done)
        await first.told.wait()
        deadlines.watch(last)
        await last.told.wait()
        assert loop.time() - began >= 2 * PATIENCE_S
        assert not done.told.is_set()

    asyncio.run(run())


def test_what_was_forgotten_costs_no_further_timer():
    async def run():
        loop = asyncio.get_running_loop()
        deadlines = Deadlines(loop, PATIENCE_S)
        gone, told = Waiter(), Waiter()
        deadlines.watch(gone)
        deadlines.forget(gone)
        deadlines.forget(gone)
        deadlines.watch(told)
        await told.told.wait()
        assert not gone.told.is_set()

    asyncio.run(run())
