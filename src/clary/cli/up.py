"""`clary up`: runs Clary until Ctrl-C, or leaves it running in the background."""

from __future__ import annotations

import os
import shlex
import signal
from collections.abc import Callable
from typing import Annotated

from clary.cli.flags import EVERY_SETTING, Flag, with_settings
from clary.cli.logs import log_of, tail
from clary.cli.screen import FAILED, leave
from clary.core import log as logs
from clary.core.settings import Settings, load
from clary.supervisor.programs import Programs
from clary.supervisor.state import State

READY = b"!"
PROCESS = "supervisor"
TAIL_EVENTS = 3

Detach = Annotated[bool, Flag("Return once Clary answers, and leave it running.")]


@with_settings(*EVERY_SETTING)
def up(programs: Programs, settings: Settings, detach: Detach = False) -> None:
    """Start Clary here, in the foreground: Ctrl-C ends it."""
    logs.configure(settings.log_level, PROCESS, log_of(settings, PROCESS))
    if detach:
        _detach(settings, programs)
    else:
        _run(settings, programs, lambda state: _greet(settings, state, end="press Ctrl-C"))


def _run(settings: Settings, programs: Programs, ready: Callable[[State], None]) -> None:
    """Supervise until a signal ends it, or say in a line why that is impossible."""
    from clary.supervisor import supervisor
    from clary.supervisor.listeners import CannotListen
    from clary.supervisor.lock import HomeTaken

    try:
        supervisor.run(settings, programs, ready)
    except HomeTaken as error:
        leave(f"Clary already runs on {settings.home} (process {error.holder.pid}); see `clary status`.")
    except CannotListen as error:
        leave(str(error))
    except supervisor.DidNotStart as error:
        leave(f"{error} {_why(settings, error.child)}")
    except OSError as error:
        leave(f"Clary cannot run on {settings.home}: {error}.")


def _why(settings: Settings, child: str) -> str:
    """Return the end of a process's log, for a message."""
    path = log_of(settings, child)
    lines = "".join(f"\n  {line}" for event in tail(path, TAIL_EVENTS) for line in event.unfolded())
    return f"The end of {path}:{lines}" if lines else f"{path} says nothing."


def _greet(settings: Settings, state: State, end: str) -> None:
    print(f"Clary {state.version} answers at {state.url} (home {settings.home}).")
    print(f'To use it, run in a shell: eval "$({_command(settings, "env")})"')
    print(f"To end it, {end}.", flush=True)


def _command(settings: Settings, name: str) -> str:
    """Return a command line that means this home."""
    is_usual = load({}).home == settings.home
    return f"clary {name}" if is_usual else f"clary {name} --home {shlex.quote(str(settings.home))}"


def _detach(settings: Settings, programs: Programs) -> None:
    """Become two: the child runs Clary, the parent returns once it answers, or ends as it ended."""
    reads, writes = os.pipe()
    child = os.fork()
    if child == 0:
        os.setsid()
        os.close(reads)
        _run(settings, programs, lambda state: _go_to_the_background(settings, state, writes))
        return
    os.close(writes)
    try:
        answers = os.read(reads, 1) == READY
    except KeyboardInterrupt:
        os.kill(child, signal.SIGTERM)
        answers = False
    if not answers:
        os.waitpid(child, 0)
        raise SystemExit(FAILED)  # the child has said why


def _go_to_the_background(settings: Settings, state: State, pipe: int) -> None:
    """Greet, let go of the terminal, and release the parent."""
    _greet(settings, state, end=f"run: {_command(settings, 'down')}")
    logs.configure_file(settings.log_level, PROCESS, log_of(settings, PROCESS))
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    os.write(pipe, READY)
    os.close(pipe)


COMMANDS = {"up": up}
