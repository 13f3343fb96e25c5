"""The load: wrk sends prepared requests in short bursts, and the processes' CPU clocks are read around each.

A request that fails is counted, and costs what it costs those that are answered; it ends nothing.
"""

from __future__ import annotations

import json
import math
import os
import re
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from pathlib import Path

from inference.processes import awake, clocks_s, spent_s

SCRIPT = Path(__file__).with_name("requests.lua")
CONNECTIONS = (1, 8, 64)
WARM_CONNECTIONS = 8
TIMEOUT = "30s"
ANSWER_S = 60.0
SETTLE_S = 0.5
"""In which a server that was halted does what fell due meanwhile."""
NUMBER = re.compile(rb"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")

Parts = Mapping[str, Collection[int]]
"""The processes of a server by the part they play in it."""


@dataclass(frozen=True, slots=True)
class Target:
    """A running server."""

    name: str
    port: int
    parts: Callable[[], Parts]  # looked at around each burst: servers start and end processes as they like
    requests: Callable[[], list[bytes]]  # made anew for each burst: signatures hold for minutes only
    start_s: float
    restless: bool = False  # takes CPU from the others while nobody asks it, and is halted between its bursts

    def counted(self) -> Collection[int]:
        """Return the processes whose memory is the server's own; what the rest of Clary uses is not a model's."""
        parts = self.parts()
        return parts.get("model server") or parts["server"]


@dataclass(frozen=True, slots=True)
class Burst:
    """What one burst showed; the figures of a request are infinite where none was answered."""

    answered: int
    failed: int
    requests_s: float
    p50_us: float
    p99_us: float
    cpu_us: dict[str, float]  # a request, by the part that the processes play
    load_us: float  # of the load generator's own CPU, a request

    @property
    def total_us(self) -> float:
        """Return the CPU of all processes of the server, a request."""
        return sum(self.cpu_us.values())


Bursts = dict[tuple[str, int], list[Burst]]


def interleaved(targets: Iterable[Target], rounds: int, seconds: int, told: Callable[[str], None]) -> Bursts:
    """Return the bursts of each server at each number of connections; the servers take turns, each in turn first.

    Before all a burst for each that nobody counts, since some compile or start more when the first requests come.
    """
    order = list(targets)
    for each in order:
        _turn(each, WARM_CONNECTIONS, 1)
    found: Bursts = {}
    for number in range(rounds):
        for connections in CONNECTIONS:
            for each in order:
                seen = _turn(each, connections, seconds)
                found.setdefault((each.name, connections), []).append(seen)
                told(f"{number} c{connections:<3} {each.name:24} {_line(seen)}")
        order = order[1:] + order[:1]
    return found


def _turn(target: Target, connections: int, seconds: int) -> Burst:
    requests = target.requests()
    if not target.restless:
        return burst(target, requests, connections, seconds)
    with awake(pid for pids in target.parts().values() for pid in pids):
        time.sleep(SETTLE_S)
        return burst(target, requests, connections, seconds)


def burst(target: Target, requests: list[bytes], connections: int, seconds: int) -> Burst:
    """Send as many requests as are answered in a time."""
    with tempfile.NamedTemporaryFile(prefix="clary-requests-") as file:
        file.write(b"".join(b"%d\n%b" % (len(each), each) for each in requests))
        file.flush()
        before = {part: clocks_s(pids) for part, pids in target.parts().items()}
        own_s = _children_s()
        told = _wrk(target.port, file.name, connections, seconds)
        own_s = _children_s() - own_s
        after = {part: clocks_s(pids) for part, pids in target.parts().items()}
    spent = {part: spent_s(before.get(part, {}), clocks) for part, clocks in after.items()}
    count = told["answered"]
    return Burst(
        answered=count,
        failed=told["failed"],
        requests_s=count / told["duration_us"] * 1e6,
        p50_us=told["p50_us"] if count else math.inf,
        p99_us=told["p99_us"] if count else math.inf,
        cpu_us={part: _each_us(seconds, count) for part, seconds in spent.items()},
        load_us=_each_us(own_s, count),
    )


def prediction(port: int, request: bytes) -> float:
    """Return what a server answers to a prepared request: the last number in it, whatever is said around it.

    Raises OSError or ValueError if there is none.
    """
    with socket.create_connection(("127.0.0.1", port), ANSWER_S) as connection:
        connection.sendall(request)
        answer = HTTPResponse(connection)
        try:
            answer.begin()
            body = answer.read()
        except HTTPException as problem:
            raise ValueError(f"no answer: {problem!r}") from problem
    numbers = NUMBER.findall(body)
    if answer.status != 200 or not numbers:
        raise ValueError(f"{answer.status}: {body[:300]!r}")
    return float(numbers[-1])


def _wrk(port: int, path: str, connections: int, seconds: int) -> dict[str, int]:
    options = ("-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", TIMEOUT, "-s", str(SCRIPT))
    command = ["wrk", *options, f"http://127.0.0.1:{port}", path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:  # nobody listens
        return {"answered": 0, "failed": connections, "duration_us": seconds * 1_000_000}
    return json.loads(done.stdout.partition("RESULT ")[2])


def _each_us(seconds: float, count: int) -> float:
    return seconds / count * 1e6 if count else math.inf


def _line(seen: Burst) -> str:
    parts = ", ".join(f"{part} {us:.0f}" for part, us in seen.cpu_us.items())
    failed = f"  {seen.failed} FAILED" if seen.failed else ""
    return (
        f"{seen.requests_s:8.0f}/s  {seen.total_us:6.1f} us ({parts}; wrk {seen.load_us:.0f})  "
        f"p99 {seen.p99_us:.0f} us{failed}"
    )


def _children_s() -> float:
    times = os.times()
    return times.children_user + times.children_system
