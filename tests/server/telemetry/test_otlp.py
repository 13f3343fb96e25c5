"""What a collector of OpenTelemetry gets, and what happens while it is away."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from clary.server.telemetry.families import BOUNDS_S, Distribution, Family, Sort
from clary.server.telemetry.otlp import Exporter

NOW = 1_800_000_000.5
COUNTS = [3, *[0] * (len(BOUNDS_S) - 1), 1]
FAMILIES = [
    Family("sagemaker.invocations", "Invocations.", Sort.TOTAL, [({"endpoint": "e"}, 7.0)]),
    Family("sagemaker.instances", "Instances.", Sort.NUMBER, [({}, 2.0)]),
    Family("sagemaker.model_latency", "Latency.", Sort.DISTRIBUTION, [({}, Distribution(COUNTS, 80.5))]),
    Family("sagemaker.endpoints", "None of these.", Sort.NUMBER, []),
]


class Collector(HTTPServer):
    """Keeps what it is sent."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.got: list[tuple[str, str, Any]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.got.append((self.path, self.headers["content-type"], json.loads(body)))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def exporter(url: str, every_s: float = 0.05) -> Exporter:
    return Exporter(lambda: FAMILIES, url, every_s, lambda: NOW, "here")


def test_a_collector_gets_sums_gauges_and_histograms(collector: Collector) -> None:
    exporter(collector.url).send()
    ((path, kind, told),) = collector.got
    assert (path, kind) == ("/v1/metrics", "application/json")
    (resource,) = told["resourceMetrics"]
    assert resource["resource"]["attributes"][0] == {"key": "service.name", "value": {"stringValue": "clary"}}
    total, number, latency = resource["scopeMetrics"][0]["metrics"]
    at = "1800000000500000000"
    assert total["name"] == "clary.sagemaker.invocations"
    assert total["sum"] == {
        "aggregationTemporality": 2,
        "isMonotonic": True,
        "dataPoints": [
            {
                "attributes": [{"key": "endpoint", "value": {"stringValue": "e"}}],
                "timeUnixNano": at,
                "asDouble": 7.0,
            }
        ],
    }
    assert number["gauge"]["dataPoints"][0]["asDouble"] == 2.0
    point = latency["histogram"]["dataPoints"][0]
    assert (point["count"], point["sum"], latency["unit"]) == ("4", 80.5, "s")
    assert len(point["bucketCounts"]) == len(point["explicitBounds"]) + 1


def test_a_collector_that_is_away_is_told_of_once(caplog: pytest.LogCaptureFixture, free_port: int) -> None:
    stop, rounds = threading.Event(), iter(range(3))

    def families() -> list[Family]:
        if next(rounds, None) is None:
            stop.set()
        return FAMILIES

    Exporter(families, f"http://127.0.0.1:{free_port}", 0.001, lambda: NOW, "here").run(stop)
    assert caplog.text.count("metrics cannot be sent") == 1
