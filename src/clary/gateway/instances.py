"""What this worker may send to: the endpoints of the routes it applied, and what it still holds of older ones."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

from clary.gateway.endpoints import Endpoint
from clary.gateway.lanes import Lane
from clary.gateway.routes import Key, Routes
from clary.gateway.shadows import Shadow
from clary.gateway.upstream import Pool
from clary.resources.route import Route, RoutedInstance, RoutedShadow, RoutedVariant, Strategy


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much one worker takes upon itself."""

    instance_requests_max: int  # at once at one instance
    waiting_max: int  # requests that wait for a variant
    answer_bytes_max: int
    workers: int  # that share what a variant may have at once


class Instances:
    """Endpoints, and a pool an instance; `drained` is called when a dropped instance has done its last request."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, bounds: Bounds, chance: Callable[[], float], drained: Callable[[], None]
    ) -> None:
        self.holding: frozenset[str] = frozenset()
        self._loop = loop
        self._bounds = bounds
        self._chance = chance
        self._drained = drained
        self._endpoints: dict[Key, Endpoint] = {}
        self._pools: dict[str, Pool] = {}
        self._dropped: dict[str, Pool] = {}
        self._turns = count(1)

    def apply(self, routes: Routes) -> None:
        """Send by these routes from now on; those that did not change cost next to nothing."""
        closed: list[Lane] = []
        for key in self._endpoints.keys() - routes.keys():
            closed += self._endpoints.pop(key).all_lanes()
        for key, route in routes.items():
            before = self._endpoints.get(key)
            if before is None or before.route is not route:
                after = self._endpoints[key] = self._led(route, before)
                closed += _gone(before, after)
        for lane in closed:
            lane.close()
        for name in [name for name, pool in self._pools.items() if not pool.senders]:
            self._drop(name)
        self._note()

    def endpoint(self, key: Key) -> Endpoint | None:
        """Return an endpoint, None if there is no route to it."""
        return self._endpoints.get(key)

    def sample(self, now: float) -> None:
        """Note how many requests are under way."""
        for endpoint in self._endpoints.values():
            endpoint.sample(now)

    def sweep(self) -> None:
        """Close what was idle for long."""
        for pool in self._pools.values():
            pool.sweep()

    def close(self) -> None:
        """Close every idle connection."""
        for pool in [*self._pools.values(), *self._dropped.values()]:
            pool.close()

    def _led(self, route: Route, before: Endpoint | None) -> Endpoint:
        """Return the endpoint of a route; a variant that was there before keeps its lane."""
        old = [] if before is None else list(before.lanes)
        shades = [] if before is None else [each.lane for each in before.shadows]
        lanes = [self._lane(route, each, old) for each in route.variants]
        shadows = [Shadow(self._lane(route, each, shades), each.share) for each in route.shadows]
        return Endpoint(route, lanes, shadows, before)

    def _lane(self, route: Route, part: RoutedVariant | RoutedShadow, old: list[Lane]) -> Lane:
        """Return the lane of a variant, taken off the old ones if it was there."""
        lane = next((each for each in old if each.name == part.name), None)
        if lane is None:
            key = (route.account, route.region, route.endpoint, part.name)
            lane = Lane(key, self._bounds.waiting_max, self._chance, self._turns)
        else:
            old.remove(lane)
        pools = [self._pool(each) for each in part.instances]
        if isinstance(part, RoutedVariant):
            lane.lead(pools, part.strategy, self._part_of(part.concurrency_max))
        else:
            lane.lead(pools, Strategy.RANDOM, 0)
        return lane

    def _part_of(self, most: int) -> int:
        """Return this worker's part of what all of them may have at once; 0 is no bound."""
        return max(1, most // self._bounds.workers) if most else 0

    def _pool(self, instance: RoutedInstance) -> Pool:
        name = instance.name
        if name in self._dropped:
            self._pools[name] = self._dropped.pop(name)
            self._pools[name].on_idle = None
        elif name not in self._pools:
            bounds = self._bounds
            self._pools[name] = Pool(self._loop, instance.socket, bounds.instance_requests_max, bounds.answer_bytes_max)
        return self._pools[name]

    def _drop(self, name: str) -> None:
        pool = self._pools.pop(name)
        pool.close()
        if pool.outstanding:
            self._dropped[name] = pool
            pool.on_idle = lambda: self._let_go(name)

    def _let_go(self, name: str) -> None:
        self._loop.call_soon(self._dropped.pop(name).close)  # its last connection becomes idle in this same moment
        self._note()
        self._drained()

    def _note(self) -> None:
        self.holding = frozenset(self._dropped)


def _gone(before: Endpoint | None, after: Endpoint) -> list[Lane]:
    kept = after.all_lanes()
    return [] if before is None else [each for each in before.all_lanes() if each not in kept]
