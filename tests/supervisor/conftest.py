"""Supervisors of toy programs, each in a process of its own, and what to see of them from outside."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from clary.core.settings import Settings, load
from clary.supervisor import state

HERE = Path(__file__).parent
SOON_S = 20.0


@dataclass
class Toy:
    """A supervisor that runs."""

    settings: Settings
    process: subprocess.Popen[str]

    def wait_until_ready(self) -> int:
        """Return the port once it answers."""
        told = self.process.stdout.readline()
        assert told, self.process.stderr.read()
        return int(told)

    @property
    def children(self) -> dict[str, int]:
        return {each.name: each.pid for each in state.read(self.settings).children if each.pid}

    def restarts(self, name: str) -> int:
        return next(each.restarts for each in state.read(self.settings).children if each.name == name)

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def end(self) -> int:
        return self.process.wait(SOON_S)

    def said(self) -> str:
        self.end()
        return self.process.stderr.read()


@pytest.fixture
def start(home: Path) -> Iterator[Callable[..., Toy]]:
    """Start supervisors on the home; whatever is left of them afterwards is killed."""
    started: list[Toy] = []

    def begin(port: int = 0) -> Toy:
        process = subprocess.Popen(
            [sys.executable, str(HERE / "toy.py"), str(home), str(port)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env=os.environ | {"PYTHONPATH": str(HERE.parents[1] / "src")},
        )  # fmt: skip
        started.append(Toy(load({"home": home}, {}), process))
        return started[-1]

    yield begin
    for toy in started:
        with suppress(ProcessLookupError):
            toy.process.kill()
        toy.process.communicate()


@pytest.fixture
def eventually() -> Callable[[Callable[[], object]], None]:
    """Return as soon as a claim holds; fail when the time is over."""

    def wait(claim: Callable[[], object]) -> None:
        ends = time.monotonic() + SOON_S
        while not claim():
            assert time.monotonic() < ends, "it did not become true in time"
            time.sleep(0.01)

    return wait
