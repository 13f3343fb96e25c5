"""What 200 endpoints with 300 instances cost the controller while nothing changes.

The endpoints stand in the store as they do once they serve, with routes and instances; the controller is a process of
its own, as `clary up` starts it, and looks at all of them as often as it ever does. No program runs: how many there are
is all the controller knows of them.

    python benchmarks/fleet.py --seconds 120
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

from idle import cpu_s, pss_mb

from clary.core.settings import Settings, load
from clary.processes.controller import controller
from clary.processes.home import prepare
from clary.resources.endpoint import ENDPOINT, Endpoint, Fleet, Status, Variant
from clary.resources.instance import INSTANCE, InstanceStatus, Phase
from clary.resources.route import ROUTE, Route, RoutedInstance, RoutedVariant
from clary.resources.serving_host import host_of
from clary.store.records import Records
from clary.store.store import open_store

ACCOUNT, REGION = "111111111111", "us-east-1"
SETTLE_S = 15.0
CPU_GOAL_PERCENT = 2.0
MODEL = {"container": {"Image": "image:latest"}, "role": f"arn:aws:iam::{ACCOUNT}:role/r", "isolated": False}


def fill(settings: Settings, endpoints: int, instances: int) -> None:
    """Write endpoints that serve into a new home."""
    prepare(settings)
    store = open_store(settings)
    records = store.records(ACCOUNT, REGION)
    for number in range(endpoints):
        with records.together() as together:
            serve(
                together, f"endpoint-{number}", instances * (number + 1) // endpoints - instances * number // endpoints
            )
    store.close()


def serve(records: Records, name: str, count: int) -> None:
    """Write one endpoint with so many instances that answer, and its route."""
    variant = Variant("AllTraffic", 1.0, count, "ml.m5.large", MODEL, {})
    fleet = Fleet("config", (variant,))
    endpoint = Endpoint.read(records.create(ENDPOINT, name, fleet.to_json(), state=Status.IN_SERVICE))
    led = []
    for slot in endpoint.slots(fleet).values():
        socket = Path("/run") / slot.name
        status = InstanceStatus(reached={Phase.RUNNING: time.time()}, ready=True, socket=str(socket))
        spec = replace(host_of(endpoint, slot), entrypoint=[])
        records.create(
            INSTANCE, slot.name, spec.to_json(), status=status.to_json(), state=Phase.RUNNING, parent=endpoint.uid
        )
        led.append(RoutedInstance(slot.name, socket))
    route = Route(ACCOUNT, REGION, name, endpoint.uid, (RoutedVariant(variant.name, 1.0, tuple(led)),))
    records.create(ROUTE, name, route.spec(), parent=endpoint.uid)


def main() -> None:
    """Measure and print the controller's processor time beside the goal."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--endpoints", type=int, default=200)
    parser.add_argument("--instances", type=int, default=300)
    wanted = parser.parse_args()
    with TemporaryDirectory(prefix="clary-") as home:
        settings = load({"home": home}, {})
        fill(settings, wanted.endpoints, wanted.instances)
        changes = newest(settings)
        process = get_context("spawn").Process(target=controller, args=(settings,))
        process.start()
        assert process.pid is not None
        time.sleep(SETTLE_S)
        before = cpu_s(process.pid)
        time.sleep(wanted.seconds)
        percent = 100 * (cpu_s(process.pid) - before) / wanted.seconds
        memory = pss_mb(process.pid)
        process.terminate()
        process.join()
        assert newest(settings) == changes, "the controller was to find nothing to do"
    print(f"{wanted.endpoints} endpoints with {wanted.instances} instances: {percent:.2f} % of a core, {memory:.0f} MB")
    print(f"goal: below {CPU_GOAL_PERCENT} % of a core")


def newest(settings: Settings) -> int:
    """Return the number of the last change."""
    store = open_store(settings)
    found = store.feed.newest()
    store.close()
    return found


if __name__ == "__main__":
    main()
