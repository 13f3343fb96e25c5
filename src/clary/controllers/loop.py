"""The thin loop under every reconciler: a lease, a queue of names, bounded parallelism, back-off.

Level, not edge: a change only says which name to look at. Whatever is lost on the
way (a bell, a crash) is found by the resync.
"""

from __future__ import annotations

import heapq
import logging
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Protocol

from clary.core.clock import Clock
from clary.core.errors import LeaseLost, StaleRecord
from clary.resources.instance import INSTANCE, owner_of
from clary.store.changes import Behind, Changed, Ear
from clary.store.leases import Lease
from clary.store.records import Kind, Record, Records
from clary.store.store import Store

log = logging.getLogger(__name__)

LEASE = "controller"
LEASE_S = 10.0
RENEW_S = 3.0
RESYNC_S = 30.0
STANDBY_S = 1.0
PARALLEL_MAX = 8
BACKOFF_FIRST_S = 0.1
BACKOFF_MAX_S = 30.0


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """The name of one record to look at."""

    kind: str
    account: str
    region: str
    name: str

    @classmethod
    def of(cls, record: Record) -> Key:
        """Return the key of a record."""
        return cls(record.kind, record.account, record.region, record.name)


class Reconciler(Protocol):
    """Brings one kind of noun in line with what its records ask for."""

    kind: Kind

    def reconcile(self, record: Record, records: Records) -> float | None:
        """Take the steps that are allowed now; return in how many seconds to look again, None for «when it changes».

        `records` are fenced: a write raises LeaseLost once another process leads.
        """


@dataclass
class Queue:
    """Names to look at and when; a name that is being worked on is not handed out twice."""

    due: list[tuple[float, Key]] = field(default_factory=list)
    at: dict[Key, float] = field(default_factory=dict)
    busy: set[Key] = field(default_factory=set)
    failures: dict[Key, int] = field(default_factory=dict)

    def add(self, key: Key, when: float) -> None:
        """Look at a name at a time, or sooner if it was to be looked at sooner."""
        if key not in self.at or when < self.at[key]:
            self.at[key] = when
            heapq.heappush(self.due, (when, key))

    def take(self, now: float) -> list[Key]:
        """Return the names whose time has come; they stay busy until `done`."""
        taken: list[Key] = []
        waiting: list[tuple[float, Key]] = []
        while self.due and self.due[0][0] <= now and len(self.busy) < PARALLEL_MAX:
            when, key = heapq.heappop(self.due)
            if self.at.get(key) != when:
                continue  # It was put forward since.
            if key in self.busy:
                waiting.append((when, key))
                continue
            del self.at[key]
            self.busy.add(key)
            taken.append(key)
        for entry in waiting:
            heapq.heappush(self.due, entry)
        return taken

    def done(self, key: Key) -> None:
        """Let a name be handed out again."""
        self.busy.discard(key)

    def next_s(self, now: float) -> float:
        """Return the seconds until the next name that may be taken is due."""
        free = [when for when, key in self.due if key not in self.busy]
        if not free or len(self.busy) >= PARALLEL_MAX:
            return RENEW_S
        return max(0.0, min(min(free) - now, RENEW_S))

    def back_off(self, key: Key) -> float:
        """Return how long to leave a name alone that has just failed once more."""
        count = self.failures[key] = self.failures.get(key, 0) + 1
        return min(BACKOFF_FIRST_S * 2 ** (count - 1), BACKOFF_MAX_S)


class Loop:
    """Runs the reconcilers while this process holds the lease."""

    def __init__(self, store: Store, reconcilers: Mapping[str, Reconciler], holder: str, clock: Clock) -> None:
        self._store = store
        self._reconcilers = reconcilers
        self._holder = holder
        self._clock = clock

    def run(self, stop: threading.Event) -> None:
        """Lead whenever the lease can be had, until told to stop."""
        with self._store.bell.listen("controller") as ear:
            while not stop.is_set():
                lease = self._store.leases.acquire(LEASE, self._holder, LEASE_S)
                if lease is None:
                    stop.wait(STANDBY_S)
                    continue
                try:
                    _Term(self._store, self._reconcilers, lease, self._clock).lead(ear, stop)
                except LeaseLost:
                    log.warning("another controller leads now")
                else:
                    self._store.leases.release(lease)


class _Term:
    """One stretch of leading, from a lease won to a lease lost or given back."""

    def __init__(self, store: Store, reconcilers: Mapping[str, Reconciler], lease: Lease, clock: Clock) -> None:
        self._store = store
        self._reconcilers = reconcilers
        self._lease = lease
        self._clock = clock
        self._queue = Queue()
        self._lock = threading.Lock()
        self._seq = 0
        self._lost = threading.Event()

    def lead(self, ear: Ear, stop: threading.Event) -> None:
        renewed = resynced = float("-inf")
        with ThreadPoolExecutor(PARALLEL_MAX, "reconcile") as pool:
            while not stop.is_set():
                now = self._clock()
                if now - renewed >= RENEW_S:
                    self._renew()
                    renewed = now
                if now - resynced >= RESYNC_S:
                    self._resync()
                    resynced = now
                self._follow()
                with self._lock:
                    keys = self._queue.take(self._clock())
                for key in keys:
                    pool.submit(self._work, key)
                if self._lost.is_set():
                    raise LeaseLost(LEASE)
                with self._lock:
                    pause = self._queue.next_s(self._clock())
                ear.wait(pause)

    def _renew(self) -> None:
        renewed = self._store.leases.acquire(LEASE, self._lease.holder, LEASE_S)
        if renewed is None or renewed.epoch != self._lease.epoch:
            raise LeaseLost(LEASE)

    def _resync(self) -> None:
        self._seq = self._store.feed.newest()
        for reconciler in self._reconcilers.values():
            for record in self._store.world.all(reconciler.kind):
                self._add(Key.of(record))

    def _follow(self) -> None:
        while True:
            try:
                changes = self._store.feed.since(self._seq)
            except Behind:
                self._resync()
                return
            if not changes:
                return
            for change in changes:
                self._hear(change)
            self._seq = changes[-1].seq

    def _hear(self, change: Changed) -> None:
        if change.kind in self._reconcilers:
            self._add(Key(change.kind, change.account, change.region, change.name))
        elif change.kind == str(INSTANCE):
            owner = self._store.world.find_uid(owner_of(change.name))
            if owner is not None:
                self._add(Key.of(owner))

    def _add(self, key: Key, delay_s: float = 0.0) -> None:
        with self._lock:
            self._queue.add(key, self._clock() + delay_s)

    def _work(self, key: Key) -> None:
        again: float | None = None
        try:
            again = self._reconcile(key)
            self._queue.failures.pop(key, None)
        except StaleRecord:
            again = 0.0  # Somebody else wrote first: look again at once.
        except LeaseLost:
            self._lost.set()
        except Exception:
            with self._lock:
                again = self._queue.back_off(key)
            log.exception("%s failed; again in %.1f s", key, again)
        with self._lock:
            self._queue.done(key)
            if again is not None:
                self._queue.add(key, self._clock() + again)
        self._store.bell.ring()

    def _reconcile(self, key: Key) -> float | None:
        reconciler = self._reconcilers[key.kind]
        records = self._store.records(key.account, key.region, fence=self._lease.fence)
        record = records.find(reconciler.kind, key.name)
        return None if record is None else reconciler.reconcile(record, records)
