"""The warm parents that an agent has: started when first needed, asked for keepers, let go when there are too many.

They are a shortcut and nothing more: whatever is wrong with one, `fork` says that nothing was begun, and the instance
is started in the ordinary way. Instances that came of a parent do not need it any more.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import subprocess
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from itertools import accumulate
from pathlib import Path
from typing import Final

from clary.compute.admission import free_memory_bytes
from clary.compute.backend import Instance

log = logging.getLogger(__name__)

READY_S_MAX: Final = 60.0
BEGUN_S_MAX: Final = 10.0
IDLE_S: Final = 900.0
PARENTS_MAX: Final = 4
BYTES_MAX: Final = 512 * 2**20
"""Resident memory that all of them may have together; a make of which one alone has more is started afresh."""
TITLE_ROOM: Final = "." * 1024
"""The command line of a process has as many bytes as it began with; keepers and programs show their own there."""
OWN_PROCESS: Final = (
    "PYTHON", "LD_", "MALLOC_", "GLIBC_",
    "OMP_", "OPENBLAS_", "MKL_", "KMP_", "GOMP_", "BLIS_", "NUMEXPR_", "NPY_",
)  # fmt: skip
"""What the interpreter, the loader or libraries read at their start: who sets such a variable has its own process."""
SHARED: Final = ("OMP_NUM_THREADS", "OMP_WAIT_POLICY")
"""But for these, of which the platform sets few values: a parent has those of its children."""
HARMLESS: Final = ("PYTHONUNBUFFERED",)
FIRST: Final = {"PYTHONUNBUFFERED": "1", "LANG": "C.UTF-8", "PATH": "/usr/bin:/bin"}


@dataclass(frozen=True, slots=True)
class Make:
    """What children of one parent have in common."""

    python: str
    entry: str
    modules: tuple[str, ...]
    environment: tuple[tuple[str, str], ...]
    installed_ns: int  # when a package was last installed or removed


def make_of(instance: Instance, entry: str) -> Make | None:
    """Return the make of an instance's parent; None where the instance must have a process of its own."""
    if not instance.preload or instance.python is None or not _runs_python(instance):
        return None
    own = [name for name in instance.environment if name.startswith(OWN_PROCESS) and name not in (*HARMLESS, *SHARED)]
    if own or instance.environment.get("PYTHONUNBUFFERED", "1") != "1":
        return None
    shared = tuple((name, instance.environment[name]) for name in SHARED if name in instance.environment)
    python = f"{instance.python}/bin/python3"
    return Make(python, entry, instance.preload, shared, _installed_ns(instance.python))


def _runs_python(instance: Instance) -> bool:
    command = instance.command
    return len(command) > 2 and command[0] == f"{instance.python}/bin/python3" and command[1] in ("-c", "-m")


def _installed_ns(prefix: Path) -> int:
    return max((place.stat().st_mtime_ns for place in prefix.glob("lib/python3*/site-packages")), default=0)


@dataclass(frozen=True, slots=True)
class Parent:
    """A running parent and the channel to it; one request at a time."""

    process: subprocess.Popen[bytes]
    channel: socket.socket
    resident_bytes: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def ask(self, folder: str) -> bool | None:
        """Have a keeper forked; None if the parent is of no use any more."""
        with self.lock:
            try:
                self.channel.send(folder.encode())
                answer = self.channel.recv(64)
            except OSError:
                return None
        return answer == b"begun" if answer else None

    def end(self) -> None:
        """Let it go; what it has forked stays."""
        self.channel.close()
        self.process.kill()
        self.process.wait()
        if self.process.stderr is not None:
            self.process.stderr.close()


class Parents:
    """Parents by make, the one asked longest ago first; none is started while hardly any memory is free."""

    def __init__(
        self,
        *,
        parents_max: int = PARENTS_MAX,
        bytes_max: int = BYTES_MAX,
        free_bytes_min: int = 0,
        idle_s: float = IDLE_S,
    ) -> None:
        self._parents_max = parents_max
        self._bytes_max = bytes_max
        self._free_bytes_min = free_bytes_min
        self._idle_s = idle_s
        self._parents: dict[Make, Parent] = {}
        self._unfit: set[Make] = set()
        self._lock = threading.Lock()
        self._starting: dict[Make, threading.Lock] = {}
        self._importing: dict[Make, subprocess.Popen[bytes]] = {}
        self._closed = 0  # how often; a parent that was asked for before that is not wanted any more

    def fork(self, make: Make, folder: str, *, wait: bool) -> bool:
        """Have a parent of this make fork a keeper for the instance in this folder; say whether there is one now.

        Without `wait` a parent that is not ready is started for those who come later.
        """
        asked = self._closed
        if not wait and not self._has(make):
            threading.Thread(target=self._parent, args=(make, asked), name="warm parent", daemon=True).start()
            return False
        for _ in range(2):  # the first parent found may just have ended, having been idle
            parent = self._parent(make, asked)
            if parent is None:
                return False
            begun = parent.ask(folder)
            if begun is not None:
                return begun
            self._forget(make, parent)
        return False

    def ready(self, make: Make) -> bool:
        """Have a parent of this make, and say whether that could be."""
        return self._parent(make, self._closed) is not None

    def close(self) -> None:
        """Let all parents go, also those that do not answer or have not begun yet; others come when they are wanted."""
        with self._lock:
            self._closed += 1
            parents, importing = list(self._parents.values()), list(self._importing.values())
            self._parents.clear()
            self._importing.clear()
        for process in importing:
            process.kill()  # who waits for its answer sees its end, and clears up
        for parent in parents:
            parent.end()

    def _has(self, make: Make) -> bool:
        with self._lock:
            return make in self._parents or self._parents_max == 0

    def _parent(self, make: Make, asked: int) -> Parent | None:
        """Return a parent of this make, started if need be; `asked` is how often all had been let go until then."""
        with self._lock:
            starting = self._starting.setdefault(make, threading.Lock())
        with starting:
            with self._lock:
                if make in self._unfit or self._parents_max == 0:
                    return None
                parent = self._parents.pop(make, None)
                if parent is not None and parent.process.poll() is None:
                    self._parents[make] = parent
                    return parent
            if parent is not None:
                parent.end()
            return self._begun(make, asked)

    def _surplus(self) -> list[Make]:
        """Return whose parents have to go, so that the others are few enough and together small enough."""
        latest = list(reversed(self._parents))
        sizes = accumulate(self._parents[make].resident_bytes for make in latest)
        kept = sum(size <= self._bytes_max for size in sizes)
        return latest[min(kept, self._parents_max) :]

    def _forget(self, make: Make, parent: Parent) -> None:
        with self._lock:
            if self._parents.get(make) is parent:
                del self._parents[make]
        parent.end()

    def _begun(self, make: Make, asked: int) -> Parent | None:
        """Start a parent, wait until it has imported everything, and make room for it."""
        if free_memory_bytes() < self._free_bytes_min:
            return None
        parent = _started(make)
        with self._lock:
            self._importing[make] = parent.process
            if self._closed != asked:
                parent.process.kill()  # as `close` would have
        problem = _problem(parent, make, self._idle_s)
        resident = 0 if problem else _resident_bytes(parent.process.pid)
        if resident > self._bytes_max:
            problem = f"the parent has {resident >> 20} MiB"
        begun, ended = replace(parent, resident_bytes=resident), [parent]
        with self._lock:
            self._importing.pop(make, None)
            wanted = self._closed == asked
            if wanted and problem is None:
                self._parents[make] = begun
                ended = [self._parents.pop(other) for other in self._surplus()]
            elif wanted:
                self._unfit.add(make)
                log.warning("no warm starts with %s: %s", ", ".join(make.modules), problem)
        for each in ended:
            each.end()
        return begun if wanted and problem is None else None


def _started(make: Make) -> Parent:
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with its, ExitStack() as on_failure:
        on_failure.callback(ours.close)
        command = [make.python, "-s", make.entry, "--warm", str(its.fileno()), TITLE_ROOM]
        process = subprocess.Popen(  # noqa: S603 - the runtime's own interpreter and our program
            command, env=FIRST | dict(make.environment), cwd="/", pass_fds=(its.fileno(),),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip
        on_failure.pop_all()
    return Parent(process, ours)


def _problem(parent: Parent, make: Make, idle_s: float) -> str | None:
    asked: Mapping[str, object] = {"modules": make.modules, "idle_s": idle_s}
    parent.channel.settimeout(READY_S_MAX)
    try:
        parent.channel.send(json.dumps(asked).encode())
        answer = parent.channel.recv(64)
    except OSError as error:
        return f"the parent did not get ready: {error}"
    assert parent.process.stderr is not None
    if answer != b"ready":
        return parent.process.stderr.read().decode(errors="replace").strip()[-500:] or "the parent ended"
    parent.process.stderr.close()
    parent.channel.settimeout(BEGUN_S_MAX)
    return None


def _resident_bytes(pid: int) -> int:
    pages = Path(f"/proc/{pid}/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")
