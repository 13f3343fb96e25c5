"""Shadow variants: a copy of a share of the requests, sent once the real answer is out, and its own answer dropped.

A copy is counted as an invocation of the shadow. Where the shadow cannot keep up, copies are left out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from clary.core.errors import ServiceError
from clary.gateway.deadlines import Deadlines
from clary.gateway.lanes import Lane
from clary.gateway.replies import Broken, Reply
from clary.gateway.turns import Share
from clary.gateway.upstream import Exchange, Parts, Pool
from clary.store.counters import Meter

COPIES_MAX = 64
COPIES_BYTES_MAX = 32 * 1024 * 1024
"""Of one shadow in one worker, under way or waiting; one more is left out."""


class Instruments(Protocol):
    """What copies are measured with."""

    @property
    def stopwatch(self) -> Callable[[], float]:
        """Return what tells seconds."""

    @property
    def deadlines(self) -> Deadlines:
        """Return the watch over requests."""

    @property
    def meter(self) -> Meter:
        """Return where is counted."""


class Shadow:
    """A shadow variant of one endpoint in one worker."""

    def __init__(self, lane: Lane, part: float) -> None:
        self.lane = lane
        self._share = Share(part)
        self._copies = 0
        self._bytes = 0

    def mirror(self, request: Parts, instruments: Instruments) -> None:
        """Send a copy of a request if it is in the share and there is room; whatever becomes of it, nobody hears."""
        size = sum(map(len, request))
        if not self._share.takes() or self._copies >= COPIES_MAX or self._bytes + size > COPIES_BYTES_MAX:
            return
        copy = Copy(self, request, instruments)
        self._copies += 1
        self._bytes += size
        copy.go()

    def over(self, request: Parts) -> None:
        """Forget a copy."""
        self._copies -= 1
        self._bytes -= sum(map(len, request))


class Copy:
    """A copied request on its way."""

    def __init__(self, shadow: Shadow, request: Parts, instruments: Instruments) -> None:
        self.request = request
        self.tried: tuple[Pool, ...] = ()
        self._shadow = shadow
        self._instruments = instruments
        self._came_at = self._sent_at = instruments.stopwatch()
        self._where: tuple[Pool, Exchange] | None = None

    def go(self) -> None:
        """Go to the shadow's lane."""
        self._instruments.deadlines.watch(self)
        try:
            self._shadow.lane.enter(self)
        except ServiceError:
            self._end()

    def sent(self, pool: Pool, exchange: Exchange) -> None:
        """Note where it was sent."""
        self._where = pool, exchange

    def begun(self) -> None:
        """Note when it was sent."""
        self._sent_at = self._instruments.stopwatch()

    def answered(self, outcome: Reply | Broken) -> None:
        """Count the answer, and drop it."""
        self._count(outcome.status if isinstance(outcome, Reply) else 0)
        self._shadow.lane.leave()
        self._end()

    def rerouted(self) -> None:
        """End: the shadow is gone."""
        self._end()

    def turned_away(self, _: ServiceError) -> None:
        """End: the shadow takes nothing."""
        self._end()

    def timed_out(self) -> None:
        """End: the shadow took too long."""
        if self._where is None:
            self._shadow.lane.waiting.pop(self, None)
        else:
            pool, exchange = self._where
            pool.give_up(exchange)
            self._count(0)
            self._shadow.lane.leave()
        self._end()

    def _count(self, status: int) -> None:
        now, meter = self._instruments.stopwatch(), self._instruments.meter
        self._shadow.lane.counted(meter).count(
            status,
            model_us=round((now - self._sent_at) * 1e6),
            overhead_us=round((self._sent_at - self._came_at) * 1e6),
            minute=meter.minute,
        )

    def _end(self) -> None:
        self._instruments.deadlines.forget(self)
        self._shadow.over(self.request)
