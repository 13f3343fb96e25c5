"""A laboratory: a real process back end in a short folder, and ways to wait for what happens in it."""

from __future__ import annotations

import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest

from clary.compute.backend import Instance, Observed
from clary.compute.process import ProcessBackend, ProcessSettings

MIB = 2**20
DEADLINE_S = 60.0
T = TypeVar("T")


class Laboratory:
    """Starts small Python programs as instances, forked from a warm parent if so made, and waits for their states."""

    def __init__(self, folder: Path, settings: ProcessSettings, *, forking: bool) -> None:
        self.folder = folder
        self._forking = forking and not settings.unsandboxed
        self._bell = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._bell.bind(str(folder / "bell"))
        self.settings = replace(settings, doorbell=folder / "bell")
        self.backend = ProcessBackend(folder / "i", self.settings)

    def instance(self, name: str, program: str | tuple[str, ...], **fields: Any) -> Instance:
        opt_ml = self.folder / f"ml-{name}"
        opt_ml.mkdir(exist_ok=True)
        command = (f"{sys.prefix}/bin/python3", "-c", program) if isinstance(program, str) else program
        given = {
            "environment": {},
            "vcpus": 1,
            "memory_bytes": 256 * MIB,
            "disk_bytes": 256 * MIB,
            "processes_max": 100,
            "preload": ("decimal",) if self._forking else (),
        }
        return Instance(name=name, command=command, opt_ml=opt_ml, **given | {"python": Path(sys.prefix)} | fields)

    def start(self, name: str, program: str | tuple[str, ...], **fields: Any) -> Instance:
        instance = self.instance(name, program, **fields)
        if instance.preload:
            self.backend.warm(instance)
        self.backend.start(instance)
        return instance

    def run(self, name: str, program: str | tuple[str, ...], **fields: Any) -> Observed:
        """Run a program to its end."""
        self.start(name, program, **fields)
        return self.ended(name)

    def output(self, name: str, program: str, **fields: Any) -> str:
        """Run a program to a good end and return what it printed."""
        seen = self.run(name, program, **fields)
        text = seen.log.read_text()
        assert seen.exit_code == 0, (seen, text)
        return text

    def ended(self, name: str) -> Observed:
        return self.wait(lambda: (seen := self.backend.observe(name)) and seen.ended and seen)

    def printed(self, name: str, text: str) -> None:
        """Wait until a program has printed this, and ended the line."""

        def look() -> bool:
            seen = self.backend.observe(name)
            assert seen is not None
            said = seen.log.read_text() if seen.log.exists() else ""
            assert text in said or not seen.ended, (seen, said)
            return text in said.rpartition("\n")[0]

        self.wait(look)

    def wait(self, look: Callable[[], T | None]) -> T:
        """Look again whenever the bell rings, and ten times a second, until there is something to see."""
        deadline = time.monotonic() + DEADLINE_S
        while not (found := look()):
            assert time.monotonic() < deadline, "it did not happen in time"
            self._bell.settimeout(0.1)
            try:
                self._bell.recv(64)
            except TimeoutError:
                continue
        return found

    def close(self) -> None:
        for name in self.backend.names():
            self.backend.stop(name)
            self.backend.remove(name)
        self.backend.close()
        self._bell.close()


@pytest.fixture
def folder() -> Iterator[Path]:
    """Make a folder with a short path: Unix sockets have 107 bytes."""
    path = Path(tempfile.mkdtemp(prefix="cl", dir="/tmp"))
    yield path
    shutil.rmtree(path)


@pytest.fixture(params=["executed", "forked"])
def way(request: pytest.FixtureRequest) -> str:
    """How programs come to be: by bubblewrap and `exec`, or by a fork of a warm parent."""
    return str(request.param)


@pytest.fixture
def laboratory(folder: Path, way: str) -> Iterator[Callable[..., Laboratory]]:
    """Make laboratories with settings of their own, and leave nothing of them."""
    made: list[Laboratory] = []

    def make(**settings: Any) -> Laboratory:
        made.append(Laboratory(folder, ProcessSettings(**settings), forking=way == "forked"))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def lab(laboratory: Callable[..., Laboratory]) -> Laboratory:
    return laboratory()
