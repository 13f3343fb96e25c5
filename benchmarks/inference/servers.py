"""Servers beside Clary, each started in an environment of its own, and the same rows as each of them takes them."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from inference.hosted import COLUMNS, rows
from inference.load import Target, prediction
from inference.processes import adopt_orphans, end, family

ENVIRONMENTS = Path(__file__).parents[2] / ".venv/clients"
INSTALLED = ".installed"
"""What make leaves in an environment that is whole."""
HERE = Path(__file__).parent
DEADLINE_S = 120.0
POLL_S = 0.01
LOG, LOG_CHARACTERS_MAX = "log", 800
PORTS = 3
NOT_THEIRS = ("PYTHONPATH", "PYTHONHOME", "PYTHONDONTWRITEBYTECODE")
UVICORN = ("uvicorn", "bare:app", "--http", "httptools", "--loop", "uvloop", "--no-access-log", "--log-level",
           "warning", "--app-dir", str(HERE), "--port", "{ports[0]}")  # fmt: skip


class NotServed(Exception):
    """A server does not answer; the message says why, as far as its log tells."""


@dataclass(frozen=True, slots=True)
class Form:
    """How a server wants a row: where, as what, and how it is written."""

    path: str = "/invocations"
    media: str = "text/csv"
    body: Callable[[str], str] = str

    def request(self, port: int, row: str) -> bytes:
        """Return the whole request for a CSV row."""
        body = self.body(row).encode()
        head = f"POST {self.path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: {self.media}\r\n"
        return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


@dataclass(frozen=True, slots=True)
class Server:
    """A program that serves the model.

    In `command`, `prepare` and `settings` stand `{model}`, `{ports[0]}` and further free ports, `{folder}` (a new one,
    in which it runs) and `{here}` (where the peers' programs are).
    """

    name: str
    environment: str  # in ENVIRONMENTS
    command: tuple[str, ...]
    form: Form = Form()
    settings: Mapping[str, str] = field(default_factory=dict)  # of its process environment
    prepare: tuple[str, ...] = ()  # run before, outside the time of the start
    program: str = ""  # of the system, which it needs too
    restless: bool = False  # takes CPU while nobody asks it

    @property
    def missing(self) -> str:
        """Return what of it is not installed, with the remedy; nothing if all is there."""
        if not (ENVIRONMENTS / self.environment / INSTALLED).exists():
            return f"not installed (make bench-peers PEER={self.environment.removeprefix('bench-')})"
        if self.program and not shutil.which(self.program):
            return f"{self.program} is not installed (apt-get install {self.program})"
        return ""


BARE_XGBOOST = Server(
    "bare xgboost",
    "bench",
    UVICORN,
    settings={"BARE_ENGINE": "xgboost", "BARE_MODEL": "{model}"},
)
BARE_ONNX = Server(
    "bare onnx",
    "bench",
    UVICORN,
    settings={"BARE_ENGINE": "onnx", "BARE_MODEL": "{folder}/model.onnx"},
    prepare=("python", str(HERE / "convert.py"), "{model}", "{folder}/model.onnx", str(COLUMNS)),
)


@contextmanager
def serving(server: Server, model: Path, folder: Path) -> Iterator[Target]:
    """Give a server that has answered for the model, and end it; `folder` is for what it writes.

    Raises NotServed.
    """
    if server.missing:
        raise NotServed(server.missing)
    folder.mkdir()
    ports = free_ports()
    values = {"model": model, "ports": ports, "folder": folder, "here": HERE / "peers"}
    if server.prepare:
        _run(server, values)
    began = time.monotonic()
    process = _started(server, values)
    try:
        _wait_for(process, ports[0], server.form.request(ports[0], rows(1, 2)[0]), folder / LOG)
        start_s = time.monotonic() - began

        def requests() -> list[bytes]:
            return [server.form.request(ports[0], row) for row in rows(1_000, 3)]

        yield Target(server.name, ports[0], lambda: {"server": family(process.pid)}, requests, start_s, server.restless)
    finally:
        end(process)


def free_ports() -> list[int]:
    """Return ports that nobody listens on."""
    with ExitStack() as stack:
        found = [stack.enter_context(socket.socket()) for _ in range(PORTS)]
        for each in found:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in found]


def _started(server: Server, values: Mapping[str, Any]) -> subprocess.Popen[bytes]:
    settings = {name: value.format_map(values) for name, value in server.settings.items()}
    with (values["folder"] / LOG).open("wb") as log:
        return subprocess.Popen(
            _filled(server, server.command, values),
            env=_environ(server) | settings,
            cwd=values["folder"],
            stdout=log,
            stderr=subprocess.STDOUT,
            preexec_fn=adopt_orphans,
        )


def _wait_for(process: subprocess.Popen[bytes], port: int, request: bytes, log: Path) -> None:
    ends = time.monotonic() + DEADLINE_S
    while True:
        try:
            prediction(port, request)
        except (OSError, ValueError) as problem:
            if process.poll() is not None or time.monotonic() > ends:
                raise NotServed(f"{problem}\n{log.read_text()[-LOG_CHARACTERS_MAX:]}") from problem
            time.sleep(POLL_S)
        else:
            return


def _run(server: Server, values: Mapping[str, Any]) -> None:
    command = _filled(server, server.prepare, values)
    done = subprocess.run(command, env=_environ(server), cwd=values["folder"], capture_output=True, text=True)
    if done.returncode != 0:
        raise NotServed(f"{' '.join(command)} failed:\n{done.stderr[-LOG_CHARACTERS_MAX:]}")


def _filled(server: Server, command: Sequence[str], values: Mapping[str, Any]) -> list[str]:
    program, *arguments = (each.format_map(values) for each in command)
    return [str(ENVIRONMENTS / server.environment / "bin" / program), *arguments]


def _environ(server: Server) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in NOT_THEIRS}
    return kept | {"PATH": f"{ENVIRONMENTS / server.environment / 'bin'}:{os.environ['PATH']}"}
