"""What processes cost: families, their clocks, their end."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys

from inference import processes

DEADLINE_S = 30.0
ORPHANING = """
import subprocess, sys
subprocess.run(['sh', '-c', 'sleep 60 & echo $!'])
sys.stdout.flush()
sys.stdin.read()
"""


def test_an_orphan_stays_in_the_family_and_ends_with_it() -> None:
    command = [sys.executable, "-c", ORPHANING]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, preexec_fn=processes.adopt_orphans
    ) as process:
        assert process.stdout is not None
        orphan = int(process.stdout.readline())
        assert orphan in processes.family(process.pid)
        assert processes.pss_mib([process.pid, orphan]) > 0
        ended = os.pidfd_open(orphan)
        processes.end(process)
        assert select.select([ended], [], [], DEADLINE_S)[0], "the orphan lives on"
        os.close(ended)


def test_a_process_that_is_gone_has_no_clock() -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    assert list(processes.clocks_s([gone.pid, os.getpid()])) == [os.getpid()]
    assert processes.pss_mib([gone.pid]) == 0


def test_a_process_that_came_in_between_took_all_that_its_clock_says() -> None:
    assert processes.spent_s({1: 5.0, 2: 7.0}, {1: 5.5, 3: 0.25}) == 0.75


def test_a_halted_process_goes_on_only_while_it_is_awake() -> None:
    with subprocess.Popen(["sleep", "60"]) as process:
        with processes.awake([process.pid]):
            pass
        assert os.waitid(os.P_PID, process.pid, os.WSTOPPED) is not None
        with processes.awake([process.pid]):
            assert os.waitid(os.P_PID, process.pid, os.WCONTINUED) is not None
        processes.end(process)
    assert process.returncode == -signal.SIGTERM
