"""A script that is forked, where this process was itself forked from one that has imported what scripts import.

It is what a new interpreter would be (`interpreter.run`), without the second that importing costs. Where nothing
heavy is imported a new interpreter is as quick, and is what scripts get.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, NoReturn

from clary_runtime import interpreter

HEAVY = "numpy"  # which nothing of a runtime's own imports before a script begins
FORWARDED = (signal.SIGTERM, signal.SIGINT)
"""What the process that runs a script handles, and passes on to it."""


def worth_it(command: Sequence[str]) -> bool:
    """Say whether a fork saves this command imports."""
    return command[0] == sys.executable and HEAVY in sys.modules


class Fork:
    """A forked script, with the part of `subprocess.Popen` that running it takes."""

    def __init__(self, command: Sequence[str], folder: Path, variables: Mapping[str, str]) -> None:
        read, write = os.pipe()
        before = signal.pthread_sigmask(signal.SIG_BLOCK, FORWARDED)  # until the script has handlers of its own
        self._pid = os.fork()
        if self._pid == 0:
            _be(command, folder, variables, write)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        os.close(write)
        self.stderr: IO[bytes] = os.fdopen(read, "rb")
        self._code: int | None = None

    def __enter__(self) -> Fork:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stderr.close()
        self.wait()

    def send_signal(self, number: int) -> None:
        """Signal the script, if it still runs."""
        if self._code is None:
            with suppress(ProcessLookupError):
                os.kill(self._pid, number)

    def wait(self) -> int:
        """Return its exit code, or the negative number of the signal that killed it."""
        if self._code is None:
            self._code = os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])
        return self._code


def _be(command: Sequence[str], folder: Path, variables: Mapping[str, str], errors: int) -> NoReturn:
    try:
        for number in FORWARDED:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        os.dup2(errors, 2)
        os.chdir(folder)
        uncover(folder)
        origin = interpreter.Origin(interpreter.installation())
        interpreter.run(list(command), {**variables, "PWD": str(folder)}, origin)
    except OSError as error:
        os.write(errors, f"{type(error).__name__}: {error}\n".encode())
    finally:
        os._exit(1)


def uncover(code: Path) -> None:
    """Forget imported packages that a customer's module of the same name would have come before."""
    own = {path.stem for path in code.glob("*.py")} | {path.parent.name for path in code.glob("*/__init__.py")}
    if not any(name in sys.modules for name in own):
        return  # to look through all of them copies pages that a forked process shares
    for name in [name for name, module in sys.modules.items() if name.partition(".")[0] in own and _installed(module)]:
        del sys.modules[name]


def _installed(module: object) -> bool:
    return "site-packages" in (getattr(module, "__file__", None) or "")
