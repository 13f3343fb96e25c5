"""What a thousand alarms, each on a metric of its own, cost the controller: while nothing changes, and when all change.

python benchmarks/alarms.py --alarms 1000
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from clary.controllers.alarms import Alarms
from clary.core.settings import load
from clary.resources.alarm import ALARM, ALARM_CLOCK, CLOCK_NAME, HIGH_RESOLUTION_S, MINUTE_S
from clary.services.cloudwatch.measurements import Measurements
from clary.store.records import Records
from clary.store.series import Datum
from clary.store.store import Store, open_store

ACCOUNT, REGION = "111111111111", "us-east-1"
ROUNDS = 5
PERIODS = 5
CPU_GOAL_PERCENT = 2.0
THRESHOLD = 100.0


class Alarmed:
    """A store with alarms that are fine, and a controller whose time is moved by hand."""

    def __init__(self, home: Path, period: int, count: int) -> None:
        self.now = float(time.time() // MINUTE_S * MINUTE_S + 5)
        self.period, self.count = period, count
        self.store: Store = open_store(load({"home": home}, {}), clock=lambda: self.now)
        self.records: Records = self.store.records(ACCOUNT, REGION)
        self.alarms = Alarms(Measurements(self.store), lambda: self.now)
        self.put()

    def put(self) -> None:
        """Make the alarms and the record that wakes the controller for them."""
        spec = {
            "Namespace": "N", "Statistic": "Average", "Period": self.period, "EvaluationPeriods": 3,
            "Threshold": THRESHOLD, "ComparisonOperator": "GreaterThanThreshold", "DatapointsToAlarm": 1,
        }  # fmt: skip
        status = {"reason": "", "data": "", "updated": self.now, "transitioned": self.now, "configured": self.now}
        with self.records.together() as records:
            for number in range(self.count):
                watched = {**spec, "MetricName": f"m{number}"}
                attributes = {"type": "MetricAlarm"}
                records.create(ALARM, f"a{number}", watched, status=status, state="OK", attributes=attributes)
            records.create(ALARM_CLOCK, CLOCK_NAME, {}, status={"count": self.count})

    def measure(self, value: float) -> None:
        """Let a period pass in which every metric gets values."""
        short = self.period < MINUTE_S
        data = [Datum(f"m{each}", (), self.now, values=[value], high_resolution=short) for each in range(self.count)]
        self.store.series(ACCOUNT, REGION).put("N", data)
        self.now += self.period

    def round(self) -> tuple[float, float]:
        """Let the controller look; return the seconds of processor and of time that it took."""
        record = self.records.find(ALARM_CLOCK, CLOCK_NAME)
        assert record is not None
        cpu, wall = time.process_time(), time.perf_counter()
        self.alarms.reconcile(record, self.records)
        return time.process_time() - cpu, time.perf_counter() - wall


@contextmanager
def alarmed(period: int, count: int) -> Iterator[Alarmed]:
    """Give alarms on periods of a length, whose metrics have a history."""
    with TemporaryDirectory(prefix="cl") as home:
        made = Alarmed(Path(home), period, count)
        for _ in range(PERIODS):
            made.measure(1.0)
        made.round()
        yield made
        made.store.close()


def main() -> None:
    """Measure both resolutions; print the share of a core that rounds take, beside the goal."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--alarms", type=int, default=1000)
    count = parser.parse_args().alarms
    print(f"{count} alarms, each on its own metric; goal while nothing changes: {CPU_GOAL_PERCENT} % of a core")
    for period, step in ((MINUTE_S, MINUTE_S), (HIGH_RESOLUTION_S, HIGH_RESOLUTION_S)):
        with alarmed(period, count) as made:
            costs = []
            for _ in range(ROUNDS):
                made.measure(1.0)
                costs.append(made.round()[0])
            made.measure(2 * THRESHOLD)
            _, changed_s = made.round()
        cpu = sorted(costs)[len(costs) // 2]
        print(
            f"every {step:2} s: {cpu:.3f} s a round, {100 * cpu / step:.2f} % of a core; all change: {changed_s:.2f} s"
        )


if __name__ == "__main__":
    main()
