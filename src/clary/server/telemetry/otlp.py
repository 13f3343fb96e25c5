"""Families sent to an OpenTelemetry collector: OTLP over HTTP, in its JSON form (opentelemetry-proto 1).

The SDK counts by itself and cannot be given distributions that others counted, which is all that there is here; what
is left of it is the format below.
"""

from __future__ import annotations

import json
import logging
import threading
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any

from clary.core.clock import Clock
from clary.server.telemetry.families import BOUNDS_S, Distribution, Family, Labels, Sort

log = logging.getLogger(__name__)

CUMULATIVE = 2
PATH = "/v1/metrics"
TIMEOUT_S = 10.0


def message(families: Sequence[Family], now: float, instance: str) -> dict[str, Any]:
    """Return an ExportMetricsServiceRequest."""
    at = str(int(now * 1e9))
    metrics = [_metric(each, at) for each in families if each.samples]
    resource = _attributes({"service.name": "clary", "service.instance.id": instance})
    scope = {"scope": {"name": "clary"}, "metrics": metrics}
    return {"resourceMetrics": [{"resource": {"attributes": resource}, "scopeMetrics": [scope]}]}


def _metric(family: Family, at: str) -> dict[str, Any]:
    points = [
        {"attributes": _attributes(labels), "timeUnixNano": at, **_value(value)} for labels, value in family.samples
    ]
    told: dict[str, Any] = {"name": f"clary.{family.name}", "description": family.help, "unit": "1"}
    match family.sort:
        case Sort.TOTAL:
            told["sum"] = {"aggregationTemporality": CUMULATIVE, "isMonotonic": True, "dataPoints": points}
        case Sort.NUMBER:
            told["gauge"] = {"dataPoints": points}
        case Sort.DISTRIBUTION:
            told["unit"] = "s"
            told["histogram"] = {"aggregationTemporality": CUMULATIVE, "dataPoints": points}
    return told


def _value(value: float | Distribution) -> dict[str, Any]:
    if not isinstance(value, Distribution):
        return {"asDouble": value}
    counts = [str(count) for count in value.counts]  # 64-bit integers are strings in protobuf's JSON
    return {"count": str(value.count), "sum": value.sum_s, "bucketCounts": counts, "explicitBounds": list(BOUNDS_S)}


def _attributes(labels: Labels) -> list[dict[str, Any]]:
    return [{"key": name, "value": {"stringValue": value}} for name, value in labels.items()]


@dataclass(frozen=True, slots=True)
class Exporter:
    """Sends everything to a collector every so often; what cannot be sent is left out, since totals catch up."""

    families: Callable[[], Sequence[Family]]
    endpoint: str  # such as http://127.0.0.1:4318
    every_s: float
    clock: Clock
    instance: str

    def run(self, stop: threading.Event) -> None:
        """Send until told to stop; a collector that is away is told of once, and once that it is back."""
        well = True
        while not stop.wait(self.every_s):
            try:
                self.send()
            except (OSError, HTTPException) as error:
                if well:
                    log.warning("metrics cannot be sent to %s: %s", self.endpoint, error)
                well = False
            else:
                if not well:
                    log.info("metrics are sent to %s again", self.endpoint)
                well = True

    def send(self) -> None:
        """Send once; raise OSError or HTTPException."""
        body = json.dumps(message(self.families(), self.clock(), self.instance)).encode()
        url = self.endpoint.rstrip("/") + PATH
        asked = urllib.request.Request(url, body, {"content-type": "application/json"})  # noqa: S310 - an operator's URL
        urllib.request.urlopen(asked, timeout=TIMEOUT_S).close()  # noqa: S310 - an operator's URL
