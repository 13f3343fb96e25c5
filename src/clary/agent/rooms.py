"""Admission: what this machine has promised to whom; a machine that is full lets the next one wait.

Before an instance has to wait for want of free memory, the back end gives back what it can do without.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from clary.agent.places import Mistake
from clary.compute.admission import Capacity, Policy, Refusal, Share, admit, free_memory_bytes, share
from clary.compute.instance_types import InstanceType, find
from clary.resources.instance import Instance


@dataclass
class Rooms:
    """The shares of the instances that are on this machine."""

    capacity: Capacity
    policy: Policy
    make_room: Callable[[], None]
    free_bytes: Callable[[], int] = free_memory_bytes
    taken: dict[str, Share] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, instance: Instance) -> Refusal | None:
        """Promise an instance what it needs, or say why not; one that has its room keeps it."""
        with self._lock:
            if instance.name in self.taken:
                return None
            offered = admit(
                type_of(instance),
                self.taken.values(),
                self.capacity,
                self.policy,
                serves=instance.spec.serving is not None,
                free_bytes=self._free_bytes(),
            )
            if isinstance(offered, Refusal):
                return offered
            self.taken[instance.name] = offered
            return None

    def _free_bytes(self) -> int:
        if self.free_bytes() < self.policy.free_memory_bytes_min:
            self.make_room()
        return self.free_bytes()

    def keep(self, instance: Instance) -> None:
        """Count an instance that is under way already, as it is when the agent was started anew."""
        with self._lock:
            self.taken.setdefault(instance.name, self.share(instance))

    def share(self, instance: Instance) -> Share:
        """Return what an instance gets on this machine."""
        return share(type_of(instance), self.capacity, self.policy, serves=instance.spec.serving is not None)

    def leave(self, name: str) -> None:
        """Give a share back."""
        with self._lock:
            self.taken.pop(name, None)


def type_of(instance: Instance) -> InstanceType:
    """Return the instance's type, or raise Mistake: a type may be newer than the table."""
    found = find(instance.spec.instance_type)
    if found is None:
        raise Mistake(f"The instance type {instance.spec.instance_type} is not known here.")
    return found
