"""The contract that every back end keeps: what the agent may rely on whatever runs the instances."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from clary.compute.backend import Backend, Instance, Observed, State
from clary.compute.process import ProcessBackend, ProcessSettings
from clary.core.errors import ComputeError

MIB = 2**20
DEADLINE_S = 30.0
FOREVER = "import time; open('/opt/ml/up', 'w').close(); time.sleep(1000)"

BACKENDS: dict[str, Callable[[Path], Backend]] = {
    "process": lambda folder: ProcessBackend(folder / "i", ProcessSettings()),
}


@pytest.fixture
def folder() -> Iterator[Path]:
    """Make a folder with a short path: Unix sockets have 107 bytes."""
    path = Path(tempfile.mkdtemp(prefix="cl", dir="/tmp"))
    yield path
    shutil.rmtree(path)


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest, folder: Path) -> Iterator[Backend]:
    """Make a back end, and leave nothing of it."""
    made = BACKENDS[request.param](folder)
    yield made
    for name in made.names():
        made.stop(name)
        made.remove(name)


def instance(folder: Path, name: str, program: str, **fields: Any) -> Instance:
    opt_ml = folder / f"ml-{name}"
    opt_ml.mkdir(exist_ok=True)
    given = {"environment": {"GIVEN": "yes"}, "vcpus": 1, "memory_bytes": 256 * MIB, "disk_bytes": 64 * MIB}
    command = (f"{sys.prefix}/bin/python3", "-c", program)
    return Instance(name=name, command=command, opt_ml=opt_ml, python=Path(sys.prefix), **given | fields)


def wait(look: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not look():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def up(started: Instance) -> None:
    wait((started.opt_ml / "up").exists)


def ended(backend: Backend, name: str) -> Observed:
    def look() -> bool:
        seen = backend.observe(name)
        assert seen is not None
        return seen.ended

    wait(look)
    seen = backend.observe(name)
    assert seen is not None
    return seen


def test_an_instance_runs_in_its_opt_ml_with_its_environment_and_log(backend: Backend, folder: Path) -> None:
    program = "import os; print(os.environ['GIVEN']); open('/opt/ml/model', 'w').write('m'); raise SystemExit(7)"
    started = instance(folder, "job-1-0", program)
    before = time.time()
    backend.start(started)
    seen = ended(backend, "job-1-0")
    assert (seen.name, seen.state, seen.exit_code, seen.signal) == ("job-1-0", State.EXITED, 7, None)
    assert (seen.out_of_memory, seen.serve_socket, seen.error) == (False, None, None)
    assert before - 1 <= seen.started_at <= seen.ended_at <= time.time() + 1
    assert seen.log.read_text() == "yes\n"
    assert (started.opt_ml / "model").read_text() == "m"


def test_a_name_runs_once_and_only_once(backend: Backend, folder: Path) -> None:
    started = instance(folder, "a", "open('/opt/ml/ran', 'a').write('x')")
    for _ in range(3):
        backend.start(started)
    ended(backend, "a")
    backend.start(started)
    assert ended(backend, "a").exit_code == 0
    assert (started.opt_ml / "ran").read_text() == "x"


def test_another_object_finds_the_same_instances(
    backend: Backend, folder: Path, request: pytest.FixtureRequest
) -> None:
    for name in ("b", "a"):
        started = instance(folder, name, FOREVER)
        backend.start(started)
        up(started)
    again = BACKENDS[request.node.callspec.params["backend"]](folder)
    assert again.names() == ["a", "b"]
    seen = again.observe("a")
    assert seen is not None
    assert seen.state is State.RUNNING
    again.stop("a")
    assert ended(backend, "a").signal == signal.SIGKILL


def test_what_was_never_started_is_nothing_to_anyone(backend: Backend) -> None:
    assert backend.observe("nobody") is None
    assert backend.usage("nobody") is None
    assert backend.names() == []
    backend.signal("nobody", signal.SIGTERM)
    backend.give_credentials("nobody", {})
    backend.stop("nobody")
    backend.remove("nobody")


def test_a_signal_reaches_the_users_program(backend: Backend, folder: Path) -> None:
    trap = "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(5))\n"
    started = instance(folder, "a", trap + FOREVER)
    backend.start(started)
    up(started)
    backend.signal("a", signal.SIGTERM)
    assert ended(backend, "a").exit_code == 5


def test_stop_returns_when_everything_is_gone(backend: Backend, folder: Path) -> None:
    started = instance(folder, "a", "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + FOREVER)
    backend.start(started)
    up(started)
    backend.stop("a")
    seen = backend.observe("a")
    assert seen is not None
    assert (seen.state, seen.signal) == (State.EXITED, signal.SIGKILL)
    backend.stop("a")


def test_only_what_does_not_run_is_forgotten(backend: Backend, folder: Path) -> None:
    started = instance(folder, "a", FOREVER)
    backend.start(started)
    with pytest.raises(ComputeError):
        backend.remove("a")
    backend.stop("a")
    backend.remove("a")
    assert backend.observe("a") is None
    assert backend.names() == []
    assert started.opt_ml.exists(), "the folder is the caller's"


def test_usage_grows_with_use(backend: Backend, folder: Path) -> None:
    program = "x = bytearray(64 << 20); open('/opt/ml/data', 'wb').write(bytes(1 << 20))\n" + FOREVER
    started = instance(folder, "a", program)
    backend.start(started)
    up(started)
    used = backend.usage("a")
    assert used is not None
    assert used.memory_bytes > 64 * MIB
    assert used.disk_bytes >= MIB
    assert used.cpu_s > 0


def test_limits_are_explained(backend: Backend) -> None:
    said = " ".join(backend.describe_limits())
    assert all(kind in said for kind in ("Memory", "CPU", "Processes", "Disk"))


def test_more_than_one_host_may_run_at_once(backend: Backend, folder: Path) -> None:
    names = [f"job-{index}" for index in range(4)]
    for name in names:
        backend.start(
            instance(folder, name, "import socket; print(socket.gethostname())", host_name=f"algo-{name[-1]}")
        )
    assert [ended(backend, name).log.read_text().strip() for name in names] == [f"algo-{i}" for i in range(4)]
    assert os.listdir(folder / "ml-job-0") == []


def test_labels_come_back_as_they_were_given(backend: Backend, folder: Path) -> None:
    labels = {"endpoint": "e", "zone": "us-east-1a"}
    backend.start(instance(folder, "a", "pass", labels=labels))
    ended(backend, "a")
    assert backend.labels("a") == labels
    assert backend.labels("never") == {}


def test_a_killed_instance_is_lost_and_nothing_of_it_runs(backend: Backend, folder: Path) -> None:
    started = instance(folder, "a", FOREVER)
    backend.start(started)
    up(started)
    assert backend.kill("a")
    assert ended(backend, "a").state is State.LOST
    assert not backend.kill("a")
    assert not backend.kill("never")
