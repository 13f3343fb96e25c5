"""Programs that mean harm, as training jobs: contained, and ended with a reason that a person can act on."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from tests.crash.machine import Machine
from tests.e2e.conftest import Account, eventually

SH = "#!/bin/sh\n"
PYTHON = "#!/usr/bin/env python3\n"
ENDS_S = 150.0

FORK_BOMB = f"""{PYTHON}
import os, time
while True:
    try:
        if os.fork() == 0:
            time.sleep(0.01)
    except OSError:
        pass
"""
MEMORY = f"{PYTHON}held = []\nwhile True:\n    held.append(b'x' * 2**24)\n"
DISK_IN_MANY_FILES = f"""{PYTHON}
number = 0
while True:
    number += 1
    with open(f'/opt/ml/model/{{number}}', 'wb') as file:
        file.write(bytes(2**24))
"""
DISK_IN_ONE_FILE = f"""{PYTHON}
with open('/opt/ml/model/one', 'wb') as file:
    while True:
        file.write(bytes(2**24))
"""
LOOK = f"""{PYTHON}
import glob, json, os, socket, subprocess, urllib.request

def tried(act):
    try:
        return str(act())[:200]
    except BaseException as error:
        return f"refused: {{type(error).__name__}}"

def connect(path):
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(path)
    return "connected"

def reach(address):
    with socket.create_connection(address, timeout=2):
        return "connected"

home, other, port = os.environ["CLARY_TRIED_HOME"], os.environ["CLARY_TRIED_OTHER"], int(os.environ["CLARY_TRIED_PORT"])
found = {{
    "shadow": tried(lambda: open("/etc/shadow").read()),
    "home": tried(lambda: os.listdir(home)),
    "credentials": tried(lambda: open(f"{{home}}/credentials.json").read()),
    "database": tried(lambda: open(f"{{home}}/db/records.db", "rb").read()),
    "another's folder": tried(lambda: os.listdir(f"{{home}}/work/{{other}}")),
    "another's door": tried(lambda: connect(f"{{home}}/i/{{other}}/serve.sock")),
    "the agent's bell": tried(lambda: connect(f"{{home}}/run/keepers.sock")),
    "the api's socket": tried(lambda: connect(f"{{home}}/run/api.sock")),
    "the gateways' port": tried(lambda: reach(("127.0.0.1", port))),
    "another's port": tried(lambda: reach(("127.0.0.1", 8080))),
    "the instance metadata": tried(lambda: reach(("169.254.169.254", 80))),
    "a signal to all": tried(lambda: os.kill(-1, 0)),
    "mounting": tried(lambda: subprocess.run("mount -t tmpfs none /mnt", shell=True, check=True, capture_output=True)),
    "becoming root": tried(lambda: os.setuid(0)),
    "writing outside": tried(lambda: open("/usr/it", "w")),
}}
seen = glob.glob("/proc/[0-9]*")
with open("/opt/ml/model/found.json", "w") as file:
    json.dump({{"found": found, "uid": os.getuid(), "processes": len(seen)}}, file)
"""


@pytest.fixture
def run(account: Account, tmp_path: Path):
    """Give what runs a program as a training job, to its end."""

    def run(name: str, program: str, **more) -> dict:
        image = account.image(tmp_path / name, train=program)
        return account.ended(account.train(name, image, **more), ENDS_S)

    return run


@pytest.fixture(autouse=True)
def the_machine_goes_on(machine: Machine, account: Account, tmp_path: Path):
    """Hold the machine to its life afterwards: the same processes, nothing left of the job, and work gets done."""
    before = machine.pids()
    yield
    assert before == machine.pids()
    image = account.image(tmp_path / "well", train=f"{SH}echo well > /opt/ml/model/it\n")
    account.completed(account.train("well", image))
    eventually(lambda: not machine.folders(), 30)
    assert list(machine.groups()) == []


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_a_fork_bomb_is_held_and_ended_by_its_time(run):
    job = run("bomb", FORK_BOMB, StoppingCondition={"MaxRuntimeInSeconds": 3})
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")


def test_a_program_that_takes_all_memory_is_told_to_ask_for_more(run):
    job = run("memory", MEMORY)
    assert job["TrainingJobStatus"] == "Failed"
    assert "Please use an instance type with more memory" in job["FailureReason"]


@pytest.mark.parametrize("program", [DISK_IN_MANY_FILES, DISK_IN_ONE_FILE], ids=["many-files", "one-file"])
def test_a_program_that_fills_its_disk_is_told_so(run, account: Account, machine: Machine, program: str):
    free = shutil.disk_usage(machine.home).free
    if free < 12 * 2**30:
        pytest.skip(f"a disk with {free} bytes left is no place to try")
    job = run("disk", program)
    assert job["TrainingJobStatus"] == "Failed"
    said = [job["FailureReason"], *account.log_of_job("disk")]
    assert any("No space left on the instance's volume" in each or "File too large" in each for each in said), said
    eventually(lambda: size_of(machine.home) < 2**30, 60)


def size_of(folder: Path) -> int:
    """Return the disk space of a tree; files that go away meanwhile count nothing."""
    return sum(_size_of(Path(parent, name)) for parent, _, names in os.walk(folder) for name in names)


def _size_of(file: Path) -> int:
    try:
        return file.lstat().st_blocks * 512
    except FileNotFoundError:
        return 0


@pytest.fixture
def neighbour(machine: Machine, account: Account, tmp_path: Path):
    """Give the name of another instance, which runs."""
    account.train("neighbour", account.image(tmp_path / "neighbour", train=f"{SH}exec sleep 60\n"))
    yield eventually(lambda: next((each.name for each in machine.kept() if each.job == "neighbour"), None))
    account("sagemaker").stop_training_job(TrainingJobName="neighbour")
    account.ended("neighbour")


def test_a_program_sees_neither_secrets_nor_neighbours(machine: Machine, account: Account, neighbour: str, run):
    tried = {"HOME": machine.home, "OTHER": neighbour, "PORT": machine.port}
    job = run("look", LOOK, Environment={f"CLARY_TRIED_{name}": str(value) for name, value in tried.items()})
    assert job["TrainingJobStatus"] == "Completed", (job.get("FailureReason"), account.log_of_job("look"))
    told = json.loads(account.archive(job["ModelArtifacts"]["S3ModelArtifacts"])["found.json"])
    assert {what: said for what, said in told["found"].items() if not said.startswith("refused")} == {}
    assert told["uid"] != 0
    assert told["processes"] <= 3


def test_a_program_that_floods_its_log_comes_to_its_end(run, account: Account):
    job = run("flood", f"{SH}yes 0123456789012345678901234567890123456789 | head -n 50000\necho the end\n")
    assert job["TrainingJobStatus"] == "Completed", job
    assert account.log_of_job("flood")[-1] == "the end"
