"""The program that a keeper runs: bubblewrap and what is in it, a fork of itself, or, unsandboxed, just the program."""

from __future__ import annotations

import json
import os
import resource
import signal

from clary.compute.keeper import enclosure, kernel
from clary_runtime import interpreter

TYPE_CHECKING = False  # `typing` itself would cost every instance milliseconds
if TYPE_CHECKING:
    from typing import Any, Final, NoReturn

SIGNAL_BASE: Final = 128  # the shell's and bubblewrap's way to tell that a signal killed a program
SIGNALS: Final = range(1, 65)
TAIL_BYTES: Final = 500


def ending(
    exit_code: int | None = None,
    by_signal: int | None = None,
    *,
    out_of_memory: bool = False,
    error: str | None = None,
) -> dict[str, Any]:
    """Return how an instance ended, for the exit file."""
    return {"exit_code": exit_code, "signal": by_signal, "out_of_memory": out_of_memory, "error": error}


class Program:
    """A running child of the keeper; starts when it is made.

    `origin` is given where this process was forked from a warm parent.
    """

    def __init__(
        self, plan: dict[str, Any], environment: dict[str, str], log: int, origin: interpreter.Origin | None = None
    ) -> None:
        self._plan = plan
        self._forked = origin is not None
        self._status_text = ""
        self._exit_status: int | None = None
        self.inner_pid: int | None = None  # the first process inside; unsandboxed the program itself
        kernel.adopt_orphans()
        self.status, write_end = os.pipe()
        os.set_blocking(self.status, False)
        keeper = os.getpid()
        if plan["sandboxed"]:
            kernel.enter_process_namespace()  # bubblewrap's child waits forever if bubblewrap dies before it
        limited, tell = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            os.close(tell)
            try:
                kernel.die_with(keeper)
                _become(plan, log)
                if origin is None:
                    _wait_for(limited)
                    _execute(plan, environment, write_end)
                else:
                    _go_on(plan, environment, write_end, keeper, origin, limited)
            except (OSError, ValueError) as error:
                os.write(2, f"The program could not be started: {error}\n".encode())
            finally:
                os._exit(127)
        os.close(write_end)
        os.close(limited)
        _limit(plan["cgroups"], self._pid, tell)
        if not plan["sandboxed"]:
            self.inner_pid = self._pid

    def read_status(self) -> bool:
        """Read what bubblewrap tells about itself; return False once it tells no more."""
        try:
            chunk = os.read(self.status, 4096)
        except BlockingIOError:
            return True
        self._status_text += chunk.decode()
        if self.inner_pid is None and "child-pid" in self._told():  # told as its own namespace counts
            inner = () if self._forked else _children(self._pid)  # none any more where it is over already
            self.inner_pid = next(iter(inner), self._pid)
        return bool(chunk)

    def _told(self) -> dict[str, int]:
        complete = self._status_text.split("\n")[:-1]
        return {key: value for line in complete if line for key, value in json.loads(line).items()}

    def reap(self) -> bool:
        """Collect dead children; return True once the program is among them."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if pid == 0:
                break
            if pid == self._pid:
                self._exit_status = status
        return self._exit_status is not None

    def kill(self) -> None:
        """Kill every child: with bubblewrap its process namespace goes, and what is orphaned becomes a child."""
        for pid in _children(os.getpid()):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue

    def end_everything(self) -> None:
        """Kill whatever the program left behind and return when no process is left."""
        while _children(os.getpid()):
            self.kill()
            pid, status = os.waitpid(-1, 0)
            if pid == self._pid:
                self._exit_status = status

    def how_it_ended(self, *, stopped: bool) -> dict[str, Any]:
        """Say how it ended; only to be asked after the end."""
        assert self._exit_status is not None
        while self.read_status() and "exit-code" not in self._told():
            pass
        outer = os.waitstatus_to_exitcode(self._exit_status)
        outer = SIGNAL_BASE - outer if outer < 0 else outer
        code = self._told().get("exit-code")
        # A signal may hit while bubblewrap still prepares; its own failures end with 1.
        if code is None and (stopped or not self._plan["sandboxed"] or outer > SIGNAL_BASE):
            code = outer
        if code is None:
            return ending(error=f"The sandbox could not be set up: {_tail('log')}")
        by_signal = code - SIGNAL_BASE if code - SIGNAL_BASE in SIGNALS else None
        return ending(code, by_signal, out_of_memory=code != 0 and _oom_kills(self._plan["oom_file"]) > 0)


def _limit(groups: list[str], child: int, tell: int) -> None:
    """Put a child into its control groups, for which the kernel takes its time, and let it go on."""
    try:
        for group in groups:
            with open(f"{group}/cgroup.procs", "w", encoding="ascii") as file:
                file.write(str(child))
        os.write(tell, b"!")
    except (ProcessLookupError, BrokenPipeError):
        return  # it has ended, and its end tells why
    finally:
        os.close(tell)


def _wait_for(limited: int) -> None:
    """Return once the limits hold for this process; end where they cannot."""
    if not os.read(limited, 1):
        os._exit(127)
    os.close(limited)


def _become(plan: dict[str, Any], log: int) -> None:
    """Give this forked child what it keeps in every kind of sandbox: session, input and output, and its own limits."""
    os.setsid()
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    if plan["sandboxed"]:
        os.fchown(log, plan["uid"], -1)  # so that the program may open /dev/stdout by name
    os.dup2(log, 1)
    os.dup2(log, 2)
    for name, value in plan["rlimits"].items():
        number = getattr(resource, name)
        hard = resource.getrlimit(number)[1]
        limit = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(number, (limit, limit))


def _execute(plan: dict[str, Any], environment: dict[str, str], status: int) -> None:
    """Have bubblewrap, or the unsandboxed program itself, take this process over."""
    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores these, and what is ignored stays so
        signal.signal(number, signal.SIG_DFL)
    argv = plan["command"]
    if plan["sandboxed"]:
        descriptors = [("--json-status-fd", status)]
        if plan["seccomp"]:
            descriptors.append(("--seccomp", os.open("seccomp.bpf", os.O_RDONLY)))
        for _, descriptor in descriptors:
            os.set_inheritable(descriptor, True)  # noqa: FBT003 - takes no keyword
        options = [text for option, descriptor in descriptors for text in (option, str(descriptor))]
        argv = [argv[0], *options, *argv[1:]]
    else:
        os.chdir(plan["opt_ml"])
    os.execve(argv[0], argv, environment)  # noqa: S606 - what the instance asks for


def _go_on(
    plan: dict[str, Any],
    environment: dict[str, str],
    status: int,
    keeper: int,
    origin: interpreter.Origin,
    limited: int,
) -> NoReturn:
    """Enter the sandbox without `exec`; be its first process, and in a fork of it the program."""
    filter_ = None
    if plan["seccomp"]:
        with open("seccomp.bpf", "rb") as file:
            filter_ = file.read()
    enclosed = plan["forked"]
    enclosure.enter(enclosed, filter_, keeper, lambda: _wait_for(limited))
    kernel.set_dumpable(dumpable=False)  # the first process holds what its keeper knew
    os.write(status, b'{ "child-pid": 1 }\n')
    signal.set_wakeup_fd(-1)
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())  # until the program has handlers of its own
    program = os.fork()
    if program == 0:
        kernel.set_dumpable(dumpable=True)
        kernel.set_command_line(enclosed["command"])
        interpreter.run(enclosed["command"], environment | {"PWD": os.getcwd()}, origin)
    os.dup2(status, 3)
    os.closerange(4, interpreter.DESCRIPTORS_MAX)
    os._exit(enclosure.reap(program, 3))


def _children(pid: int) -> list[int]:
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            return [int(child) for child in file.read().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def _oom_kills(path: str | None) -> int:
    try:
        with open(path or os.devnull, encoding="ascii") as file:
            return sum(int(line.split()[1]) for line in file if line.startswith("oom_kill "))
    except FileNotFoundError:
        return 0


def _tail(path: str) -> str:
    with open(path, "rb") as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - TAIL_BYTES))
        return file.read().decode(errors="replace").strip()
