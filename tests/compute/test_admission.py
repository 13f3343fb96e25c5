"""The policy that decides whether one more instance runs, and with what."""

from __future__ import annotations

import pytest

from clary.compute.admission import GIB, Capacity, Policy, Refusal, Share, admit, share, this_machine
from clary.compute.instance_types import InstanceType, find

LAPTOP = Capacity(vcpus=8, memory_bytes=16 * GIB)
POLICY = Policy()


def kind(name: str) -> InstanceType:
    found = find(name)
    assert found is not None
    return found


def test_a_type_is_fitted_to_the_machine() -> None:
    assert share(kind("ml.m5.4xlarge"), LAPTOP, POLICY) == Share(vcpus=8, memory_bytes=2 * GIB)
    assert share(kind("ml.t3.medium"), LAPTOP, Policy(instance_memory_bytes_max=64 * GIB)) == Share(2, 4 * GIB)
    assert share(kind("ml.r5.24xlarge"), LAPTOP, Policy(instance_memory_bytes_max=64 * GIB)).memory_bytes == 15 * GIB


def test_the_memory_promised_never_exceeds_the_machines() -> None:
    running: list[Share] = []
    while isinstance(granted := admit(kind("ml.t2.medium"), running, LAPTOP, POLICY), Share):
        running.append(granted)
    assert isinstance(granted, Refusal)
    assert not granted.permanent
    assert "bytes of memory" in granted.reason
    assert len(running) == 7
    assert sum(each.memory_bytes for each in running) <= LAPTOP.memory_bytes - POLICY.reserved_memory_bytes


def test_cpus_are_shared_up_to_the_overcommit() -> None:
    policy = Policy(cpu_overcommit=2, instance_memory_bytes_max=GIB // 4)
    running = [Share(8, GIB // 4)] * 2
    refused = admit(kind("ml.m5.xlarge"), running, LAPTOP, policy)
    assert isinstance(refused, Refusal)
    assert refused.reason == "Insufficient capacity for ml.m5.xlarge: it would make 20 vCPUs of 16."
    assert isinstance(admit(kind("ml.m5.xlarge"), running[:1], LAPTOP, policy), Share)


def test_gpus_are_never_pretended() -> None:
    refused = admit(kind("ml.g4dn.xlarge"), [], LAPTOP, POLICY)
    assert refused == Refusal("ml.g4dn.xlarge has 1 GPUs; this machine has 0.", permanent=True)
    with_gpus = Capacity(8, 16 * GIB, gpus=1)
    first = admit(kind("ml.g4dn.xlarge"), [], with_gpus, POLICY)
    assert isinstance(first, Share)
    second = admit(kind("ml.g4dn.xlarge"), [first], with_gpus, POLICY)
    assert isinstance(second, Refusal)
    assert not second.permanent


def test_a_small_machine_still_runs_something_and_a_tiny_one_says_so() -> None:
    assert isinstance(admit(kind("ml.m5.large"), [], Capacity(1, GIB), POLICY), Share)
    refused = admit(kind("ml.m5.large"), [], Capacity(1, GIB // 8), POLICY)
    assert isinstance(refused, Refusal)
    assert refused.permanent


def test_this_machine_has_something() -> None:
    assert this_machine().vcpus >= 1
    assert this_machine().memory_bytes > GIB // 4


@pytest.mark.parametrize(
    ("name", "vcpus", "gib", "gpus"),
    [
        ("ml.m5.large", 2, 8, 0), ("ml.m5.xlarge", 4, 16, 0), ("ml.m5.24xlarge", 96, 384, 0),
        ("ml.m4.10xlarge", 40, 160, 0), ("ml.c4.8xlarge", 36, 60, 0), ("ml.c5.9xlarge", 36, 72, 0),
        ("ml.c5.18xlarge", 72, 144, 0), ("ml.t2.medium", 2, 4, 0), ("ml.t3.2xlarge", 8, 32, 0),
        ("ml.r5.large", 2, 16, 0), ("ml.r7i.48xlarge", 192, 1536, 0), ("ml.m6i.32xlarge", 128, 512, 0),
        ("ml.c7i.xlarge", 4, 8, 0), ("ml.m7i.large", 2, 8, 0), ("ml.g5.12xlarge", 48, 192, 4),
        ("ml.p3.2xlarge", 8, 61, 1),
    ],
)  # fmt: skip
def test_types_are_as_aws_lists_them(name: str, vcpus: int, gib: float, gpus: int) -> None:
    found = kind(name)
    assert (found.vcpus, found.memory_bytes, found.gpus) == (vcpus, gib * GIB, gpus)


@pytest.mark.parametrize("name", ["m5.large", "ml.m5.huge", "ml.m5", "ml.x9.large", "", "ml.m5.large.x", "local"])
def test_an_unknown_type_is_none(name: str) -> None:
    assert find(name) is None
