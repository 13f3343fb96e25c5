"""The life of a keeper: claim the instance, open its doors, run its program, write down how it ended.

What it runs was decided by the back end and stands in `instance.json`; here is only the doing. Whoever kills the
keeper kills the instance: the program dies with its parent, and the exit file is never written.
"""

from __future__ import annotations

import os
import resource
import signal
import socket
import time

from clary.compute.folders import Folder, process_started
from clary.compute.keeper import bridges, kernel
from clary.compute.keeper.credentials import CredentialsEndpoint
from clary.compute.keeper.loop import IN, Loop
from clary.compute.keeper.output import Output
from clary.compute.keeper.program import Program, ending

TYPE_CHECKING = False  # `typing` itself would cost every instance milliseconds
if TYPE_CHECKING:
    from typing import Any, Final

    from clary_runtime import interpreter

BELL_INTERVAL_S: Final = 0.2
DRAIN_S: Final = 5.0
BRIDGES_MAX: Final = 512
DESCRIPTORS: Final = 4 * BRIDGES_MAX


def begin(path: str) -> None:
    """Leave a keeper behind for the instance in this folder and end; the exit code tells whether there is one."""
    kept, tell = os.pipe()
    if os.fork():
        os.close(tell)
        os._exit(0 if os.read(kept, 1) else 1)
    os.close(kept)
    keep(path, tell)


def keep(path: str, tell: int, origin: interpreter.Origin | None = None) -> None:
    """Be the keeper of the instance in this folder, to its end; who reads `tell` gets a byte once there is one.

    With an origin the program is forked from this process as well.
    """
    os.umask(0o077)
    os.chdir(path)
    os.setsid()
    folder = Folder(path)
    lock = folder.claim()
    tell_asker(tell)
    if lock is not None:
        Keeper(folder, origin).live()


def tell_asker(tell: int) -> None:
    """Say that there is a keeper; it goes on where nobody hears that any more."""
    try:
        os.write(tell, b"!")
    except BrokenPipeError:
        return  # who asked was killed, and whoever asks next finds this keeper
    finally:
        os.close(tell)


class Bell:
    """Wakes the agent: a datagram with the instance's name, lost without harm if nobody listens."""

    def __init__(self, loop: Loop, path: str | None, name: str) -> None:
        self._loop = loop
        self._path = path
        self._name = name.encode()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.settimeout(0)
        self._rung_at = 0.0

    def ring(self) -> None:
        """Ring now."""
        self._rung_at = time.monotonic()
        if self._path is None:
            return
        try:
            self._socket.sendto(self._name, self._path)
        except OSError:
            return  # a bell that nobody hears must not cost an instance

    def ring_soon(self) -> None:
        """Ring, but not more often than every so many milliseconds: log lines come in floods."""
        due = self._rung_at + BELL_INTERVAL_S
        if due <= time.monotonic():
            self.ring()
        else:
            self._loop.wake_at(due, self.ring)


class Keeper:
    """One instance's keeper."""

    def __init__(self, folder: Folder, origin: interpreter.Origin | None) -> None:
        self._folder = folder
        self._origin = origin
        self._plan: dict[str, Any] = folder.read("instance.json")
        self._loop = Loop()
        self._bell = Bell(self._loop, self._plan["doorbell"], self._plan["name"])
        self._stopping = False
        self._program: Program | None = None
        self._started_at: float | None = None

    def live(self) -> None:
        """Run the instance from its first moment to its last."""
        try:
            self._folder.reserve("exit.json")
            self._widen_descriptors()
            self._hear_signals()
            environment = self._open_doors()
            end = self._run(environment)
        except OSError as error:
            self._stop_everything()
            end = ending(error=f"The instance could not be started: {error}")
        self._leave(end)

    def _widen_descriptors(self) -> None:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, DESCRIPTORS)), hard))

    def _hear_signals(self) -> None:
        wakes, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGCHLD):
            signal.signal(number, lambda number, frame: None)
        self._loop.watch(wakes, IN, lambda events: self._heard(os.read(wakes, 64)))

    def _heard(self, numbers: bytes) -> None:
        if signal.SIGTERM in numbers:
            self._stopping = True
            self._stop_everything()
        if self._program and self._program.reap():
            self._loop.stop()

    def _open_doors(self) -> dict[str, str]:
        """Enter the instance's network and open its bridges; return the environment that leads to them."""
        plan = self._plan
        environment: dict[str, str] = dict(plan["environment"])
        if plan["egress"]:
            from clary.compute.keeper.egress import fork_proxy

            fork_proxy("egress.sock")  # before the network is left behind
        if plan["sandboxed"]:
            kernel.enter_network_namespace()
            self._bridge_out(plan["api_port"], plan["api_socket"])
            self._bridge_out(plan["egress_port"], "egress.sock" if plan["egress"] else None)
        if plan["token"]:
            listener = bridges.listen_on_port(plan["credentials_port"] if plan["sandboxed"] else 0)
            CredentialsEndpoint(self._loop, listener, self._folder, plan["token"])
            port = listener.getsockname()[1]
            environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = f"http://127.0.0.1:{port}/credentials"
        if plan["serves"]:
            listener = bridges.listen_on_path("serve.sock")
            bridges.Door(self._loop, listener, self._reach_server, bridges_max=BRIDGES_MAX)
        return environment

    def _bridge_out(self, port: int, path: str | None) -> None:
        if path is not None:
            listener = bridges.listen_on_port(port)
            bridges.Door(self._loop, listener, lambda: bridges.connect_to_path(path), bridges_max=BRIDGES_MAX)

    def _reach_server(self) -> socket.socket:
        if bridges.take_over("run/serve.sock", "serve.sock"):
            return bridges.connect_to_path("serve.sock")
        return bridges.connect_to_port(self._plan["serve_port"])

    def _run(self, environment: dict[str, str]) -> dict[str, Any]:
        log_read, log_write = os.pipe()
        output = Output(self._loop, log_read, "log", self._plan["log_bytes_max"], self._bell.ring_soon)
        self._program = program = Program(self._plan, environment, log_write, self._origin)
        os.close(log_write)
        self._loop.watch(program.status, IN, self._status_came)
        self._loop.run()
        self._status_came(0)  # a quick program may be over before its beginning was heard of
        program.end_everything()
        deadline = time.monotonic() + DRAIN_S
        while not output.ended and self._loop.turn(max(0.0, deadline - time.monotonic())):
            pass
        return program.how_it_ended(stopped=self._stopping)

    def _status_came(self, events: int) -> None:
        assert self._program is not None
        if not self._program.read_status():
            self._loop.forget(self._program.status)
        pid = self._program.inner_pid
        if pid is not None and self._started_at is None:
            self._started_at = time.time()
            content = {"pid": pid, "started": process_started(pid), "started_at": self._started_at}
            self._folder.write("program.json", content)
            self._bell.ring()

    def _stop_everything(self) -> None:
        if self._program:
            self._program.kill()

    def _leave(self, end: dict[str, Any]) -> None:
        for group in self._plan["cgroups"]:
            _remove_group(group)
        content = end | {"started_at": self._started_at, "ended_at": time.time()}
        self._folder.write("exit.json", content)
        self._folder.sync()
        for path in ("serve.sock", "egress.sock"):
            if os.path.lexists(path):
                os.unlink(path)
        self._bell.ring()


def _remove_group(path: str) -> None:
    for _ in range(50):  # the kernel lets go of a dead process's group a moment after its parent heard of it
        try:
            os.rmdir(path)
        except FileNotFoundError:
            return
        except OSError:
            time.sleep(0.01)
        else:
            return
