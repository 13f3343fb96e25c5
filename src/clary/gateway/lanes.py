"""A variant as one worker serves it: which instance gets a request, and who waits while all are busy.

Bounds hold for each worker: so many requests at once, so many more that wait, and
whoever comes then is told so at once. An instance that refuses is passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from clary.core.errors import ServiceError
from clary.gateway import answers
from clary.gateway.answers import NobodyThere
from clary.gateway.upstream import Asker, Exchange, Parts, Pool, Unreachable
from clary.resources.route import Strategy
from clary.store.counters import Key, Meter, Slot

UNBOUNDED = 2**31


class Passenger(Asker, Protocol):
    """A request on its way to an instance of a lane."""

    request: Parts
    tried: tuple[Pool, ...]  # instances that it is not sent to any more

    def sent(self, pool: Pool, exchange: Exchange) -> None:
        """Hear where it was sent."""

    def rerouted(self) -> None:
        """Hear that the lane it waited in is closed."""

    def turned_away(self, error: ServiceError) -> None:
        """Hear that it could not be sent after it had waited."""


class Lane:
    """The instances of a variant; belongs to one event loop."""

    def __init__(self, key: Key, waiting_max: int, chance: Callable[[], float], turns: Iterator[int]) -> None:
        self.name = key[-1]
        self.pools: tuple[Pool, ...] = ()
        self.under_way = 0
        self.sent = 0  # since the worker began
        self.waiting: dict[Passenger, None] = {}  # in the order they came
        self.slot: Slot | None = None  # where it is counted, once it is
        self._key = key
        self._instances = 0
        self._waiting_max = waiting_max
        self._chance = chance
        self._turns = turns
        self._ready: Sequence[Pool] = ()
        self._most = UNBOUNDED
        self._random = True

    def lead(self, pools: Sequence[Pool], strategy: Strategy, most: int) -> None:
        """Send to these instances from now on; `most` requests at once, 0 for as many as the instances take."""
        for pool in self.pools:
            pool.senders.remove(self)
        self.pools = tuple(pools)
        for pool in pools:
            pool.senders.append(self)
        self._random = strategy is Strategy.RANDOM
        self._most = most or UNBOUNDED
        self.review()
        self.freed()

    def counted(self, meter: Meter) -> Slot:
        """Return where the requests are counted."""
        if self.slot is None:
            self.slot = meter.slot(*self._key)
            self.slot.spread_over(self._instances)
        return self.slot

    def share_among(self, instances: int) -> None:
        """Note how many instances the variant has, all its lanes together."""
        self._instances = instances
        if self.slot is not None:
            self.slot.spread_over(instances)

    def close(self) -> None:
        """Send nothing more; whoever waits is to find another way."""
        for pool in self.pools:
            pool.senders.remove(self)
        self.pools = self._ready = ()
        waiting, self.waiting = self.waiting, {}
        for passenger in waiting:
            passenger.rerouted()

    def review(self) -> None:
        """Tell apart who is set aside; if all are, nobody is."""
        self._ready = [pool for pool in self.pools if not pool.health.aside] or self.pools

    def can_spare(self) -> bool:
        """Say whether one more may be set aside for its errors: half of the instances always stay."""
        aside = sum(pool.health.aside for pool in self.pools)
        return aside + 1 <= len(self.pools) // 2

    def enter(self, passenger: Passenger) -> None:
        """Send a request, or let it wait; raise the error of an overload, NobodyThere if no instance takes it."""
        if self.waiting or self.under_way >= self._most or not self._send(passenger):
            if len(self.waiting) >= self._waiting_max:
                raise answers.throttled(f"Rate exceeded: as many requests wait for variant {self.name} as may.")
            self.waiting[passenger] = None

    def leave(self) -> None:
        """Hear that a request which was sent is over."""
        self.under_way -= 1
        if self.waiting:
            self.freed()

    def freed(self) -> None:
        """Send those that wait, as far as there is room."""
        while self.waiting and self.under_way < self._most:
            passenger = next(iter(self.waiting))
            try:
                if not self._send(passenger):
                    return
            except ServiceError as error:
                del self.waiting[passenger]
                passenger.turned_away(error)
                continue
            del self.waiting[passenger]

    def _send(self, passenger: Passenger) -> bool:
        """Send to an instance that has room; return False if none has, raise if there is none that takes it."""
        while True:
            pool = self._chosen(passenger.tried)
            if pool is None:
                break
            try:
                exchange = pool.ask(passenger, passenger.request)
            except Unreachable:
                passenger.tried += (pool,)
                continue
            self.under_way += 1
            self.sent += 1
            passenger.sent(pool, exchange)
            return True
        if all(pool in passenger.tried for pool in self.pools):
            raise NobodyThere
        return False

    def _chosen(self, tried: tuple[Pool, ...]) -> Pool | None:
        ready = self._ready
        if not tried and (self._random or len(ready) == 1) and ready:
            pool = ready[int(self._chance() * len(ready))] if len(ready) > 1 else ready[0]
            if pool.outstanding < pool.most:
                return pool
        chosen = least_busy(ready, tried)
        if chosen is None and tried and all(pool in tried for pool in ready):
            chosen = least_busy(self.pools, tried)  # rather one that is set aside than none
        if chosen is not None:
            chosen.turn = next(self._turns)
        return chosen


def least_busy(pools: Sequence[Pool], tried: tuple[Pool, ...]) -> Pool | None:
    """Return the instance with the fewest requests that has room and was not tried yet.

    Among equals it is the one that was chosen longest ago, so that one that comes late gets its share only.
    """
    best: Pool | None = None
    for pool in pools:
        busy = pool.outstanding
        if (
            busy < pool.most
            and pool not in tried
            and (best is None or (busy, pool.turn) < (best.outstanding, best.turn))
        ):
            best = pool
    return best
