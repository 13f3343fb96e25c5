from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from clary.cli.logs import tail

SOURCE = Path(__file__).parents[2] / "src"


def line(second: int, process: str, message: str) -> str:
    return f"2026-01-02T03:04:{second:02}.000Z INFO    {process} clary.test {message}\n"


def write(home: Path, process: str, *lines: str) -> Path:
    path = home / "log" / f"{process}.log"
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(lines))
    return path


def test_logs_of_all_processes_come_in_the_order_of_time(clary, home: Path):
    write(home, "api", line(1, "api", "one"), line(3, "api", "three"))
    write(home, "agent.1", line(0, "agent", "zero"))
    write(home, "agent", line(2, "agent", "two"), "a library prints this\n")
    told = [each.rpartition(" ")[2] for each in clary("logs").stdout.splitlines()]
    assert told == ["zero", "one", "two", "this", "three"]
    assert clary("logs", "api", "-n", "1").stdout == line(3, "api", "three")


def test_a_traceback_is_unfolded(home: Path):
    path = write(home, "api", line(1, "api", r"failed\nTraceback:\n  at C:\\new"))
    (event,) = tail(path, 5)
    assert event.unfolded()[1:] == ["    Traceback:", r"      at C:\new"]


def test_followed_logs_show_what_is_written_next(home: Path):
    path = write(home, "api", line(1, "api", "before"))
    following = subprocess.Popen(
        [sys.executable, "-m", "clary", "logs", "--follow", "--home", str(home)],
        stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": str(SOURCE)},
    )  # fmt: skip
    with following:
        assert following.stdout.readline() == line(1, "api", "before")
        with open(path, "a") as file:
            file.write(line(2, "api", "after"))
        assert following.stdout.readline() == line(2, "api", "after")
        write(home, "agent", line(3, "agent", "new"))
        assert following.stdout.readline() == line(3, "agent", "new")
        following.send_signal(signal.SIGINT)
        assert following.wait(10) != 0
