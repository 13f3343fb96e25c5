from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from clary import main
from clary.core.settings import Settings, load
from clary.supervisor.children import fork

SOON_S = 3.0
"""Well below how long the agent, and a controller that stands by, sleep where nothing happens."""


def _wait_until(holds: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if holds():
            return True
        time.sleep(0.01)
    return False


def _bell_has(settings: Settings, name: str) -> bool:
    return any(settings.run.rglob(f"{name}.*"))


@pytest.mark.parametrize("name", ["controller", "agent"])
def test_a_process_that_sleeps_ends_soon_after_sigterm(home: Path, name: str) -> None:
    settings = load({"home": home, "port": 0}, {})
    settings.process_logs.mkdir(parents=True)
    main.prepare(settings)
    pid = fork(name, lambda: getattr(main, name)(settings), settings)
    try:
        assert _wait_until(lambda: _bell_has(settings, name), 20)
        os.kill(pid, signal.SIGTERM)
        assert _wait_until(lambda: os.waitpid(pid, os.WNOHANG)[0] == pid, SOON_S)
    finally:
        if Path(f"/proc/{pid}").exists():
            os.kill(pid, signal.SIGKILL)
