"""Makes due deliveries in parallel: those of topics, and those of event buses.

Of several controllers one delivers, and a short overlap of two is harmless: a courier
lets a delivery's row go only after it was made or given up.
"""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from clary.core.clock import Clock
from clary.store.deliveries import WORD, Deliveries, Delivery
from clary.store.store import Store
from clary.store.words import Listener

log = logging.getLogger(__name__)

LEASE_S = 10.0
RENEW_S = 3.0
PARALLEL_MAX = 16
DUE_MAX = 256
"""Deliveries that are taken up at once."""
IDLE_S = 30.0
BLOCKED_S = 1.0
"""How long to leave deliveries alone that are due, but wait for another of their lane."""
FAILED_S = 30.0


class Courier(Protocol):
    """Makes deliveries of one kind."""

    @property
    def store(self) -> Store:
        """Return where leases are had and words are said."""

    @property
    def clock(self) -> Clock:
        """Return what tells when deliveries are due."""

    @property
    def deliveries(self) -> Deliveries:
        """Return what is to be delivered."""

    def deliver(self, delivery: Delivery) -> None:
        """Try a delivery once: it is made, put off, or given up."""


class Worker:
    """Makes due deliveries while this process holds the lease."""

    def __init__(self, courier: Courier, lease: str, holder: str) -> None:
        self._courier = courier
        self._lease = lease
        self._holder = holder
        self._busy: set[int] = set()
        self._lock = threading.Lock()

    def run(self, stop: threading.Event, listener: Listener) -> None:
        """Deliver until told to stop; `listener` hears when something is published. Idle, it writes nothing."""
        with ThreadPoolExecutor(PARALLEL_MAX, "deliver") as pool:
            while not stop.is_set():
                pause_s = self._pause_s()
                if pause_s > 0:
                    listener.wait(pause_s)
                elif self._courier.store.leases.acquire(self._lease, self._holder, LEASE_S) is None:
                    stop.wait(RENEW_S)
                else:
                    self._lead(pool, stop, listener)

    def _lead(self, pool: ThreadPoolExecutor, stop: threading.Event, listener: Listener) -> None:
        """Deliver until nothing is due, or it is time to renew the lease."""
        clock = self._courier.clock
        until = clock() + RENEW_S
        while not stop.is_set() and clock() < until:
            due = self._take()
            for delivery in due:
                pool.submit(self._work, delivery)
            if not due:
                listener.wait(min(BLOCKED_S, until - clock()))
                if self._pause_s() > 0:
                    return

    def _take(self) -> list[Delivery]:
        """Return due deliveries that nobody works on, as many as there is room for."""
        with self._lock:
            if len(self._busy) >= DUE_MAX:
                return []
            due = self._courier.deliveries.due(int(self._courier.clock() * 1000), DUE_MAX)
            fresh = [each for each in due if each.id not in self._busy]
            self._busy.update(each.id for each in fresh)
        return fresh

    def _pause_s(self) -> float:
        """Return how long nothing is due."""
        next_ms = self._courier.deliveries.next_ms()
        return IDLE_S if next_ms is None else min(IDLE_S, next_ms / 1000 - self._courier.clock())

    def _work(self, delivery: Delivery) -> None:
        try:
            self._courier.deliver(delivery)
        except BaseException:
            log.exception("delivery %s failed; again in %.0f s", delivery.id, FAILED_S)
            self._courier.deliveries.put_off(delivery.id, int((self._courier.clock() + FAILED_S) * 1000))
            raise
        finally:
            with self._lock:
                self._busy.discard(delivery.id)
            self._courier.store.words.say(WORD)
