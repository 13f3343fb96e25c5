"""How long a further instance of a warm runtime takes to its first prediction, and where the time goes.

An endpoint of the same model serves already. Another is created, and called by a signed raw request every five
milliseconds until it answers; what its instance's record, its folder and its route say of the moments between is read
afterwards. Beside it stands the floor: a process that has imported the same forks, loads the model and predicts.

At the end the memory of an instance with its keeper: its share of all pages, and what no other process has.

    python benchmarks/instances.py --runs 15
"""

from __future__ import annotations

import argparse
import io
import json
import os
import pickle
import socket
import statistics
import tarfile
import time
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from lifecycle import BUCKET, RESOURCES, ROW, set_up, until
from sklearn.linear_model import LogisticRegression
from support.running import Clary, clary

from clary.core.settings import load
from clary.resources.instance import INSTANCE, Instance, Phase
from clary.resources.route import ROUTE
from clary.store.records import Record
from clary.store.store import open_store
from clary_runtime.algorithms.xgboost.hosting import model_bytes
from clary_runtime.algorithms.xgboost.library import Booster, load_library

GOAL_MS = 150.0
MEMORY_GOAL_MIB = 60
CALL_EVERY_S = 0.005
LIMIT_S = 30.0
MODELS = {"trees": "built-in XGBoost", "line": "scikit-learn by script"}
STEPS = ("recorded", "data", "begun", "answers", "routed", "predicted")


@dataclass(frozen=True, slots=True)
class Caller:
    """Calls endpoints by signed requests on one connection."""

    running: Clary

    def first_answer(self, endpoint: str) -> float:
        """Call until the endpoint answers; the Unix time at which it had."""
        request, until_ = self._signed(endpoint), time.time() + LIMIT_S
        with socket.create_connection(("127.0.0.1", self.running.port)) as connection:
            while time.time() < until_:
                connection.sendall(request)
                if _status(connection) == 200:
                    return time.time()
                time.sleep(CALL_EVERY_S)
        raise SystemExit(f"{endpoint} did not answer within {LIMIT_S} s")

    def _signed(self, endpoint: str) -> bytes:
        keys = self.running.keys()
        url = f"http://127.0.0.1:{self.running.port}/endpoints/{endpoint}/invocations"
        request = AWSRequest("POST", url, {"content-type": "text/csv", "accept": "text/csv"}, ROW)
        credentials = Credentials(keys["access_key_id"], keys["secret_access_key"])
        SigV4Auth(credentials, "sagemaker", keys["region"]).add_auth(request)
        head = [f"POST /endpoints/{endpoint}/invocations HTTP/1.1", f"host: 127.0.0.1:{self.running.port}"]
        head += [f"{name}: {value}" for name, value in request.headers.items()]
        return ("\r\n".join(head) + f"\r\ncontent-length: {len(ROW)}\r\n\r\n{ROW}").encode()


def _status(connection: socket.socket) -> int:
    """Read one answer; its status."""
    told = b""
    while b"\r\n\r\n" not in told:
        told += connection.recv(65536)
    head, _, body = told.partition(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    length = next(int(line.partition(b":")[2]) for line in lines if line.startswith(b"content-length:"))
    while len(body) < length:
        body += connection.recv(65536)
    return int(head.split()[1])


@dataclass(frozen=True, slots=True)
class Bench:
    """A running Clary, and its store as its own processes see it."""

    running: Clary

    def start(self, model: str, number: int) -> dict[str, float]:
        """Bring up one more instance; milliseconds from the call at which each step was over."""
        sagemaker, name = self.running.client("sagemaker"), f"{model}-{number}"
        variant = {"VariantName": "AllTraffic", "ModelName": model, "InitialInstanceCount": 1}
        variant["InstanceType"] = RESOURCES["InstanceType"]
        sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
        caller = Caller(self.running)
        began = time.time()
        sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
        predicted = caller.first_answer(name)
        moments = {**self._moments(name), "predicted": predicted}
        until(lambda: sagemaker.describe_endpoint(EndpointName=name)["EndpointStatus"], "InService")
        return {step: 1000 * (moments[step] - began) for step in STEPS}

    def memory_mib(self, endpoint: str) -> dict[str, float]:
        """Return what an instance that nobody has a sibling of takes: its share of what is shared, and its own."""
        instance, _ = self._found(endpoint)
        keeper = json.loads((self.running.home / "i" / instance.name / "keeper.json").read_text())["pid"]
        found = [_memory_mib(pid) for pid in _tree(keeper)]
        return {what: sum(each[what] for each in found) for what in ("share", "own")}

    def end(self, name: str) -> None:
        """Take an endpoint down."""
        sagemaker = self.running.client("sagemaker")
        sagemaker.delete_endpoint(EndpointName=name)
        sagemaker.get_waiter("endpoint_deleted").wait(EndpointName=name, WaiterConfig={"Delay": 0.1})

    def _moments(self, endpoint: str) -> dict[str, float]:
        """Return the Unix times at which the one instance of an endpoint had come to each step."""
        instance, route = self._found(endpoint)
        begun = json.loads((self.running.home / "i" / instance.name / "program.json").read_text())["started_at"]
        reached = instance.status.reached
        return {
            "recorded": instance.record.created,
            "data": reached[Phase.STARTING],
            "begun": begun,
            "answers": reached[Phase.RUNNING],
            "routed": route.created,
        }

    def _found(self, endpoint: str) -> tuple[Instance, Record]:
        """Return the one instance of an endpoint, and the record of its route."""
        store = open_store(load({"home": self.running.home}))
        route = next(each for each in store.world.all(ROUTE) if each.name == endpoint)
        instances = (Instance.read(each) for each in store.world.all(INSTANCE))
        instance = next(each for each in instances if each.record.parent == route.parent)
        store.close()
        return instance, route


def _tree(pid: int) -> list[int]:
    """Return a process and all below it."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(each for child in children for each in _tree(int(child)))]


def _memory_mib(pid: int) -> dict[str, float]:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    kib = {line.partition(":")[0]: int(line.split()[1]) for line in lines}
    return {"share": kib["Pss"] / 1024, "own": (kib["Private_Clean"] + kib["Private_Dirty"]) / 1024}


def floor_ms(load: Callable[[], Callable[[], object]]) -> float:
    """Milliseconds until a fork of this process, which has imported everything, has loaded a model and predicted."""
    told, tell = os.pipe()
    began = time.perf_counter()
    if (child := os.fork()) == 0:
        load()()
        os.write(tell, b"!")
        os._exit(0)
    os.read(told, 1)
    seconds = time.perf_counter() - began
    os.waitpid(child, 0)
    os.close(told)
    os.close(tell)
    return 1000 * seconds


def floors(running: Clary, runs: int) -> dict[str, list[float]]:
    """Return the floor of each model."""
    values = [float(each) for each in ROW.split(",")]
    with TemporaryDirectory() as folder:
        trees, line = Path(folder, "trees"), Path(folder, "line")
        trees.write_bytes(_trained(running))
        line.write_bytes(pickle.dumps(LogisticRegression().fit([[0.0] * 10, [1.0] * 10], [0, 1])))

        def load_trees() -> Callable[[], object]:
            booster = Booster(load_library(), model_bytes(trees))
            return lambda: booster.predict(array("f", values), len(values))

        def load_line() -> Callable[[], object]:
            model = pickle.loads(line.read_bytes())
            return lambda: model.predict([values])

        loads = {"trees": load_trees, "line": load_line}
        return {model: [floor_ms(load) for _ in range(runs + 1)][1:] for model, load in loads.items()}


def _trained(running: Clary) -> bytes:
    """Return the file in the archive that the training job left."""
    told = running.client("sagemaker").describe_model(ModelName="trees")["PrimaryContainer"]["ModelDataUrl"]
    archive = running.client("s3").get_object(Bucket=BUCKET, Key=told.removeprefix(f"s3://{BUCKET}/"))["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(archive)) as members:
        found = members.extractfile("xgboost-model")
        assert found is not None
        return found.read()


def line_of(what: str, values: Sequence[float], goal: str = "") -> str:
    """Return a line of the table: median, best and worst."""
    figures = (statistics.median(values), min(values), max(values))
    return f"{what:52} {' '.join(f'{figure:7.0f}' for figure in figures)} {goal:>7}"


def main() -> None:
    """Measure both models in turns, and print medians of all steps beside the goal and the floor."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=15)
    runs = parser.parse_args().runs
    measured: dict[str, list[dict[str, float]]] = {model: [] for model in MODELS}
    with clary() as running:
        set_up(running)
        bench = Bench(running)
        for model in MODELS:
            bench.start(model, 0)
        for number in range(1, runs + 1):
            for model in MODELS:
                measured[model].append(bench.start(model, number))
                bench.end(f"{model}-{number}")
        memory = {model: bench.memory_mib(f"{model}-0") for model in MODELS}
        bare = floors(running, runs)
    print(f"{'milliseconds':52} {'median':>7} {'best':>7} {'worst':>7} {'goal':>7}")
    for model, what in MODELS.items():
        found = measured[model]
        print(line_of(f"{what}: CreateEndpoint to a prediction", [each["predicted"] for each in found]))
        asked = [each["predicted"] - each["recorded"] for each in found]
        print(line_of("  an instance, wanted to predicted", asked, f"< {GOAL_MS:.0f}"))
        for step in STEPS:
            print(line_of(f"    {step}, from the call", [each[step] for each in found]))
        print(line_of("  floor: a bare fork that loads and predicts", bare[model]))
    for model, what in MODELS.items():
        told = ", ".join(f"{mib:.0f} MiB {which}" for which, mib in memory[model].items())
        print(f"{what}: memory of a lone instance with its keeper: {told} (goal: share < {MEMORY_GOAL_MIB})")


if __name__ == "__main__":
    main()
