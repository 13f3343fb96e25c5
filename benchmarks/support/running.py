"""A Clary of a benchmark's own: started and ended by the command line, called through boto3."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

SOURCE = Path(__file__).parents[2] / "src"


@dataclass(frozen=True, slots=True)
class Clary:
    """A Clary on a home and port of its own; it may run or not."""

    home: Path
    port: int
    options: tuple[str, ...] = ()  # of `clary up`

    def start(self) -> subprocess.Popen[bytes]:
        """Begin to start it; the process ends once it answers."""
        return self._command("up", "--detach", "--home", str(self.home), "--port", str(self.port), *self.options)

    def up(self) -> None:
        """Start it, and return once it answers."""
        _must_end_well(self.start())

    def down(self) -> None:
        """End it, and everything it runs."""
        _must_end_well(self._command("down", "--home", str(self.home)))

    def pids(self) -> dict[str, int]:
        """Return the processes that run, by name."""
        told = json.loads((self.home / "run" / "supervisor.json").read_text())
        return {"supervisor": told["pid"]} | {each["name"]: each["pid"] for each in told["children"]}

    def keys(self) -> dict[str, str]:
        """Return the root's keys, and its region."""
        found: dict[str, str] = json.loads((self.home / "credentials.json").read_text())
        return found

    def client(self, service: str) -> Any:
        """Return a client with the root's keys, which does not repeat a call."""
        keys = self.keys()
        session = boto3.Session(keys["access_key_id"], keys["secret_access_key"], region_name=keys["region"])
        config = Config(retries={"total_max_attempts": 1}, proxies={})
        return session.client(service, endpoint_url=f"http://127.0.0.1:{self.port}", config=config)

    def _command(self, *arguments: str) -> subprocess.Popen[bytes]:
        environ = {**os.environ, "PYTHONPATH": str(SOURCE)}
        environ.pop("PYTHONDONTWRITEBYTECODE", None)  # which an installed Clary has no use for: its code is compiled
        command = [sys.executable, "-m", "clary", *arguments]
        return subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL)


@contextmanager
def clary(*options: str) -> Iterator[Clary]:
    """Give a Clary that runs on a new home, and end it; `options` are further ones of `clary up`."""
    with tempfile.TemporaryDirectory(prefix="clary-") as home:
        found = Clary(Path(home), _free_port(), options)
        try:
            found.up()
            yield found
        finally:
            found.down()


def _must_end_well(process: subprocess.Popen[bytes]) -> None:
    if process.wait() != 0:
        raise SystemExit(f"{process.args!r} failed")


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
