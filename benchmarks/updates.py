"""How long UpdateEndpoint of a small model takes, end to end: from the call until the endpoint serves the new fleet.

Clients call the endpoint all the while; each answer that is not 200 would be printed. The new fleet is started from
nothing, checked, takes over at once, and the old one is drained and gone before the status says InService again.

    python benchmarks/updates.py --runs 7
"""

from __future__ import annotations

import argparse
import statistics
import threading
import time
from typing import Any

from botocore.exceptions import ClientError
from lifecycle import RESOURCES, set_up, until
from support.running import Clary, clary

NAME = "updated"
GOAL_S = 6.0
ROW = b"0.1,0.7,0.3,0.2,0.5,0.9,0.4,0.6,0.8,0.1"


def config(sagemaker: Any, number: int) -> str:
    """Make a configuration that shares no instance with the one before."""
    variant = {
        "VariantName": "AllTraffic", "ModelName": "trees", "InitialInstanceCount": 1,
        "InstanceType": RESOURCES["InstanceType"], "VolumeSizeInGB": number + 1,
    }  # fmt: skip
    sagemaker.create_endpoint_config(EndpointConfigName=f"{NAME}-{number}", ProductionVariants=[variant])
    return f"{NAME}-{number}"


def update_s(sagemaker: Any, number: int) -> float:
    """Seconds from UpdateEndpoint to InService on the new configuration."""
    wanted = config(sagemaker, number)
    began = time.perf_counter()
    sagemaker.update_endpoint(EndpointName=NAME, EndpointConfigName=wanted)
    until(lambda: sagemaker.describe_endpoint(EndpointName=NAME)["EndpointStatus"], "InService")
    seconds = time.perf_counter() - began
    assert sagemaker.describe_endpoint(EndpointName=NAME)["EndpointConfigName"] == wanted
    return seconds


class Caller(threading.Thread):
    """A client that calls the endpoint without rest, and counts what it hears."""

    def __init__(self, running: Clary) -> None:
        super().__init__()
        self.answered, self.refused = 0, list[str]()
        self._client = running.client("sagemaker-runtime")
        self._over = threading.Event()

    def run(self) -> None:
        while not self._over.is_set():
            try:
                self._client.invoke_endpoint(EndpointName=NAME, ContentType="text/csv", Body=ROW)["Body"].read()
                self.answered += 1
            except ClientError as error:
                self.refused.append(str(error))

    def end(self) -> None:
        self._over.set()
        self.join()


def main() -> None:
    """Measure and print the median beside the goal."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=7)
    runs = parser.parse_args().runs
    with clary() as running:
        set_up(running)
        sagemaker = running.client("sagemaker")
        sagemaker.create_endpoint(EndpointName=NAME, EndpointConfigName=config(sagemaker, 0))
        until(lambda: sagemaker.describe_endpoint(EndpointName=NAME)["EndpointStatus"], "InService")
        caller = Caller(running)
        caller.start()
        _, *seconds = [update_s(sagemaker, number) for number in range(1, runs + 2)]
        caller.end()
    print(f"{'seconds':45} {'median':>7} {'best':>7} {'worst':>7} {'goal':>7}")
    figures = (statistics.median(seconds), min(seconds), max(seconds))
    told = " ".join(f"{figure:7.2f}" for figure in figures)
    print(f"{'UpdateEndpoint of a small model, end to end':45} {told} {f'< {GOAL_S}':>7}")
    print(f"{caller.answered:,} invocations were answered meanwhile; refused: {caller.refused or 'none'}")


if __name__ == "__main__":
    main()
