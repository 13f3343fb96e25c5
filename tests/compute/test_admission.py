"""The policy that decides whether one more instance runs, and with what."""

from __future__ import annotations

from pathlib import Path

import pytest

from clary.compute.admission import (
    GIB,
    Capacity,
    Policy,
    Refusal,
    Share,
    admit,
    free_memory_bytes,
    promisable,
    share,
    spare,
    this_machine,
)
from clary.compute.instance_types import InstanceType, find

LAPTOP = Capacity(vcpus=8, memory_bytes=16 * GIB)
POLICY = Policy()


def kind(name: str) -> InstanceType:
    found = find(name)
    assert found is not None
    return found


def job(memory: int, vcpus: float = 2) -> Share:
    return Share(vcpus, memory, 0, vcpus, memory)


def fitted(name: str, policy: Policy = POLICY) -> tuple[float, int]:
    found = share(kind(name), LAPTOP, policy, serves=False)
    return found.vcpus, found.memory_bytes


def ask(
    name: str, running: list[Share], machine: Capacity = LAPTOP, policy: Policy = POLICY, *, serves: bool = False
) -> Share | Refusal:
    return admit(kind(name), running, machine, policy, serves=serves, free_bytes=machine.memory_bytes)


def refusal(answer: Share | Refusal) -> Refusal:
    assert isinstance(answer, Refusal)
    return answer


def test_a_type_is_fitted_to_the_machine() -> None:
    roomy = Policy(instance_memory_bytes_max=64 * GIB)
    assert fitted("ml.m5.4xlarge") == (8, 2 * GIB)
    assert fitted("ml.t3.medium", roomy) == (2, 4 * GIB)
    assert fitted("ml.r5.24xlarge", roomy)[1] == 15 * GIB


def test_a_job_is_promised_all_that_it_may_use() -> None:
    running: list[Share] = []
    while isinstance(granted := ask("ml.t2.medium", running), Share):
        running.append(granted)
    assert not refusal(granted).permanent
    assert "bytes of memory" in granted.reason
    assert len(running) == 7
    assert sum(each.memory_bytes for each in running) <= LAPTOP.memory_bytes - POLICY.reserved_memory_bytes


def test_model_servers_may_use_as_much_and_fit_by_the_dozen() -> None:
    running: list[Share] = []
    while isinstance(granted := ask("ml.m5.large", running, serves=True), Share):
        running.append(granted)
    assert len(running) > 100
    assert {each.memory_bytes for each in running} == {2 * GIB}
    assert "bytes of memory" in refusal(granted).reason


def test_the_number_of_instances_has_an_end() -> None:
    assert "instances" in refusal(ask("ml.m5.large", [job(1)] * 3, policy=Policy(instances_max=3))).reason


@pytest.mark.parametrize("serves", [True, False])
def test_nothing_starts_while_hardly_any_memory_is_free_whatever_was_promised(serves: bool) -> None:
    answer = admit(kind("ml.m5.large"), [], LAPTOP, POLICY, serves=serves, free_bytes=200 * 2**20)
    assert refusal(answer) == Refusal(
        "Insufficient capacity for ml.m5.large: this machine has 200 MiB of memory free, "
        "less than the 384 MiB it keeps.",
        permanent=False,
    )


def test_cpus_are_shared_up_to_the_overcommit() -> None:
    policy = Policy(cpu_overcommit=2, instance_memory_bytes_max=GIB // 4)
    running = [job(GIB // 4, 8)] * 2
    refused = refusal(ask("ml.m5.xlarge", running, policy=policy))
    assert refused.reason == "Insufficient capacity for ml.m5.xlarge: it would make 20 vCPUs of 16."
    assert isinstance(ask("ml.m5.xlarge", running[:1], policy=policy), Share)


def test_gpus_are_never_pretended() -> None:
    refused = ask("ml.g4dn.xlarge", [], serves=True)
    assert refused == Refusal("ml.g4dn.xlarge has 1 GPUs; this machine has 0.", permanent=True)
    with_gpus = Capacity(8, 16 * GIB, gpus=1)
    first = ask("ml.g4dn.xlarge", [], with_gpus, serves=True)
    assert isinstance(first, Share)
    assert not refusal(ask("ml.g4dn.xlarge", [first], with_gpus, serves=True)).permanent


def test_a_small_machine_still_runs_something_and_a_tiny_one_says_so() -> None:
    assert isinstance(ask("ml.m5.large", [], Capacity(1, GIB)), Share)
    assert refusal(ask("ml.m5.large", [], Capacity(1, GIB // 8))).permanent


def test_what_makes_starts_quick_is_counted_among_what_is_promised_to_nobody() -> None:
    for memory in (GIB // 2, GIB, 4 * GIB, 64 * GIB):
        machine = Capacity(2, memory)
        assert promisable(machine, POLICY) + 2 * spare(machine, POLICY) == memory
    assert spare(LAPTOP, POLICY) == GIB // 2


def test_the_kernel_says_how_much_memory_is_free(tmp_path: Path) -> None:
    (tmp_path / "meminfo").write_text("MemTotal: 2048 kB\nMemFree: 1 kB\nMemAvailable:    1024 kB\n")
    assert free_memory_bytes(tmp_path / "meminfo") == 2**20
    assert 0 < free_memory_bytes() <= this_machine().memory_bytes


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
