from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from clary.core.settings import Settings, load
from clary.processes.agent import agent
from clary.processes.controller import controller
from clary.processes.home import prepare
from clary.supervisor.children import fork

FOREVER_S = 1e9
SLEEPS = ("clary.agent.agent.COLLECT_S", "clary.agent.counters.COLLECT_S", "clary.controllers.loop.RENEW_S")
"""How long the agent and the controller sleep where nothing happens."""
SOON_S = 20.0


def _wait_until(holds: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if holds():
            return True
        time.sleep(0.01)
    return False


def _bell_has(settings: Settings, name: str) -> bool:
    return any(settings.run.rglob(f"{name}.*"))


@pytest.mark.parametrize("program", [controller, agent])
def test_a_process_that_sleeps_ends_soon_after_sigterm(
    home: Path, program: Callable[[Settings], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    for sleep in SLEEPS:
        monkeypatch.setattr(sleep, FOREVER_S)
    settings = load({"home": home, "port": 0}, {})
    settings.process_logs.mkdir(parents=True)
    prepare(settings)
    pid = fork(program.__name__, lambda: program(settings), settings)
    try:
        assert _wait_until(lambda: _bell_has(settings, program.__name__), SOON_S)
        os.kill(pid, signal.SIGTERM)
        assert _wait_until(lambda: os.waitpid(pid, os.WNOHANG)[0] == pid, SOON_S)
    finally:
        if Path(f"/proc/{pid}").exists():
            os.kill(pid, signal.SIGKILL)
