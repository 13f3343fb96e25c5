"""What a worker knows of the store: routes, kept up to date, and word of what changed.

A thread follows the feed of changes and hands snapshots to the event loop, which alone
uses them. While the store cannot be read the worker goes on with what it knows.
"""

from __future__ import annotations

import logging
import select
import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from sqlalchemy.exc import SQLAlchemyError

from clary.resources.route import ROUTE, Route
from clary.store.changes import READ_MAX, RESYNC_S, Behind, Changed, Ear
from clary.store.store import Store

log = logging.getLogger(__name__)

HEARTBEAT_S = 10.0
IDENTITIES = ("iam/", "organizations/")
"""Kinds whose changes touch their account or, as that of an account in its organization, the one they are named by."""
Key = tuple[str, str, str]
"""Account, region and name of an endpoint."""
Routes = Mapping[Key, Route]


@dataclass(frozen=True, slots=True)
class News:
    """All routes as they stand, and what changed of principals since the last news."""

    routes: Routes
    routes_changed: bool
    accounts: frozenset[str] = field(default_factory=frozenset)  # whose users, roles or policies changed
    everyone: bool = False  # word of changes was lost


class Follower:
    """Follows the store in a thread of its own.

    `apply` hands news to the event loop and returns once it acts on them; `holding`
    returns the names of dropped instances that still work on requests.
    """

    def __init__(
        self, store: Store, worker: str, apply: Callable[[News], None], holding: Callable[[], frozenset[str]]
    ) -> None:
        self._store = store
        self._worker = worker
        self._apply = apply
        self._holding = holding
        self._routes: dict[Key, Route] = {}
        self._seq = 0
        self._reported_at = 0.0
        self._readable = True
        self._stopping = False
        self._heard, self._wake = socket.socketpair()
        self._wake.settimeout(0)
        self._thread = threading.Thread(target=self._run, name="routes", daemon=True)

    def start(self) -> None:
        """Load every route, put the worker on the register, and follow from there on."""
        self._load()
        self._tell(due=True)  # before it serves: no instance is stopped while a worker may send to it
        self._thread.start()

    def report(self) -> None:
        """Have it told anew what this worker holds; once it has stopped there is nobody to tell."""
        with suppress(OSError):
            self._wake.send(b"!")

    def stop(self) -> None:
        """Stop following and take the worker off the register."""
        self._stopping = True
        self.report()
        self._thread.join()
        self._heard.close()
        self._wake.close()
        with suppress(SQLAlchemyError):
            self._store.gateways.forget(self._worker)

    def _run(self) -> None:
        with self._store.bell.listen(self._worker) as ear:
            must_report = False
            while not self._stopping:
                must_report = self._follow() or must_report
                must_report = self._tell(due=must_report)
                must_report = self._wait(ear) or must_report

    def _wait(self, ear: Ear) -> bool:
        """Wait for a ring, a second at most; return whether a report was asked for."""
        heard = self._heard.fileno()
        ready, _, _ = select.select([ear.fileno(), heard], [], [], RESYNC_S)
        ear.wait(0)
        if heard in ready:
            self._heard.recv(4096)
        return heard in ready

    def _follow(self) -> bool:
        """Read what changed; return whether the routes are others now."""
        try:
            changed = False
            while True:
                changes = self._store.feed.since(self._seq)
                changed = self._take(changes) or changed
                if len(changes) < READ_MAX:
                    self._notice(readable=True)
                    return changed
        except Behind:
            self._load_again()
            return True
        except Exception as error:  # noqa: BLE001 - whatever it is, serving on with the routes known is better than not
            self._notice(readable=False, error=error)
            return False

    def _take(self, changes: list[Changed]) -> bool:
        if not changes:
            return False
        touched = {(each.account, each.region, each.name) for each in changes if each.kind == str(ROUTE)}
        for key in touched:
            self._read(key)
        self._seq = changes[-1].seq
        identities = [each for each in changes if each.kind.startswith(IDENTITIES)]
        accounts = frozenset(name for each in identities for name in (each.account, each.name))
        if touched or accounts:
            self._apply(News(dict(self._routes), bool(touched), accounts))
        return bool(touched)

    def _read(self, key: Key) -> None:
        account, region, name = key
        record = self._store.records(account, region).find(ROUTE, name)
        if record is None:
            self._routes.pop(key, None)
        else:
            self._routes[key] = Route.read(record)

    def _load(self) -> None:
        seq = self._store.feed.newest()  # read first: what changes meanwhile is read again
        routes = (Route.read(record) for record in self._store.world.all(ROUTE))
        self._routes = {(each.account, each.region, each.endpoint): each for each in routes}
        self._seq = seq
        self._apply(News(dict(self._routes), routes_changed=True, everyone=True))

    def _load_again(self) -> None:
        try:
            self._load()
        except (SQLAlchemyError, OSError) as error:
            self._notice(readable=False, error=error)

    def _tell(self, *, due: bool) -> bool:
        """Report where it is due; return whether it still is."""
        now = self._store.clock()
        if not due and now - self._reported_at < HEARTBEAT_S:
            return False
        try:
            self._store.gateways.report(self._worker, self._seq, self._holding())
        except (SQLAlchemyError, OSError) as error:
            self._notice(readable=False, error=error)
            return True
        self._reported_at = now
        return False

    def _notice(self, *, readable: bool, error: BaseException | None = None) -> None:
        if readable and not self._readable:
            log.info("the store can be read again")
        elif not readable and self._readable:
            log.warning("the store cannot be read; serving goes on with the routes known: %r", error)
        self._readable = readable
