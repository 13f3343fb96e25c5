from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

import boto3
import pytest
from botocore.config import Config

from clary.demo import plan

LIMIT_S = 240
INTERRUPTED = 130
NAMED_BY_AWS = ("AWS_ENDPOINT_URL", "AWS_PROFILE", "AWS_SESSION_TOKEN")


@pytest.fixture
def environment(home: Path) -> Mapping[str, str]:
    """Return an environment in which all that the demo makes is below `home`."""
    kept = {name: value for name, value in os.environ.items() if name not in NAMED_BY_AWS}
    return {**kept, "TMPDIR": str(home), "PYTHONPATH": str(Path(__file__).parents[2] / "src")}


def _demo(environment: Mapping[str, str], *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "clary", "demo", *arguments]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, env=dict(environment), stdout=pipe, stderr=pipe, text=True)


def _runs_in(folder: Path) -> Iterator[str]:
    """Give the command line of every process that was started for a home in a folder."""
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = process.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(folder) in line:
            yield line


def _left(folder: Path) -> list[str]:
    deadline = time.monotonic() + 10
    while (found := [*_runs_in(folder), *map(str, folder.glob("clary-*"))]) and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


@pytest.mark.timeout(LIMIT_S)
def test_the_main_job_works_and_leaves_nothing_behind(environment: Mapping[str, str], home: Path) -> None:
    said, complaints = (demo := _demo(environment, "--json")).communicate(timeout=LIMIT_S)
    assert demo.returncode == 0, complaints
    figures = json.loads(said)
    assert [each["step"] for each in figures["steps"]] == [plan.START, *plan.STEPS, plan.STOP]
    assert {each["data_set"] for each in figures["models"]} == {"breast cancer", "digits"}
    for model in figures["models"]:
        assert model["accuracy"] > 0.9
        assert model["difference"] <= 1e-6
        assert model["metric"]["values"] > 0
        assert model["log"]
    assert not _left(home)


@pytest.mark.timeout(LIMIT_S)
def test_an_interrupted_demo_leaves_nothing_behind(environment: Mapping[str, str], home: Path) -> None:
    demo = _demo(environment)
    assert demo.stdout is not None
    until = next(line for line in demo.stdout if plan.PUT in line)
    assert until.startswith("ok")
    demo.send_signal(signal.SIGINT)
    said, complaints = demo.communicate(timeout=LIMIT_S)
    assert plan.STOP in said
    assert "interrupted" in complaints
    assert demo.returncode == INTERRUPTED
    assert not _left(home)


@pytest.mark.slow
@pytest.mark.timeout(2 * LIMIT_S)
def test_an_interrupted_demo_deletes_its_things_from_a_clary_that_goes_on(
    environment: Mapping[str, str], home: Path, clary: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    assert clary("up", "--detach", "--port", "0").returncode == 0
    try:
        given = json.loads(clary("env", "--json").stdout)
        given = {name: value for name, value in given.items() if value and name.startswith("AWS_")}
        demo = _demo({**environment, **given})
        assert demo.stdout is not None
        assert any(f"Train {plan.XGBOOST}" in line for line in demo.stdout)  # the other still trains
        demo.send_signal(signal.SIGINT)
        complaints = demo.communicate(timeout=LIMIT_S)[1]
        assert demo.returncode == INTERRUPTED
        assert "may be left" not in complaints
        session = boto3.Session(given["AWS_ACCESS_KEY_ID"], given["AWS_SECRET_ACCESS_KEY"], region_name="us-east-1")
        client = partial(session.client, endpoint_url=given["AWS_ENDPOINT_URL"], config=Config(proxies={}))
        assert client("sagemaker").list_training_jobs()["TrainingJobSummaries"] == []
        assert client("sagemaker").list_endpoints()["Endpoints"] == []
        assert client("s3").list_buckets()["Buckets"] == []
        assert client("iam").list_roles()["Roles"] == []
    finally:
        clary("down")


@pytest.mark.timeout(LIMIT_S)
def test_a_demo_that_reaches_nobody_says_so(environment: Mapping[str, str]) -> None:
    keys = {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "us-east-1"}
    once = {"AWS_MAX_ATTEMPTS": "1", "NO_PROXY": "127.0.0.1"}
    demo = _demo({**environment, **keys, **once}, "--endpoint", "http://127.0.0.1:9", "--json")
    said, complaints = demo.communicate(timeout=LIMIT_S)
    assert demo.returncode == 1
    assert said == ""
    assert all(line.startswith("clary: ") for line in complaints.splitlines())
    assert 'Could not connect to the endpoint URL: "http://127.0.0.1:9' in complaints
