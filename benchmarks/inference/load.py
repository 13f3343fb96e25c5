"""The load: wrk sends prepared requests in short bursts, and the processes' CPU clocks are read around each."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from inference.processes import cpu_s

SCRIPT = Path(__file__).with_name("requests.lua")
CONNECTIONS = (1, 8, 64)
TIMEOUT = "30s"


@dataclass(frozen=True, slots=True)
class Target:
    """A running server; its processes by the part they play."""

    name: str
    port: int
    pids: dict[str, tuple[int, ...]]
    requests: Callable[[], list[bytes]]  # made anew for each round: signatures hold for minutes only
    start_s: float

    def counted(self) -> list[int]:
        """Return the processes whose memory is the server's own; what the rest of Clary uses is not a model's."""
        return list(self.pids.get("model server") or self.pids["server"])


@dataclass(frozen=True, slots=True)
class Burst:
    """What one burst showed."""

    requests_s: float
    p50_us: int
    p99_us: int
    cpu_us: dict[str, float]  # a request, by the part that the processes play
    load_us: float  # of the load generator's own CPU, a request

    @property
    def total_us(self) -> float:
        """Return the CPU of all processes of the server, a request."""
        return sum(self.cpu_us.values())


def burst(target: Target, requests: list[bytes], connections: int, seconds: int) -> Burst:
    """Send as many requests as are answered in a time."""
    with tempfile.NamedTemporaryFile(prefix="clary-requests-") as file:
        file.write(b"".join(b"%d\n%b" % (len(each), each) for each in requests))
        file.flush()
        before = {part: cpu_s(pids) for part, pids in target.pids.items()}
        own = _children_s()
        told = _wrk(target.port, file.name, connections, seconds)
        spent = {part: cpu_s(pids) - before[part] for part, pids in target.pids.items()}
        own = _children_s() - own
    count = told["requests"]
    if told["failed"] or not count:
        raise SystemExit(f"{target.name}: {told['failed']} of {count} requests failed")
    return Burst(
        requests_s=count / told["duration_us"] * 1e6,
        p50_us=told["p50_us"],
        p99_us=told["p99_us"],
        cpu_us={part: seconds / count * 1e6 for part, seconds in spent.items()},
        load_us=own / count * 1e6,
    )


def interleaved(
    targets: Iterable[Target], rounds: int, seconds: int, told: Callable[[str], None]
) -> dict[tuple[str, int], list[Burst]]:
    """Return the bursts of each server at each number of connections; the servers take turns, each in turn first."""
    order = list(targets)
    found: dict[tuple[str, int], list[Burst]] = {}
    for number in range(rounds):
        requests = {each.name: each.requests() for each in order}
        for connections in CONNECTIONS:
            for each in order:
                seen = burst(each, requests[each.name], connections, seconds)
                found.setdefault((each.name, connections), []).append(seen)
                parts = ", ".join(f"{part} {us:.0f}" for part, us in seen.cpu_us.items())
                told(f"{number} c{connections:<3} {each.name:24} {seen.requests_s:8.0f}/s  {seen.total_us:6.1f} us "
                     f"({parts}; wrk {seen.load_us:.0f})  p99 {seen.p99_us} us")  # fmt: skip
        order = order[1:] + order[:1]
    return found


def _wrk(port: int, path: str, connections: int, seconds: int) -> dict[str, int]:
    command = [
        "wrk",
        "-t1",
        f"-c{connections}",
        f"-d{seconds}s",
        "--timeout",
        TIMEOUT,
        "-s",
        str(SCRIPT),
        f"http://127.0.0.1:{port}",
        path,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.partition("RESULT ")[2])


def _children_s() -> float:
    times = os.times()
    return times.children_user + times.children_system
