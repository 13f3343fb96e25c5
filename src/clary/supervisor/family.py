"""The supervisor's processes: forked, watched, forked again when they die, and ended.

Everything happens in one thread that waits for signals, which are blocked meanwhile.
"""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Callable, Iterable

from clary.core.settings import Settings
from clary.supervisor.children import Child, fork

log = logging.getLogger(__name__)

ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
SIGNALS = (*ENDING, signal.SIGCHLD)
KILLED_S = 5.0
"""How long the kernel may take to end a killed process."""


class Family:
    """The processes of one supervisor, by name."""

    def __init__(self, settings: Settings, changed: Callable[[], object]) -> None:
        self._settings = settings
        self._changed = changed
        self._children: dict[str, Child] = {}
        self._tasks: dict[str, int] = {}
        self.done: dict[str, int] = {}
        """Exit statuses of the tasks that ended; of one that a signal killed, its negative number."""
        self.ending = False
        """Whether a signal asked for the end; from then on nothing is forked again."""

    @property
    def children(self) -> list[Child]:
        """All children, also those that wait to be forked again."""
        return sorted(self._children.values(), key=lambda child: child.name)

    def keep(self, name: str, body: Callable[[], None]) -> None:
        """Have a process of this name running from now on."""
        self._fork(Child(name, body))

    def run_once(self, name: str, body: Callable[[], None]) -> None:
        """Run a task: a process that ends by itself and leaves its status in `done`."""
        self._tasks[name] = fork(name, body, self._settings)

    def watch(self, until: float) -> None:
        """Wait for a signal, at most until a (monotonic) time, and do what it asks for."""
        due = min((child.due for child in self._children.values() if child.pid is None), default=until)
        self._hear(min(until, due))
        if not self.ending:
            self._fork_again()

    def end(self, names: Iterable[str], patience_s: float) -> None:
        """Ask children to end, and kill those that have not after a while, or when another signal comes."""
        wanted = set(names)
        deadline = time.monotonic() + patience_s
        self._signal(wanted, signal.SIGTERM)
        heard = False
        while self._alive(wanted) and not heard and time.monotonic() < deadline:
            heard = self._hear(deadline)
        self._kill(wanted)

    def end_all(self) -> None:
        """Kill whatever is left."""
        self._kill({*self._children, *self._tasks})

    def _fork(self, child: Child) -> None:
        pid = fork(child.name, child.body, self._settings)
        self._children[child.name] = child.running(pid, time.monotonic())

    def _fork_again(self) -> None:
        now = time.monotonic()
        due = [child for child in self._children.values() if child.pid is None and child.due <= now]
        for child in due:
            self._fork(child)
        if due:
            self._changed()

    def _hear(self, until: float) -> bool:
        """Wait for a signal and take note of what ended; return whether it asked for the end."""
        heard = signal.sigtimedwait(SIGNALS, max(0.0, until - time.monotonic()))
        asked = heard is not None and heard.si_signo in ENDING
        self.ending = self.ending or asked
        self._reap()
        return asked

    def _reap(self) -> None:
        for name, pid in [*self._tasks.items(), *((child.name, child.pid) for child in self._children.values())]:
            if pid is not None and (status := _ended(pid)) is not None:
                self._note(name, status)

    def _note(self, name: str, status: int) -> None:
        if self._tasks.pop(name, None) is not None:
            self.done[name] = status
            return
        child = self._children[name] = self._children[name].ended(time.monotonic())
        if not self.ending:
            log.warning("%s ended (%s); starting it again in %.1f s", name, _told(status), child.delay_s)

    def _alive(self, names: set[str]) -> list[int]:
        pids = {**self._tasks, **{child.name: child.pid for child in self._children.values()}}
        return [pid for name, pid in pids.items() if name in names and pid is not None]

    def _signal(self, names: set[str], number: signal.Signals) -> None:
        for pid in self._alive(names):
            os.kill(pid, number)  # a zombie at worst: its pid is ours until `_reap`

    def _kill(self, names: set[str]) -> None:
        self._signal(names, signal.SIGKILL)
        deadline = time.monotonic() + KILLED_S
        while self._alive(names) and time.monotonic() < deadline:
            self._hear(deadline)
        for pid in self._alive(names):
            log.error("process %d does not die; it may be waiting for a disk", pid)


def _ended(pid: int) -> int | None:
    """Return the exit status of a child that has ended, and forget the process."""
    found, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if found else None


def _told(status: int) -> str:
    return signal.Signals(-status).name if status < 0 else f"exit status {status}"
