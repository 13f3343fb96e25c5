"""The bare servers, started in the benchmark's own environment, and the same rows as plain requests."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen

from inference.hosted import rows
from inference.load import Target
from inference.processes import family

PYTHON = Path(__file__).parents[2] / ".venv/clients/bench/bin/python"
UVICORN = ("-m", "uvicorn", "bare:app", "--http", "httptools", "--loop", "uvloop", "--no-access-log", "--log-level",
           "warning", "--app-dir", str(Path(__file__).parent))  # fmt: skip
REMEDY = f"python -m venv {PYTHON.parents[1]} && {PYTHON} -m pip install -r requirements/bench.lock"
DEADLINE_S = 60.0
POLL_S = 0.01


@contextmanager
def bare(engine: str, model: Path) -> Iterator[Target]:
    """Give a bare server on one of bare.py's engines, and end it."""
    port = free_port()
    environ = {**os.environ, "BARE_ENGINE": engine, "BARE_MODEL": str(model)}
    began = time.monotonic()
    process = subprocess.Popen([str(PYTHON), *UVICORN, "--port", str(port)], env=environ)
    try:
        row = rows(1, 2)[0].encode()
        while not _answers(port, row):
            if process.poll() is not None or time.monotonic() - began > DEADLINE_S:
                raise SystemExit(f"the bare server on {engine} does not answer")
            time.sleep(POLL_S)
        start_s = time.monotonic() - began
        pids = {"server": tuple(family(process.pid))}
        yield Target(f"bare {engine}", port, pids, lambda: plain(port), start_s)
    finally:
        process.terminate()
        process.wait()


def converted(model: Path, columns: int) -> Path | None:
    """Return the model for ONNX Runtime, None if it cannot be converted here."""
    found = model.with_suffix(".onnx")
    command = [str(PYTHON), str(Path(__file__).with_name("convert.py")), str(model), str(found), str(columns)]
    return found if subprocess.run(command, check=False, capture_output=True).returncode == 0 else None


def plain(port: int, count: int = 1_000) -> list[bytes]:
    """Return the same rows as unsigned requests."""
    head = f"POST /invocations HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: text/csv\r\n"
    return [f"{head}Content-Length: {len(row)}\r\n\r\n{row}".encode() for row in rows(count, 3)]


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _answers(port: int, row: bytes) -> bool:
    try:
        with urlopen(Request(f"http://127.0.0.1:{port}/invocations", row), timeout=DEADLINE_S) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False
