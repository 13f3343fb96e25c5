"""A supervisor of toy programs: `python toy.py HOME PORT`; files in the home make them misbehave.

Each program writes down when it is told to end; the gateway answers HTTP, as the readiness probe wants.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from clary.core import log as logs
from clary.core.settings import Settings, load
from clary.supervisor import supervisor
from clary.supervisor.listeners import CannotListen, Listeners
from clary.supervisor.lock import HomeTaken
from clary.supervisor.programs import Programs
from clary.supervisor.state import State

ANSWER = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
PATIENCE_S = 3600.0
"""How long a supervisor waits for programs to end: so long that a test sees what cuts it short."""


def prepare(settings: Settings) -> None:
    if (settings.home / "unreadable").exists():
        raise OSError("the database is not readable")
    (settings.home / "prepared").touch()


def gateway(settings: Settings, listeners: Listeners, worker: str) -> None:
    assert (settings.home / "prepared").exists()
    _end_on_sigterm(settings, worker)
    while True:
        connection, _ = listeners.tcp.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(ANSWER)


def api(settings: Settings, listeners: Listeners) -> None:
    assert listeners.handoffs.fileno() > 0
    if (settings.home / "broken").exists():
        raise ValueError("no such table: records")
    _end_on_sigterm(settings, "api")
    signal.pause()


def controller(settings: Settings) -> None:
    if (settings.home / "deaf").exists():
        _at_sigterm(settings, "controller", (settings.home / "told-controller").touch)
    else:
        _end_on_sigterm(settings, "controller")
    signal.pause()


def agent(settings: Settings) -> None:
    _end_on_sigterm(settings, "agent")
    signal.pause()


def _end_on_sigterm(settings: Settings, name: str) -> None:
    def end() -> None:
        with open(settings.home / "ended", "a") as file:
            file.write(f"{name}\n")
        os._exit(0)

    _at_sigterm(settings, name, end)


def _at_sigterm(settings: Settings, name: str, act: Callable[[], None]) -> None:
    """Act in a thread that waits for the signal: a handler may come just before the call that it is to interrupt."""

    def hear() -> None:
        signal.sigwait({signal.SIGTERM})
        act()

    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    threading.Thread(target=hear, daemon=True).start()
    (settings.home / f"hears-{name}").touch()


def main(home: str, port: str) -> None:
    settings = load({"home": Path(home), "port": int(port), "gateways": 1}, {})
    logs.configure(settings.log_level, "supervisor", settings.process_logs / "supervisor.log")
    programs = Programs(
        prepare=lambda: prepare,
        gateway=lambda: gateway,
        api=lambda: api,
        controller=lambda: controller,
        agent=lambda: agent,
    )

    def ready(state: State) -> None:
        print(state.port, flush=True)

    supervisor.STAGES = tuple((roles, PATIENCE_S) for roles, _ in supervisor.STAGES)
    try:
        supervisor.run(settings, programs, ready)
    except (HomeTaken, CannotListen, supervisor.DidNotStart) as error:
        sys.exit(f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    main(*sys.argv[1:])
