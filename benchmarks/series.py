"""What a million metric data points a minute cost: PutMetricData through the real api, beside the goal of half a core.

A point is one MetricDatum with one value; a thousand come in a request, compressed as SDKs do it, each of another
metric. The processor time is that of all of Clary's processes; clients, who send what was made before, are not in it.

    python benchmarks/series.py --seconds 30
"""

from __future__ import annotations

import argparse
import gzip
import http.client
import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import cycle
from typing import Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from idle import cpu_s
from support.running import Clary, clary

NAMESPACE = "Bench"
TARGET = "GraniteServiceVersion20100801.PutMetricData"
A_REQUEST = 1000
METRICS = 100_000  # each of which has ten points a minute
ROUNDS = 3
CLIENTS = 2
POINTS_A_MINUTE = 1_000_000
CPU_GOAL_PERCENT = 50.0
VALUES = 150


def single(host: int, turn: int) -> list[dict[str, Any]]:
    """Return a thousand data of one value each."""
    return [
        {
            "MetricName": f"metric-{number}",
            "Dimensions": [{"Name": "Host", "Value": f"host-{host}"}],
            "Value": float(turn + number % 7),
            "Unit": "Count",
        }
        for number in range(A_REQUEST)
    ]


def several(host: int, turn: int) -> list[dict[str, Any]]:
    """Return a few data of many values each, as CloudWatch's agent collects them."""
    values = {"Values": [float(turn + number) for number in range(VALUES)]}
    data = single(host, turn)[: A_REQUEST // VALUES]
    return [{name: value for name, value in each.items() if name != "Value"} | values for each in data]


def bodies(make: Callable[[int, int], list[dict[str, Any]]], part: int) -> list[bytes]:
    """Return one client's requests as they go over the wire."""
    hosts = range(part, METRICS // A_REQUEST, CLIENTS)
    asked = ({"Namespace": NAMESPACE, "MetricData": make(host, turn)} for turn in range(ROUNDS) for host in hosts)
    return [gzip.compress(json.dumps(each).encode(), 6) for each in asked]


def sender(running: Clary) -> Callable[[bytes], None]:
    """Return what sends a request, signed, over a connection of its own."""
    keys = json.loads((running.home / "credentials.json").read_text())
    auth = SigV4Auth(Credentials(keys["access_key_id"], keys["secret_access_key"]), "monitoring", keys["region"])
    connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=60)
    fields = {"content-type": "application/x-amz-json-1.0", "x-amz-target": TARGET, "content-encoding": "gzip"}

    def send(body: bytes) -> None:
        asked = AWSRequest("POST", f"http://127.0.0.1:{running.port}/", headers=fields, data=body)
        auth.add_auth(asked)
        connection.request("POST", "/", body, dict(asked.headers))
        answer = connection.getresponse()
        said = answer.read()
        if answer.status != http.client.OK:
            raise SystemExit(f"{answer.status} {said!r}")

    return send


def paced(send: Callable[[bytes], None], made: Iterable[bytes], points: int, rate: float, ends: float) -> int:
    """Send requests at a rate, in points a second, until the time is over; return how many points were taken."""
    sent, began = 0, time.monotonic()
    for body in made:
        if time.monotonic() >= ends:
            break
        send(body)
        sent += points
        time.sleep(max(0.0, began + sent / rate - time.monotonic()))
    return sent


def measure(running: Clary, made: Sequence[Sequence[bytes]], points: int, seconds: float) -> tuple[float, float]:
    """Return points a minute, and the processor time in percent of a core."""
    for part in made:
        for body in part[: len(part) // ROUNDS]:  # which makes the metrics
            sender(running)(body)
    pids = running.pids()
    before = {name: cpu_s(pid) for name, pid in pids.items()}
    began, taken = time.monotonic(), []
    rate = POINTS_A_MINUTE / 60 / CLIENTS

    def work(part: Iterator[bytes]) -> None:
        taken.append(paced(sender(running), part, points, rate, began + seconds))

    threads = [threading.Thread(target=work, args=(cycle(part),)) for part in made]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    took = time.monotonic() - began
    used = sum(cpu_s(pid) - before[name] for name, pid in pids.items())
    return 60 * sum(taken) / took, 100 * used / took


def stored(running: Clary) -> float:
    """Return how many points CloudWatch tells of one metric."""
    now = datetime.now(UTC)
    told = running.client("cloudwatch").get_metric_statistics(
        Namespace=NAMESPACE, MetricName="metric-0", Dimensions=[{"Name": "Host", "Value": "host-0"}], Period=3600,
        Statistics=["SampleCount"], StartTime=now - timedelta(hours=1), EndTime=now + timedelta(hours=1),
    )  # fmt: skip
    return float(sum(each["SampleCount"] for each in told["Datapoints"]))


def main() -> None:
    """Measure and print a line a shape beside the goal."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=30.0)
    seconds = parser.parse_args().seconds
    shapes = (("one value a datum", single, A_REQUEST), ("150 values a datum", several, A_REQUEST // VALUES * VALUES))
    print(f"{'':22} {'points a minute':>16} {'CPU % of a core':>16} {'CPU µs a point':>15}")
    for name, make, points in shapes:
        with clary() as running:
            made = [bodies(make, part) for part in range(CLIENTS)]
            a_minute, percent = measure(running, made, points, seconds)
            told = stored(running)
        print(f"{name:22} {a_minute:16,.0f} {percent:16.1f} {percent / 100 * 60e6 / a_minute:15.1f}")
        assert told > 0, "what was taken is stored"
    print(f"{'goal':22} {POINTS_A_MINUTE:16,} {f'< {CPU_GOAL_PERCENT:.0f}':>16}")


if __name__ == "__main__":
    main()
