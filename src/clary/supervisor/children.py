"""A child process: forked from the supervisor, and never outliving it."""

from __future__ import annotations

import ctypes
import gc
import logging
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import NoReturn

from clary.core import log as logs
from clary.core.settings import Settings

log = logging.getLogger(__name__)

PR_SET_PDEATHSIG = 1
PR_SET_NAME = 15
BACKOFF_FIRST_S = 0.1
BACKOFF_MAX_S = 5.0
SETTLED_S = 10.0
"""Having lived this long, a child that dies is replaced at once."""
EXIT_FAILED = 1
LIBC = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class Child:
    """A child as the supervisor knows it; one without a pid waits for `due`, a monotonic time, to be forked again."""

    name: str
    body: Callable[[], None]
    pid: int | None = None
    started_at: float = 0.0
    began: float = 0.0
    restarts: int = 0
    due: float = 0.0
    delay_s: float = 0.0

    def running(self, pid: int, now: float) -> Child:
        """Return the child as it is once forked."""
        return replace(self, pid=pid, began=now, started_at=time.time())

    def ended(self, now: float) -> Child:
        """Return the child as it is once dead: due again at once if it had settled, else later each time."""
        settled = now - self.began >= SETTLED_S
        delay_s = 0.0 if settled else min(BACKOFF_MAX_S, max(BACKOFF_FIRST_S, 2 * self.delay_s))
        return replace(self, pid=None, restarts=self.restarts + 1, due=now + delay_s, delay_s=delay_s)


def fork(name: str, body: Callable[[], None], settings: Settings) -> int:
    """Run `body` in a new process, whose output goes to a log of its own, and return its pid."""
    supervisor = os.getpid()
    pid = os.fork()
    if pid == 0:
        _be(name, body, settings, supervisor)
    with suppress(ProcessLookupError):  # the child does it too: neither knows who comes first
        os.setpgid(pid, pid)
    return pid


def _be(name: str, body: Callable[[], None], settings: Settings, supervisor: int) -> NoReturn:
    """Be the child, to its end."""
    status = EXIT_FAILED
    try:
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != supervisor:
            os._exit(EXIT_FAILED)  # it died before it could take us along
        _leave_the_terminal(name)
        logs.configure_file(settings.log_level, name, settings.process_logs / f"{name}.log")
        gc.enable()
        body()
        status = 0
    except SystemExit as leaving:
        status = leaving.code if isinstance(leaving.code, int) else EXIT_FAILED
    except BaseException as error:  # the edge of a process: what ends it must stand in its log
        log.critical("%s ends: %s", name, error, exc_info=error)
    finally:
        logging.shutdown()
        sys.stdout.flush()
        os._exit(status)


def _leave_the_terminal(name: str) -> None:
    """Let Ctrl-C reach the supervisor alone, which ends its children in order."""
    os.setpgid(0, 0)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    LIBC.prctl(PR_SET_NAME, f"clary-{name}".encode()[:15], 0, 0, 0)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, set())
