from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from clary.supervisor.lock import started_ticks
from clary.supervisor.readiness import answers


@pytest.fixture
def up(clary):
    """Start Clary in the background; it ends with the test."""
    done = clary("up", "--detach", "--port", "0", "--gateways", "1")
    assert done.returncode == 0, done.stderr
    yield done
    assert clary("down").returncode == 0


def test_clary_up_returns_once_it_answers_and_says_what_to_do_next(up, clary):
    assert 'eval "$(clary env)"' in up.stdout
    assert "clary down" in up.stdout
    told = json.loads(clary("status", "--json").stdout)
    assert told["state"] == "running"
    assert answers("127.0.0.1", int(told["url"].rpartition(":")[2]), 30.0)
    assert [each["name"] for each in told["processes"]] == ["supervisor", "agent", "api", "controller", "gateway-1"]
    assert all(each["state"] == "running" and each["memory_bytes"] > 0 for each in told["processes"])
    assert told["instances"] == []


def test_no_process_has_loaded_awscrt_before_anything_wanted_a_checksum(up, clary):
    for each in json.loads(clary("status", "--json").stdout)["processes"]:
        loaded = Path(f"/proc/{each['pid']}/maps").read_text()
        assert "libpython" in loaded or "/python" in loaded
        assert "_awscrt" not in loaded, each["name"]


def test_what_env_prints_leads_boto3_to_clary_unchanged(up, clary, home: Path):
    script = (
        "import boto3; pinned = boto3.client('sts', endpoint_url='https://sts.us-east-1.amazonaws.com');"
        "print(pinned.get_caller_identity()['Account'], boto3.client('s3').list_buckets()['Buckets'])"
    )
    exports = clary("env").stdout
    shell = f'{exports}\n"{sys.executable}" -c "{script}"'
    done = subprocess.run(["/bin/bash", "-c", shell], capture_output=True, text=True, timeout=60, check=False)
    account = json.loads((home / "credentials.json").read_text())["account"]
    assert (done.stdout, done.stderr) == (f"{account} []\n", "")


def test_status_and_logs_are_plain_for_a_program(up, clary, home: Path):
    told = clary("status").stdout
    assert told.startswith("Clary 0.1.0 answers at http://127.0.0.1:")
    assert "PROCESS     STATE    PID" in told
    assert "\x1b" not in told
    assert "gateway-1 serves" in clary("logs", "gateway-1").stdout
    assert "There is no log of 'nobody'" in clary("logs", "nobody").stderr


def test_a_second_up_on_the_home_says_that_one_runs(up, clary, home: Path):
    again = clary("up")
    assert again.returncode == 1
    pid = json.loads((home / "run" / "supervisor.json").read_text())["pid"]
    assert again.stderr == f"clary: Clary already runs on {home} (process {pid}); see `clary status`.\n"


def test_down_ends_everything_and_says_so_once(clary):
    assert clary("up", "--detach", "--port", "0", "--gateways", "1").returncode == 0
    pids = [each["pid"] for each in json.loads(clary("status", "--json").stdout)["processes"]]
    assert clary("down").stdout == "Clary has stopped.\n"
    assert [pid for pid in pids if started_ticks(pid) is not None] == []
    assert clary("down").stdout == "Clary is not running.\n"
    stopped = clary("status")
    assert stopped.returncode == 1
    assert stopped.stdout.startswith("Clary is not running")


def test_down_finds_nothing_wrong_with_a_killed_supervisor(clary, home: Path):
    assert clary("up", "--detach", "--port", "0", "--gateways", "1").returncode == 0
    os.kill(json.loads((home / "run" / "supervisor.json").read_text())["pid"], signal.SIGKILL)
    assert clary("down").returncode == 0
    assert json.loads(clary("status", "--json").stdout)["state"] == "stopped"


def test_detach_fails_with_the_end_of_the_log_that_says_why(clary, home: Path):
    (home / "db").mkdir()
    (home / "db" / "records.db").write_text("this is no database, and so long that SQLite reads its head" * 20)
    done = clary("up", "--detach", "--port", "0")
    assert done.returncode == 1
    assert "clary: Clary cannot open its home. The end of" in done.stderr
    assert "file is not a database" in done.stderr


def test_a_port_that_is_taken_is_named(clary):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = clary("up", "--port", str(port))
    assert done.returncode == 1
    assert done.stderr == (
        f"clary: Port {port} on 127.0.0.1 is taken by another program. "
        "Choose another with --port, or --port 0 for any that is free.\n"
    )
