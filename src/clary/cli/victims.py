"""Who dies by `clary chaos`, how, and how long their endpoints take to be whole again.

All is read off the labels of instances and asked of themselves: healing is Clary's own, and it is not told.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from clary.compute.backend import State
from clary.compute.health import ping
from clary.compute.process import ProcessBackend

LOOK_S = 0.05


@dataclass(frozen=True, slots=True)
class Server:
    """An instance of an endpoint that answers its pings."""

    account: str
    region: str
    endpoint: str
    variant: str
    zone: str
    instance: str

    @property
    def owner(self) -> tuple[str, str, str]:
        """Return what the instances of one endpoint share."""
        return self.account, self.region, self.endpoint


@dataclass(frozen=True, slots=True)
class Choice:
    """Which instances may be killed; None is any."""

    endpoint: str | None = None
    variant: str | None = None
    instance: str | None = None
    zone: str | None = None
    account: str | None = None

    def takes(self, server: Server) -> bool:
        """Say whether a server is among those that may be killed."""
        return all(getattr(self, name) in (None, getattr(server, name)) for name in self.__slots__)


@dataclass(frozen=True, slots=True)
class Healed:
    """How long an endpoint had fewer instances than before; None if it had not healed when nobody waited any longer."""

    endpoint: str
    seconds: float | None


def serving(backend: ProcessBackend) -> list[Server]:
    """Return the instances of endpoints that answer now."""
    found = ((name, backend.labels(name)) for name in backend.names())
    servers = [_server(name, labels) for name, labels in found if "endpoint" in labels]
    return [each for each in servers if _answers(backend, each.instance)]


def chosen(choice: Choice, servers: Sequence[Server], pick: Callable[[Sequence[Server]], Server]) -> list[Server]:
    """Return who is to be killed: all of a zone, otherwise one of those that the choice takes."""
    found = [each for each in servers if choice.takes(each)]
    return found if choice.zone is not None or not found else [pick(found)]


def healing(
    backend: ProcessBackend, before: Sequence[Server], killed: Sequence[Server], began: float, wait_s: float
) -> Iterator[Healed]:
    """Give each endpoint as it heals: as many of its instances as before answer, none of them one that was killed."""
    wanted = Counter(each.owner for each in before)
    waiting = {each.owner for each in killed}
    gone = {each.instance for each in killed}
    while waiting and time.monotonic() < began + wait_s:
        now = Counter(each.owner for each in serving(backend) if each.instance not in gone)
        for owner in sorted(each for each in waiting if now[each] >= wanted[each]):
            waiting.discard(owner)
            yield Healed(owner[2], round(time.monotonic() - began, 2))
        time.sleep(LOOK_S)
    yield from (Healed(endpoint, None) for *_, endpoint in sorted(waiting))


def _server(name: str, labels: Mapping[str, str]) -> Server:
    told = {each: labels.get(each, "") for each in ("account", "region", "endpoint", "variant", "zone")}
    return Server(**told, instance=name)


def _answers(backend: ProcessBackend, name: str) -> bool:
    seen = backend.observe(name)
    return seen is not None and seen.state is State.RUNNING and ping(seen.serve_socket)
