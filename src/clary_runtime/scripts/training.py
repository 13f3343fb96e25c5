"""Training by a customer's script, as AWS's sagemaker-training toolkit runs it.

Signals reach the script, its exit code becomes ours, and its last exception the job's FailureReason.
"""

from __future__ import annotations

import json
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO

from clary_runtime import toolkits
from clary_runtime.errors import ClientError, ScriptError
from clary_runtime.layout import Layout
from clary_runtime.logs import LOG
from clary_runtime.scripts import environment, forks, requirements, sources
from clary_runtime.scripts.environment import Job
from clary_runtime.scripts.failures import error_message

STDERR_KEPT_BYTES_MAX = 64 << 10
# How long a script's own children may hold its standard error open after it ended.
LINGER_S_MAX = 5.0


def train(layout: Layout, framework: str, cpus: int, environ: Mapping[str, str]) -> None:
    """Run the job's script to its end; `ScriptError` with its exit code if that is not 0."""
    job = environment.job(layout, framework, cpus, environ)
    LOG.info("Imported framework %s", environment.FRAMEWORK_MODULES[framework])
    if not job.program:
        raise ClientError("Missing required hyperparameter: sagemaker_program")
    code = sources.code_folder(job.submitted, layout, environ)
    entry = sources.entry_file(code, job.program)
    for folder in (layout.model, layout.output / "data", layout.output / "intermediate"):
        folder.mkdir(parents=True, exist_ok=True)
    site = requirements.site_folder(code, layout.code / requirements.SITE, environ)
    variables = environment.variables(job)
    variables["PYTHONPATH"] = _python_path(code, site, environ.get("PYTHONPATH"))
    told = {"PYTHONUNBUFFERED": "1", **environ, **variables}
    # Packages of the job's own choice must not meet others of the same name that are imported already.
    _run(_command(entry, job), code, told, _introduction(job, variables), fresh=site is not None)


def _python_path(code: Path, site: Path | None, inherited: str | None) -> str:
    """Return a `PYTHONPATH`: the customer's folders first, our stand-ins for AWS's toolkits last."""
    folders = (code, site, inherited, toolkits.folder())
    return ":".join(str(folder) for folder in folders if folder)


def _command(entry: Path, job: Job) -> list[str]:
    """Run a Python file by this interpreter, a package by its module name, anything else by the shell."""
    arguments = environment.arguments(job.hyperparameters)
    if entry.suffix != ".py":
        return ["/bin/sh", "-c", shlex.join([f"./{job.program}", *arguments])]
    if (entry.parent / "setup.py").is_file():
        return [sys.executable, "-m", job.module, *arguments]
    return [sys.executable, job.program, *arguments]


def _introduction(job: Job, variables: Mapping[str, str]) -> str:
    described = json.dumps(environment.training_env(job), indent=4, default=str)
    told = "\n".join(f"{name}={value}" for name, value in sorted(variables.items()))
    return f"Invoking user script\n\nTraining Env:\n\n{described}\n\nEnvironment variables:\n\n{told}\n"


def _run(command: list[str], folder: Path, variables: Mapping[str, str], introduction: str, *, fresh: bool) -> None:
    shown = " ".join(command)
    LOG.info("%s\nInvoking script with the following command:\n\n%s\n\n", introduction, shown)
    if command[0] == "/bin/sh":
        _make_executable(folder, command)
    early: list[int] = []
    _on_signals(lambda number, frame: early.append(number))  # one that comes now must not end us without the script
    with _started(command, folder, variables, fresh=fresh) as process:
        _on_signals(lambda number, frame: process.send_signal(number))
        for number in early:
            process.send_signal(number)
        tail = _echo(process.stderr)
        code = process.wait()
        tail.join(LINGER_S_MAX)
        if code:
            raise ScriptError("ExecuteUserScriptError", _exit_code(code), error_message(tail.text()), shown)
    LOG.info("Reporting training SUCCESS")


def _started(
    command: list[str], folder: Path, variables: Mapping[str, str], *, fresh: bool
) -> subprocess.Popen[bytes] | forks.Fork:
    if not fresh and forks.worth_it(command):
        return forks.Fork(command, folder, variables)
    return subprocess.Popen(command, cwd=folder, env=dict(variables), stderr=subprocess.PIPE)  # noqa: S603 - the customer's own program, in its sandbox


def _make_executable(folder: Path, command: list[str]) -> None:
    """Set the executable bit, which archives made on other systems often lose."""
    program = folder / shlex.split(command[2])[0]
    program.chmod(program.stat().st_mode | 0o111)


def _on_signals(act: Callable[[int, object], None]) -> None:
    for number in forks.FORWARDED:
        signal.signal(number, act)


def _exit_code(code: int) -> int:
    """Shells' convention for a process that a signal ended."""
    return code if code > 0 else 128 - code


class _Tail(threading.Thread):
    """Copies a stream to our standard error and remembers its end."""

    def __init__(self, stream: IO[bytes]) -> None:
        super().__init__(daemon=True)
        self._stream = stream
        self._kept = b""

    def run(self) -> None:
        """Copy until the stream ends."""
        for line in iter(lambda: self._stream.readline(STDERR_KEPT_BYTES_MAX), b""):
            sys.stderr.buffer.write(line)
            sys.stderr.buffer.flush()
            self._kept = (self._kept + line)[-STDERR_KEPT_BYTES_MAX:]

    def text(self) -> str:
        """Return what is remembered."""
        return self._kept.decode("utf-8", "replace")


def _echo(stream: IO[bytes] | None) -> _Tail:
    assert stream is not None
    tail = _Tail(stream)
    tail.start()
    return tail
