"""A container's `/opt/ml` in a temporary folder, the real commands run on it, and a client of the server's socket."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src"
DEADLINE_S = 100
WARM = "import sys, {}; from clary_runtime.commands import main; sys.exit(main(sys.argv[1:]))"


def environment(root: Path, further: dict[str, str]) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    return {**kept, "PYTHONPATH": str(SOURCE), "CLARY_OPT_ML": str(root), "SM_NUM_CPUS": "1", **further}


@dataclass(frozen=True)
class Container:
    """One container's folder; `code` and `data` are given to it as the platform would."""

    root: Path
    warm: str = ""
    """What the processes that commands run in have imported before, as forks of warm parents have."""

    def hyperparameters(self, **values: object) -> None:
        self.config("hyperparameters", {name: str(value) for name, value in values.items()})

    def config(self, name: str, content: object) -> None:
        path = self.root / "input" / "config" / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content))

    def data(self, channel: str, text: str, name: str = "data.csv") -> None:
        path = self.root / "input" / "data" / channel / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def archive(self, **files: str) -> str:
        """Make a source archive of files, `train__py` meaning `train.py`, and return its path."""
        folder = self.root / "source"
        folder.mkdir(parents=True, exist_ok=True)
        path = self.root / "sourcedir.tar.gz"
        with tarfile.open(path, "w:gz") as archive:
            for name, text in files.items():
                file = folder / name.replace("__", ".")
                file.write_text(text)
                archive.add(file, file.name)
        return str(path)

    def start(self, *arguments: str, **further: str) -> subprocess.Popen[str]:
        program = ["-c", WARM.format(self.warm)] if self.warm else ["-m", "clary_runtime"]
        first = {"PYTHONUNBUFFERED": "1"} if self.warm else {}
        return subprocess.Popen(
            [sys.executable, *program, *arguments],
            env=environment(self.root, first | further),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def train(self, *arguments: str, **further: str) -> tuple[int, str]:
        """Run a job to its end: exit code and log."""
        with self.start("train", *arguments, **further) as process:
            log, _ = process.communicate(timeout=DEADLINE_S)
            return process.returncode, log

    @property
    def failure(self) -> str:
        return (self.root / "output" / "failure").read_text()

    @property
    def model(self) -> Path:
        return self.root / "model"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


@dataclass
class Endpoint:
    """A running model server and what a client can do to it."""

    process: subprocess.Popen[str]
    address: str
    stack: ExitStack = field(default_factory=ExitStack)

    def connect(self) -> socket.socket:
        connection = self.stack.enter_context(socket.socket(socket.AF_UNIX))
        connection.settimeout(DEADLINE_S)
        connection.connect(self.address)
        return connection

    def call(self, method: str, path: str, body: bytes | str = b"", **headers: str) -> Answer:
        client = http.client.HTTPConnection("localhost")
        client.sock = self.connect()
        client.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        return self.received(client)

    def received(self, client: http.client.HTTPConnection) -> Answer:
        response = client.getresponse()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, headers, response.read())

    def invoke(self, body: bytes | str, content_type: str = "text/csv", **headers: str) -> Answer:
        return self.call("POST", "/invocations", body, Content_Type=content_type, **headers)

    def wait_for(self, status: int) -> None:
        """Wait until `/ping` answers with a status."""
        deadline = time.monotonic() + DEADLINE_S
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                if self.call("GET", "/ping").status == status:
                    return
            except (FileNotFoundError, ConnectionRefusedError):
                pass
            time.sleep(0.005)
        raise AssertionError(f"/ping did not answer {status}; log:\n{self.stop()}")

    def stop(self) -> str:
        """End the server; its log."""
        if self.process.poll() is None:
            self.process.terminate()
        log, _ = self.process.communicate(timeout=DEADLINE_S)
        return log


@pytest.fixture
def container(tmp_path):
    return Container(tmp_path / "ml")


@pytest.fixture
def serving():
    """Start a server on a container; sockets get a short path, since theirs is limited to 108 bytes."""
    with ExitStack() as stack:

        def start(container: Container, *arguments: str, ready: bool = True, **further: str) -> Endpoint:
            folder = tempfile.mkdtemp(prefix="clary-")
            stack.callback(shutil.rmtree, folder)
            address = f"{folder}/s"
            process = container.start("serve", *arguments, CLARY_SERVE_SOCKET=address, **further)
            endpoint = Endpoint(process, address, stack)
            stack.callback(process.stdout.close)
            stack.callback(process.wait)
            stack.callback(process.kill)
            if ready:
                endpoint.wait_for(200)
            return endpoint

        yield start
