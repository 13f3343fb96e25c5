"""An endpoint is changed in every way and all but gateways is killed, under constant load: all answers are 200.

For ten minutes; CLARY_SOAK_S says how many seconds instead. All of it comes in each half minute.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import cycle
from pathlib import Path
from random import Random
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.crash.load import Boto, Load, Plain
from tests.crash.machine import Kept, Machine, read, send
from tests.crash.test_kills import nothing_is_left
from tests.crash.traffic import patiently
from tests.e2e.conftest import INSTANCE, Account, eventually

SOAK_S = float(os.environ.get("CLARY_SOAK_S", "600"))
ENDPOINT = "soak"
ALARM = "slow"
KILL_EVERY_S = (2.0, 6.0)
CHANGE_S = 120.0
WHOLE_S = 60.0
COUNTED_S = 60.0
SLOW_S = 0.5
DESCRIPTORS_MORE_MAX = 16
"""What a process may have open more at the end than at the start: connections that still wait for a request."""
SERVE = """#!/usr/bin/env python3
import http.server, os, sys, time
if os.environ["SAYS"] == "never":
    sys.exit("this model cannot be loaded")
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.answer(b"")
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        time.sleep(float(os.environ["WAITS"]))
        self.answer(os.environ["SAYS"].encode())
    def answer(self, body):
        head = f"HTTP/1.1 200 OK\\r\\ncontent-length: {len(body)}\\r\\n\\r\\n"
        self.wfile.write(head.encode() + body)
        self.wfile.flush()
    def log_message(self, *_):
        pass
class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128
Server(("0.0.0.0", 8080), Handler).serve_forever()
"""
MODELS: Mapping[str, float] = {"one": 0.0, "two": 0.0, "sluggish": SLOW_S, "never": 0.0}
"""What each model says, and how long it takes."""


@dataclass
class Killer:
    """Kills whatever may be killed without a client's noticing: everything but gateways, and never a last instance."""

    machine: Machine
    account: Account
    chance: Random
    killed: Counter[str] = field(default_factory=Counter)
    stop: threading.Event = field(default_factory=threading.Event)
    faults: list[BaseException] = field(default_factory=list)

    @contextmanager
    def at_work(self) -> Iterator[Killer]:
        """Kill every few seconds."""
        thread = threading.Thread(target=self._work, name="killer")
        thread.start()
        try:
            yield self
        finally:
            self.stop.set()
            thread.join(CHANGE_S)
        if self.faults:
            raise self.faults[0]

    def _work(self) -> None:
        kinds = cycle(("instance", "agent", "instance", "controller", "instance", "api"))
        try:
            while not self.stop.wait(self.chance.uniform(*KILL_EVERY_S)):
                kind = next(kinds)
                died = self._kill_instance() if kind == "instance" else self._kill_process(kind)
                self.killed[kind] += died
        except (AssertionError, ClientError, OSError) as error:
            self.faults.append(error)

    def _kill_process(self, kind: str) -> bool:
        pid = self.machine.pids().get(kind)
        return pid is not None and send(pid, signal.SIGKILL)

    def _kill_instance(self) -> bool:
        """Kill an instance with all that belongs to it, of a variant that has another to answer in its place."""
        seen = patiently(lambda: self.account.endpoint(ENDPOINT))
        rich = {each["VariantName"] for each in seen["ProductionVariants"] if each["CurrentInstanceCount"] >= 2}
        living = [each for each in self.machine.kept() if variant_of(each) in rich]
        return bool(living) and send(self.chance.choice(living).keeper, signal.SIGKILL)


@dataclass
class Story:
    """The changes that an endpoint goes through, one after the other, while it serves."""

    account: Account
    done: list[str] = field(default_factory=list)
    number: int = 0

    def changes(self) -> Iterator[tuple[str, Callable[[], None]]]:
        """Give the changes by name, and begin anew after the last."""
        while True:
            yield "weights are changed", lambda: self.resize(A={"DesiredWeight": 3.0})
            yield "scaled out", lambda: self.resize(A={"DesiredInstanceCount": 3}, B={"DesiredInstanceCount": 3})
            yield "updated at once", lambda: self.update("two")
            yield "a model that cannot be loaded is taken back", lambda: self.update("never", CANARY, rolled_back=True)
            yield "scaled in", lambda: self.resize(A={"DesiredInstanceCount": 2}, B={"DesiredInstanceCount": 2})
            yield "a model that is slow is taken back", lambda: self.update("sluggish", GUARDED, rolled_back=True)
            yield "updated by a canary", lambda: self.update("one", CANARY)
            yield "updated step by step", lambda: self.update("two", ROLLING)

    def take(self, name: str, change: Callable[[], None]) -> None:
        """Make a change, and wait until it is done."""
        began = time.monotonic()
        change()
        self.done.append(f"{name}: {time.monotonic() - began:.1f} s")

    def resize(self, **wanted: Mapping[str, Any]) -> None:
        sagemaker = self.account("sagemaker")
        desired = [{"VariantName": name, **more} for name, more in wanted.items()]
        self._ask(lambda: sagemaker.update_endpoint_weights_and_capacities(
            EndpointName=ENDPOINT, DesiredWeightsAndCapacities=desired
        ))  # fmt: skip
        self._settled()

    def update(self, model: str, policy: Mapping[str, Any] | None = None, *, rolled_back: bool = False) -> None:
        before = patiently(lambda: self.account.endpoint(ENDPOINT))["EndpointConfigName"]
        config = self.config(model)
        more = {"DeploymentConfig": policy} if policy else {}
        sagemaker = self.account("sagemaker")
        self._ask(lambda: sagemaker.update_endpoint(EndpointName=ENDPOINT, EndpointConfigName=config, **more))
        seen = self._settled()
        assert seen["EndpointConfigName"] == (before if rolled_back else config), seen
        assert bool(seen.get("FailureReason")) is rolled_back, seen

    def config(self, model: str) -> str:
        """Make a configuration of two variants of a model; each is new, so that each update is one."""
        self.number += 1
        name = f"{model}-{self.number}"
        variants = [
            {"VariantName": variant, "ModelName": model, "InitialInstanceCount": 2, "InstanceType": INSTANCE,
             "InitialVariantWeight": 1.0, "VolumeSizeInGB": self.number}
            for variant in ("A", "B")
        ]  # fmt: skip
        sagemaker = self.account("sagemaker")
        self._once(lambda: sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=variants))
        return name

    def _ask(self, call: Callable[[], Any]) -> None:
        """Ask for a change; one that is under way was begun by an attempt whose answer did not arrive."""
        self._once(call, but="Cannot update in-progress endpoint")

    def _once(self, call: Callable[[], Any], but: str = "already existing") -> None:
        try:
            patiently(call)
        except ClientError as error:
            if but not in str(error):
                raise

    def _settled(self) -> dict[str, Any]:
        def look() -> dict[str, Any]:
            seen = patiently(lambda: self.account.endpoint(ENDPOINT))
            return seen if seen["EndpointStatus"] in ("InService", "Failed") else {}

        seen = eventually(look, CHANGE_S)
        assert seen["EndpointStatus"] == "InService", seen
        return seen


def blue_green(traffic: str, **more: Any) -> dict[str, Any]:
    routing = {"Type": traffic, "WaitIntervalInSeconds": 1, **more}
    return {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing, "MaximumExecutionTimeoutInSeconds": 600}}


CANARY = blue_green("CANARY", CanarySize={"Type": "INSTANCE_COUNT", "Value": 1})
GUARDED = {
    **blue_green("CANARY", CanarySize={"Type": "CAPACITY_PERCENT", "Value": 50}, WaitIntervalInSeconds=100),
    "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": ALARM}]},
}
ROLLING = {
    "RollingUpdatePolicy": {
        "MaximumBatchSize": {"Type": "INSTANCE_COUNT", "Value": 2},
        "WaitIntervalInSeconds": 1,
        "MaximumExecutionTimeoutInSeconds": 600,
    }
}


@pytest.fixture
def story(account: Account, tmp_path: Path) -> Story:
    """Give an endpoint of two variants of two instances, and an alarm on its latency."""
    image = account.image(tmp_path / "image", serve=SERVE)
    for says, waits in MODELS.items():
        account.model(says, image, container={"Environment": {"SAYS": says, "WAITS": str(waits)}})
    told = Story(account)
    account("sagemaker").create_endpoint(EndpointName=ENDPOINT, EndpointConfigName=told.config("one"))
    account.serving(ENDPOINT)
    account("cloudwatch").put_metric_alarm(
        AlarmName=ALARM, Namespace="AWS/SageMaker", MetricName="ModelLatency", Statistic="Maximum", Period=10,
        EvaluationPeriods=1, Threshold=SLOW_S * 0.8 * 1e6, ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="notBreaching", Dimensions=dimensions("A"),
    )  # fmt: skip
    return told


@pytest.mark.slow
@pytest.mark.timeout(SOAK_S + 600)
def test_whatever_happens_to_an_endpoint_its_clients_are_answered(machine, account, story, chance):
    open_before = descriptors(machine)
    load, killer = Load(ENDPOINT), Killer(machine, account, chance)
    clients = (Boto(account), Boto(account), *(Plain(account) for _ in range(4)))
    ends = time.monotonic() + SOAK_S
    with load.of(*clients), killer.at_work():
        for name, change in story.changes():
            if time.monotonic() > ends or load.troubles:
                break
            story.take(name, change)
    print("\n".join(story.done))
    print(
        f"killed {dict(killer.killed)}; answers {dict(load.answers)} {dict(load.said)}; slowest {load.slowest_s:.2f} s"
    )
    assert load.troubles == []
    eventually(lambda: is_whole(patiently(lambda: account.endpoint(ENDPOINT))), WHOLE_S)
    cloudwatch_counted_what_the_clients_counted(account, load)
    delete_everything(account)
    nothing_is_left(machine)
    assert listening(machine) == []
    for name, count in descriptors(machine).items():
        assert count <= open_before.get(name, count) + DESCRIPTORS_MORE_MAX, (name, count, open_before)


def cloudwatch_counted_what_the_clients_counted(account: Account, load: Load) -> None:
    """Hold the sums of Invocations to the answers, variant by variant: none is lost, and none counted twice."""
    for variant in ("A", "B"):
        seen: list[float] = []

        def equal(variant: str = variant, seen: list[float] = seen) -> bool:
            seen.append(invocations(account, variant))
            return seen[-1] == load.answers[variant]

        try:
            eventually(equal, COUNTED_S)
        except AssertionError:
            raise AssertionError(f"{variant}: counted {seen[-1]}, answered {load.answers[variant]}") from None


def invocations(account: Account, variant: str) -> float:
    now, day = datetime.now(UTC), timedelta(hours=12)
    answer = account("cloudwatch").get_metric_statistics(
        Namespace="AWS/SageMaker", MetricName="Invocations", Dimensions=dimensions(variant), Statistics=["Sum"],
        Period=86400, StartTime=now - day, EndTime=now + day,
    )  # fmt: skip
    return sum(point["Sum"] for point in answer["Datapoints"])


def dimensions(variant: str) -> list[dict[str, str]]:
    return [{"Name": "EndpointName", "Value": ENDPOINT}, {"Name": "VariantName", "Value": variant}]


def delete_everything(account: Account) -> None:
    sagemaker = account("sagemaker")
    patiently(lambda: sagemaker.delete_endpoint(EndpointName=ENDPOINT))
    for page in sagemaker.get_paginator("list_endpoint_configs").paginate():
        for each in page["EndpointConfigs"]:
            sagemaker.delete_endpoint_config(EndpointConfigName=each["EndpointConfigName"])
    for model in MODELS:
        sagemaker.delete_model(ModelName=model)


def is_whole(seen: Mapping[str, Any]) -> bool:
    """Say whether each variant has all its instances, and more than one."""
    counts = [(each["CurrentInstanceCount"], each["DesiredInstanceCount"]) for each in seen["ProductionVariants"]]
    return all(current == desired >= 2 for current, desired in counts)


def variant_of(kept: Kept) -> str:
    labels = (read(kept.folder / "instance.json") or {}).get("labels", {})
    return labels.get("variant", "") if labels.get("endpoint") == ENDPOINT else ""


def listening(machine: Machine) -> list[str]:
    """Return the sockets of instances that somebody still listens on."""
    lines = Path("/proc/net/unix").read_text().splitlines()
    return [line for line in lines if f"{machine.home}/i/" in line]


def descriptors(machine: Machine) -> dict[str, int]:
    """Return how many files and sockets each of Clary's processes has open."""
    return {name: len(os.listdir(f"/proc/{pid}/fd")) for name, pid in machine.pids().items()}
