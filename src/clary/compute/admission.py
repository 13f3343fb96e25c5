"""May one more instance run on this machine, and with which limits? Pure.

Scripts written for AWS ask a laptop for ml.m5.4xlarge, so a type is fitted to reality by one explicit Policy.
What does not fit now must wait (a job) or hears InsufficientCapacity (AWS's word); what never can is told apart.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from clary.compute.instance_types import InstanceType

GIB: Final = 2**30
MEMORY_LEAST_BYTES: Final = 128 * 2**20


@dataclass(frozen=True, slots=True)
class Policy:
    """The settings of admission.

    vCPUs are the smaller of the type's and the machine's; an idle endpoint uses none, so their sum may be
    `cpu_overcommit` times the machine's. Memory is the smallest of the type's, `instance_memory_bytes_max` and what
    the machine can promise at all; it is a hard limit and promised: the sum over all instances never exceeds the
    machine's memory less `reserved_memory_bytes`. GPUs are never pretended: a type with GPUs waits for such a machine.
    """

    cpu_overcommit: float = 8.0
    instance_memory_bytes_max: int = 2 * GIB
    reserved_memory_bytes: int = GIB
    instances_max: int = 500


@dataclass(frozen=True, slots=True)
class Capacity:
    """What this machine has."""

    vcpus: int
    memory_bytes: int
    gpus: int = 0


@dataclass(frozen=True, slots=True)
class Share:
    """What one instance is promised."""

    vcpus: float
    memory_bytes: int
    gpus: int = 0


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an instance may not run; `permanent` if it never may on this machine."""

    reason: str
    permanent: bool


def this_machine() -> Capacity:
    """Return the capacity of the machine, as far as this process may use it."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return Capacity(vcpus=len(os.sched_getaffinity(0)), memory_bytes=memory)


def share(wanted: InstanceType, machine: Capacity, policy: Policy) -> Share:
    """Return what an instance of this type gets here."""
    memory = min(wanted.memory_bytes, policy.instance_memory_bytes_max, _promisable(machine, policy))
    return Share(vcpus=min(wanted.vcpus, machine.vcpus), memory_bytes=memory, gpus=wanted.gpus)


def _promisable(machine: Capacity, policy: Policy) -> int:
    """Return the memory that all instances together may be promised: on a small machine half of it at least."""
    return max(machine.memory_bytes - policy.reserved_memory_bytes, machine.memory_bytes // 2)


def admit(wanted: InstanceType, running: Iterable[Share], machine: Capacity, policy: Policy) -> Share | Refusal:
    """Return what the instance gets beside those that run, or why it may not run."""
    offered = share(wanted, machine, policy)
    if offered.gpus > machine.gpus:
        return Refusal(f"{wanted.name} has {wanted.gpus} GPUs; this machine has {machine.gpus}.", permanent=True)
    if offered.memory_bytes < MEMORY_LEAST_BYTES:
        return Refusal("This machine has too little memory for any instance.", permanent=True)
    others = list(running)
    memory = sum(each.memory_bytes for each in others) + offered.memory_bytes
    needs = (
        ("instances", len(others) + 1, policy.instances_max),
        ("vCPUs", sum(each.vcpus for each in others) + offered.vcpus, machine.vcpus * policy.cpu_overcommit),
        ("bytes of memory", memory, _promisable(machine, policy)),
        ("GPUs", sum(each.gpus for each in others) + offered.gpus, machine.gpus),
    )  # fmt: skip
    for what, needed, available in needs:
        if needed > available:
            reason = f"Insufficient capacity for {wanted.name}: it would make {needed:g} {what} of {available:g}."
            return Refusal(reason, permanent=False)
    return offered
