"""May one more instance run on this machine, and with which limits? Pure, but for two looks at the machine.

Scripts written for AWS ask a laptop for ml.m5.4xlarge, so a type is fitted to reality by one explicit Policy.
What does not fit now must wait (a job) or hears InsufficientCapacity (AWS's word); what never can is told apart.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from clary.compute.instance_types import InstanceType

MIB: Final = 2**20
GIB: Final = 2**30
MEMORY_LEAST_BYTES: Final = 128 * MIB
MEMINFO: Final = Path("/proc/meminfo")


@dataclass(frozen=True, slots=True)
class Policy:
    """The settings of admission: what is set aside for an instance is one thing, how far it may go another.

    An instance may use the smaller of its type's and the machine's vCPUs, and the smallest of its type's memory,
    `instance_memory_bytes_max` and what the machine can promise at all; control groups hold it there. A job is
    promised all of that, since it will use it. A model server waits most of the time and is small, so it is promised
    `server_vcpus` and `server_memory_bytes` only: tens of them fit, as they do in fact. The sums of what is promised
    never exceed `cpu_overcommit` times the machine's vCPUs, and its memory less `reserved_memory_bytes`; and nothing
    starts while less than `free_memory_bytes_min` is really free, whatever was promised. What is reserved is Clary's
    own: half for its processes, half for the warm parents of programs (`spare`), which go first when memory is short.
    GPUs are never pretended: a type with GPUs waits for such a machine.
    """

    cpu_overcommit: float = 8.0
    server_vcpus: float = 0.05
    server_memory_bytes: int = 96 * MIB
    instance_memory_bytes_max: int = 2 * GIB
    reserved_memory_bytes: int = GIB
    free_memory_bytes_min: int = 384 * MIB
    instances_max: int = 500


@dataclass(frozen=True, slots=True)
class Capacity:
    """What this machine has."""

    vcpus: int
    memory_bytes: int
    gpus: int = 0


@dataclass(frozen=True, slots=True)
class Share:
    """How far one instance may go, and what of it is promised."""

    vcpus: float
    memory_bytes: int
    gpus: int
    promised_vcpus: float
    promised_memory_bytes: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an instance may not run; `permanent` if it never may on this machine."""

    reason: str
    permanent: bool


def this_machine() -> Capacity:
    """Return the capacity of the machine, as far as this process may use it."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return Capacity(vcpus=len(os.sched_getaffinity(0)), memory_bytes=memory)


def free_memory_bytes(meminfo: Path = MEMINFO) -> int:
    """Return the memory that programs could have now without anything being killed, as the kernel estimates it."""
    lines = (line.split() for line in meminfo.read_text().splitlines())
    return next(int(words[1]) for words in lines if words[0] == "MemAvailable:") * 1024


def share(wanted: InstanceType, machine: Capacity, policy: Policy, *, serves: bool) -> Share:
    """Return what an instance of this type gets here."""
    memory = min(wanted.memory_bytes, policy.instance_memory_bytes_max, promisable(machine, policy))
    vcpus = min(wanted.vcpus, machine.vcpus)
    return Share(
        vcpus=vcpus,
        memory_bytes=memory,
        gpus=wanted.gpus,
        promised_vcpus=min(vcpus, policy.server_vcpus) if serves else vcpus,
        promised_memory_bytes=min(memory, policy.server_memory_bytes) if serves else memory,
    )


def promisable(machine: Capacity, policy: Policy) -> int:
    """Return the memory that all instances together may be promised: on a small machine half of it at least."""
    return max(machine.memory_bytes - policy.reserved_memory_bytes, machine.memory_bytes // 2)


def spare(machine: Capacity, policy: Policy) -> int:
    """Return the memory that what makes starts quick may have: half of what is promised to nobody."""
    return (machine.memory_bytes - promisable(machine, policy)) // 2


def admit(
    wanted: InstanceType,
    running: Iterable[Share],
    machine: Capacity,
    policy: Policy,
    *,
    serves: bool,
    free_bytes: int,
) -> Share | Refusal:
    """Return what the instance gets beside those that run, or why it may not run; `free_bytes` are free in fact."""
    offered = share(wanted, machine, policy, serves=serves)
    if offered.gpus > machine.gpus:
        return Refusal(f"{wanted.name} has {wanted.gpus} GPUs; this machine has {machine.gpus}.", permanent=True)
    if offered.memory_bytes < MEMORY_LEAST_BYTES:
        return Refusal("This machine has too little memory for any instance.", permanent=True)
    if free_bytes < policy.free_memory_bytes_min:
        reason = f"this machine has {free_bytes // MIB} MiB of memory free, less than the {_floor(policy)} it keeps."
        return Refusal(f"Insufficient capacity for {wanted.name}: {reason}", permanent=False)
    promised = [*running, offered]
    needs = (
        ("instances", len(promised), policy.instances_max),
        ("vCPUs", round(sum(each.promised_vcpus for each in promised), 6), machine.vcpus * policy.cpu_overcommit),
        ("bytes of memory", sum(each.promised_memory_bytes for each in promised), promisable(machine, policy)),
        ("GPUs", sum(each.gpus for each in promised), machine.gpus),
    )
    for what, needed, available in needs:
        if needed > available:
            reason = f"Insufficient capacity for {wanted.name}: it would make {needed:g} {what} of {available:g}."
            return Refusal(reason, permanent=False)
    return offered


def _floor(policy: Policy) -> str:
    return f"{policy.free_memory_bytes_min // MIB} MiB"
