"""Instances are killed under load, and no client hears of it: what was asked is answered, and counted once."""

from __future__ import annotations

import os
import signal
import threading
from datetime import UTC, datetime, timedelta

import pytest
from tests.e2e.test_chaos import SERVE
from tests.e2e.test_hosting import programs

CLIENTS, KILLS = 6, 3

pytestmark = pytest.mark.slow


class Client(threading.Thread):
    """Invokes without retries until told to stop."""

    def __init__(self, account, stop, name):
        super().__init__()
        self.account, self.stop, self.label = account, stop, name
        self.answered = 0
        self.faults = []

    def run(self):
        while not self.stop.is_set():
            body = f"{self.label} {self.answered}"
            try:
                assert self.account.invoke("pair", body)["Body"] == body
            except Exception as error:  # noqa: BLE001 - the test tells
                self.faults.append(error)
            self.answered += 1


def points(account, metric: str, statistic: str, period: int) -> list[float]:
    now = datetime.now(UTC)
    found = account("cloudwatch").get_metric_statistics(
        Namespace="AWS/SageMaker", MetricName=metric, Period=period, Statistics=[statistic],
        Dimensions=[{"Name": "EndpointName", "Value": "pair"}, {"Name": "VariantName", "Value": "AllTraffic"}],
        StartTime=now - timedelta(minutes=20), EndTime=now + timedelta(minutes=1),
    )  # fmt: skip
    return [each[statistic] for each in found["Datapoints"]]


@pytest.mark.parametrize("strategy", ["RANDOM", "LEAST_OUTSTANDING_REQUESTS"])
def test_a_variant_of_two_instances_loses_no_request_when_one_is_killed_under_load(account, tmp_path, strategy):
    account.model("pair", account.image(tmp_path / "image", serve=SERVE))
    account.deploy("pair", count=2, variant={"RoutingConfig": {"RoutingStrategy": strategy}})
    account.serving("pair")
    account.invoke("pair", "first")
    stop = threading.Event()
    clients = [Client(account, stop, f"c{number}") for number in range(CLIENTS)]
    for client in clients:
        client.start()
    try:
        for _ in range(KILLS):
            before = sum(client.answered for client in clients)
            account.eventually(lambda before=before: sum(client.answered for client in clients) > before + 50)
            alive = account.eventually(lambda: len(now := programs(tmp_path / "image")) == 2 and now)
            victim = alive[0]
            os.kill(victim, signal.SIGKILL)
            account.eventually(lambda victim=victim: len({*programs(tmp_path / "image")} - {victim}) == 2)
            account.eventually(lambda: _whole(account))
    finally:
        stop.set()
        for client in clients:
            client.join()
    assert [error for client in clients for error in client.faults] == []
    asked = 1 + sum(client.answered for client in clients)
    account.eventually(lambda: sum(points(account, "Invocations", "Sum", 60)) >= asked)
    assert sum(points(account, "Invocations", "Sum", 60)) == asked
    assert sum(points(account, "Invocations", "Sum", 10)) == asked
    assert asked / 2 - 1e-6 <= sum(points(account, "InvocationsPerInstance", "Sum", 10)) <= asked
    assert 0 < max(points(account, "ConcurrentRequestsPerModel", "Average", 10)) <= CLIENTS


def _whole(account) -> bool:
    return account.endpoint("pair")["ProductionVariants"][0]["CurrentInstanceCount"] == 2
