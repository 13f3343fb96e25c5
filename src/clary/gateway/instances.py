"""The instances that this worker may send to: the routes it applied, and what it still holds of older ones."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import count

from clary.gateway.routes import Key, Routes
from clary.gateway.upstream import Pool
from clary.resources.route import Route, RoutedVariant


class Instances:
    """Routes and a pool an instance; `drained` is called when a dropped instance has done its last request."""

    def __init__(self, loop: asyncio.AbstractEventLoop, answer_bytes_max: int, drained: Callable[[], None]) -> None:
        self.holding: frozenset[str] = frozenset()
        self._loop = loop
        self._answer_bytes_max = answer_bytes_max
        self._drained = drained
        self._routes: Routes = {}
        self._pools: dict[str, Pool] = {}
        self._dropped: dict[str, Pool] = {}
        self._turns = count(1)

    def apply(self, routes: Routes) -> None:
        """Send by these routes from now on."""
        self._routes = routes
        named = {each.name: each.socket for route in routes.values() for v in route.variants for each in v.instances}
        for name in self._pools.keys() - named.keys():
            self._drop(name)
        for name, path in named.items():
            if name in self._dropped:
                self._pools[name] = self._dropped.pop(name)
                self._pools[name].on_idle = None
            elif name not in self._pools:
                self._pools[name] = Pool(self._loop, path, self._answer_bytes_max)
        self._note()

    def route(self, key: Key) -> Route | None:
        """Return the route of an endpoint, or None."""
        return self._routes.get(key)

    def least_busy(self, variant: RoutedVariant, refused: frozenset[str]) -> tuple[str, Pool] | None:
        """Return the instance with the fewest requests that has not refused this one yet.

        Among equals it is the one that was chosen longest ago, so that one that comes late gets its share only.
        """
        # A variant may be older than the routes: one of its instances may have been dropped since.
        names = (each.name for each in variant.instances if each.name in self._pools and each.name not in refused)
        chosen = min(((name, self._pools[name]) for name in names), key=_load, default=None)
        if chosen is not None:
            chosen[1].turn = next(self._turns)
        return chosen

    def sweep(self) -> None:
        """Close what was idle for long."""
        for pool in self._pools.values():
            pool.sweep()

    def close(self) -> None:
        """Close every idle connection."""
        for pool in [*self._pools.values(), *self._dropped.values()]:
            pool.close()

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


def _load(candidate: tuple[str, Pool]) -> tuple[int, int]:
    pool = candidate[1]
    return pool.outstanding, pool.turn
