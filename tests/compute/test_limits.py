"""Which control groups are made and what is written into them, on trees of both versions."""

from __future__ import annotations

from pathlib import Path

import pytest

from clary.compute import limits
from clary.compute.limits import NO_GROUPS, Hierarchy, find_hierarchy


def test_no_control_groups_means_the_watchdog_alone(tmp_path: Path) -> None:
    assert find_hierarchy(tmp_path / "none", tmp_path / "none") == NO_GROUPS
    assert "watchdog" in limits.describe(NO_GROUPS)[0]
    assert "not limited" in limits.describe(NO_GROUPS)[1]
    assert limits.settings(NO_GROUPS, vcpus=1, memory_bytes=1, processes_max=1) == {}


def test_version_1_groups_are_made_below_our_own(tmp_path: Path) -> None:
    for controller in ("memory", "cpu,cpuacct", "pids"):
        (tmp_path / controller / "ours").mkdir(parents=True)
    mounts = [f"cgroup {tmp_path / c} cgroup rw,{c} 0 0" for c in ("memory", "cpu,cpuacct", "pids")]
    (tmp_path / "mounts").write_text("\n".join(mounts))
    (tmp_path / "own").write_text("3:memory:/ours\n2:cpu,cpuacct:/ours\n1:pids:/elsewhere\n0::/\n")
    found = find_hierarchy(tmp_path / "mounts", tmp_path / "own")
    assert found.version == 1
    assert found.groups("x") == {
        "memory": tmp_path / "memory/ours/clary/x",
        "cpu": tmp_path / "cpu,cpuacct/ours/clary/x",
        "cpuacct": tmp_path / "cpu,cpuacct/ours/clary/x",
        "pids": tmp_path / "pids/clary/x",
    }
    assert limits.out_of_memory_file(found, "x") == str(tmp_path / "memory/ours/clary/x/memory.oom_control")


def test_a_version_2_tree_that_hands_nothing_on_means_no_groups(tmp_path: Path) -> None:
    (tmp_path / "user/app").mkdir(parents=True)
    (tmp_path / "mounts").write_text(f"cgroup2 {tmp_path} cgroup2 rw 0 0\n")
    (tmp_path / "own").write_text("0::/user/app\n")
    assert find_hierarchy(tmp_path / "mounts", tmp_path / "own") == NO_GROUPS


def test_each_version_is_told_the_same_limits_in_its_own_words(tmp_path: Path) -> None:
    second = Hierarchy(2, {"all": tmp_path})
    assert limits.settings(second, vcpus=1.5, memory_bytes=1000, processes_max=7) == {
        "all": {
            "memory.max": "1000",
            "memory.swap.max": "0",
            "memory.oom.group": "1",
            "pids.max": "7",
            "cpu.max": "150000 100000",
        }
    }
    first = Hierarchy(1, {"memory": tmp_path, "cpu": tmp_path})
    said = limits.settings(first, vcpus=0.5, memory_bytes=1000, processes_max=7)
    assert said["memory"]["memory.limit_in_bytes"] == "1000"
    assert said["cpu"]["cpu.cfs_quota_us"] == "50000"
    assert "pids" not in said
    assert limits.describe(first)[2] == "Processes: RLIMIT_NPROC."


def test_usage_is_read_from_either_version(tmp_path: Path) -> None:
    (tmp_path / "cpu.stat").write_text("usage_usec 2500000\nuser_usec 1\n")
    (tmp_path / "memory.current").write_text("4096\n")
    assert limits.group_usage([str(tmp_path)]) == (2.5, 4096)
    first = tmp_path / "first"
    first.mkdir()
    (first / "cpuacct.usage").write_text("1500000000\n")
    (first / "cpu.stat").write_text("nr_periods 5\n")
    (first / "memory.usage_in_bytes").write_text("8192\n")
    assert limits.group_usage([str(first)]) == (1.5, 8192)
    assert limits.group_usage([]) is None


def test_a_group_that_cannot_limit_memory_is_an_error_and_other_files_may_lack(tmp_path: Path) -> None:
    limits.make_groups({str(tmp_path / "g"): {"memory.max": "1", "lacking/file": "1"}})
    assert (tmp_path / "g/memory.max").read_text() == "1"
    (tmp_path / "h/memory.max").mkdir(parents=True)
    with pytest.raises(IsADirectoryError):
        limits.make_groups({str(tmp_path / "h"): {"memory.max": "1"}})


def test_all_instances_together_are_held_to_what_the_machine_can_give(tmp_path: Path) -> None:
    (tmp_path / "memory/clary").mkdir(parents=True)
    (tmp_path / "all/clary").mkdir(parents=True)
    limits.hold_together(Hierarchy(1, {"memory": tmp_path / "memory"}), 1000)
    limits.hold_together(Hierarchy(2, {"all": tmp_path / "all"}), 2000)
    limits.hold_together(NO_GROUPS, 3000)
    assert (tmp_path / "memory/clary/memory.limit_in_bytes").read_text() == "1000"
    assert (tmp_path / "all/clary/memory.max").read_text() == "2000"


def test_a_machine_that_cannot_hold_instances_together_says_so_and_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    limits.hold_together(Hierarchy(1, {"memory": tmp_path / "none"}), 1000)
    assert "not held to 1000 bytes" in caplog.text
