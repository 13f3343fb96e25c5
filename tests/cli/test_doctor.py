from __future__ import annotations

import socket
from pathlib import Path

from clary.cli.doctor import Health, examine
from clary.core.settings import load


def test_what_is_looked_at_and_how_to_get_what_is_missing(home: Path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        found = {each.subject: each for each in examine(load({"home": home, "port": taken}, {}))}
    assert {"python", "sandbox", "limits", "runtimes", "port", "disk", "memory"} <= found.keys()
    assert found["port"].health is Health.MISSING
    assert f"Port {taken} on 127.0.0.1 is taken by another program. Choose another with --port" in found["port"].told
    assert found["runtimes"].health is Health.OK
    assert "GiB free" in found["disk"].told


def test_a_home_that_does_not_exist_yet_is_measured_where_it_will_be(home: Path):
    found = {each.subject: each for each in examine(load({"home": home / "deep" / "er", "port": 0}, {}))}
    assert found["disk"].health in (Health.OK, Health.LIMITED)
    assert found["port"].health is Health.OK


def test_the_exit_status_says_whether_jobs_can_run(clary):
    done = clary("doctor", "--port", "0")
    assert done.returncode == (" missing " in done.stdout.partition("CHECK")[2])
    assert "CHECK" in done.stdout
