"""Who dies by `clary chaos`, how, and how long their endpoints take to be whole again.

The home is only read, and processes are only killed: all healing is Clary's own.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from clary.compute.process import ProcessBackend
from clary.core.settings import Settings
from clary.resources.instance import INSTANCE, Instance
from clary.resources.route import ROUTE, Route
from clary.store.database import Database
from clary.store.world import World

LOOK_S = 0.02


@dataclass(frozen=True, slots=True)
class Choice:
    """Which instances may be killed; None is any."""

    endpoint: str | None = None
    variant: str | None = None
    name: str | None = None
    zone: str | None = None
    account: str | None = None

    def takes(self, instance: Instance) -> bool:
        """Say whether an instance is among those that may be killed: one that serves, and that all this fits."""
        serving = instance.spec.serving
        if serving is None or not instance.status.ready or instance.ended or instance.deleting:
            return False
        pairs = (
            (self.endpoint, serving.endpoint),
            (self.variant, serving.variant),
            (self.name, instance.name),
            (self.zone, instance.spec.zone),
            (self.account, instance.record.account),
        )
        return all(wanted in (None, seen) for wanted, seen in pairs)


@dataclass(frozen=True, slots=True)
class Killed:
    """An instance that was killed."""

    account: str
    region: str
    endpoint: str
    variant: str
    instance: str
    zone: str


@dataclass(frozen=True, slots=True)
class Healed:
    """How long an endpoint had fewer instances than before; None if it had not healed when nobody waited any longer."""

    endpoint: str
    seconds: float | None


def chosen(
    choice: Choice, instances: Sequence[Instance], pick: Callable[[Sequence[Instance]], Instance]
) -> list[Instance]:
    """Return who is to be killed: all of a zone, otherwise one of those that the choice takes."""
    found = [each for each in instances if choice.takes(each)]
    return found if choice.zone is not None or not found else [pick(found)]


@dataclass(frozen=True, slots=True)
class Scene:
    """The home in which something is killed."""

    world: World
    backend: ProcessBackend

    @classmethod
    def of(cls, settings: Settings) -> Scene:
        """Open a home to look at it."""
        return cls(World(Database(settings.databases, "records")), ProcessBackend(settings.instances))

    def instances(self) -> list[Instance]:
        """Return all instances."""
        return [Instance.read(each) for each in self.world.all(INSTANCE)]

    def sizes(self) -> dict[str, int]:
        """Return how many instances answer for each endpoint, by the endpoint's uid."""
        return {uid: len(route.instances()) for uid, route in self._routes().items()}

    def kill(self, victims: Sequence[Instance]) -> Iterator[Killed]:
        """Kill instances that serve, each as if its machine had failed."""
        for each in victims:
            serving = each.spec.serving
            if serving is not None and self.backend.kill(each.name):
                record, zone = each.record, each.spec.zone
                yield Killed(record.account, record.region, serving.endpoint, serving.variant, each.name, zone)

    def healing(
        self, victims: Sequence[Instance], before: Mapping[str, int], began: float, wait_s: float
    ) -> Iterator[Healed]:
        """Give each endpoint as it heals: it is led to as many instances as before, and to none that was killed."""
        gone = {each.name for each in victims}
        waiting = {each.record.parent: each.spec.serving.endpoint for each in victims if each.spec.serving is not None}
        while waiting and time.monotonic() < began + wait_s:
            routes = self._routes()
            for uid in list(waiting):
                led = routes[uid].instances() if uid in routes else frozenset()
                if len(led) >= before.get(uid, 1) and not led & gone:
                    yield Healed(waiting.pop(uid), round(time.monotonic() - began, 2))
            time.sleep(LOOK_S)
        yield from (Healed(endpoint, None) for endpoint in waiting.values())

    def _routes(self) -> dict[str, Route]:
        return {record.parent: Route.read(record) for record in self.world.all(ROUTE)}
