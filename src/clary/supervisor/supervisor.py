"""The supervisor: forks Clary's processes, forks those that die again, and ends all of them in order.

It has one thread and opens no database; between signals it costs nothing. A `kill -9` of it
takes its children along at once, but not the instances, which the next one's agent adopts.
"""

from __future__ import annotations

import gc
import logging
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

from clary import __version__
from clary.core.generated import remembered
from clary.core.settings import Settings
from clary.supervisor import lock, readiness, state
from clary.supervisor.family import SIGNALS, Family
from clary.supervisor.listeners import Listeners, listen
from clary.supervisor.programs import Programs
from clary_runtime import lean

log = logging.getLogger(__name__)

START_S_MAX = 60.0
STAGES = (({"gateway", "api"}, 70.0), ({"controller"}, 10.0), ({"agent"}, 10.0))
"""What ends together, and after how long it is killed: a gateway waits 65 s for what models still answer."""
IDLE_S = 3600.0
PREPARE = "prepare"
PROBE = "probe"

Ready = Callable[[state.State], None]


class DidNotStart(Exception):
    """Clary does not answer; `child` is the process whose log says why."""

    def __init__(self, message: str, child: str) -> None:
        super().__init__(message)
        self.child = child


def run(settings: Settings, programs: Programs, ready: Ready) -> None:
    """Run Clary until a signal ends it, calling `ready` once it answers.

    Raises HomeTaken, CannotListen or DidNotStart; whatever happens, nothing is left running.
    """
    held = lock.take(settings)
    try:
        state.remove(settings)  # of one that was killed
        settings.process_logs.mkdir(mode=0o700, parents=True, exist_ok=True)
        listeners = listen(settings)
        _supervise(replace(settings, port=listeners.port), programs, listeners, ready)
    finally:
        os.close(held)


def _supervise(settings: Settings, programs: Programs, listeners: Listeners, ready: Ready) -> None:
    started_at = time.time()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    family = Family(settings, lambda: state.read(settings) and _tell(settings, family, started_at))
    try:
        if _start(settings, programs, listeners, family):
            ready(_tell(settings, family, started_at))
            while not family.ending:
                family.watch(time.monotonic() + IDLE_S)
    finally:
        _stop(settings, listeners, family)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _start(settings: Settings, programs: Programs, listeners: Listeners, family: Family) -> bool:
    """Start everything and return True once it answers, False where a signal came before that.

    What comes next is imported while what was forked before works: there is another core for it.
    """
    deadline = time.monotonic() + START_S_MAX
    with _importing(settings, PREPARE):
        prepare = programs.prepare()
    family.run_once(PREPARE, partial(prepare, settings))
    with _importing(settings, "gateway"):
        gateway = programs.gateway()
    if not _finish(family, PREPARE, deadline):
        return False
    for worker in (f"gateway-{number}" for number in range(1, settings.gateways + 1)):
        family.keep(worker, partial(gateway, settings, listeners, worker))
    with _importing(settings, "api"):
        api = programs.api()
    family.keep("api", partial(api, settings, listeners))
    family.run_once(PROBE, partial(readiness.wait_for_an_answer, settings.host, settings.port))
    with _importing(settings, "others"):
        others = {"controller": programs.controller(), "agent": programs.agent()}
    if not _finish(family, PROBE, deadline):
        return False
    for name, program in others.items():  # these start last: on few cores they would delay those that answer
        family.keep(name, partial(program, settings))
    return True


@contextmanager
def _importing(settings: Settings, part: str) -> Iterator[None]:
    """Inside, a part of Clary is imported, to be forked."""
    gc.disable()  # to look for garbage in what stays takes a tenth of the start
    with remembered(settings.home / "cache", part), lean.without("awscrt"):  # which botocore would import
        yield
    gc.freeze()  # collections in children would otherwise write to the pages they share
    gc.enable()


def _finish(family: Family, name: str, deadline: float) -> bool:
    """See a task to its end; return False where a signal came first, or raise DidNotStart if it fails."""
    while name not in family.done and not family.ending:
        if time.monotonic() > deadline:
            raise _diagnosis(family, name)
        family.watch(deadline)
    if not family.ending and family.done[name] != 0:
        raise _diagnosis(family, name)
    return not family.ending


def _diagnosis(family: Family, task: str) -> DidNotStart:
    """Say what failed, and in whose log to look."""
    if task == PREPARE:
        return DidNotStart("Clary cannot open its home.", PREPARE)
    dying = next((child.name for child in family.children if child.restarts), None)
    if dying:
        return DidNotStart(f"Clary does not answer: its process {dying} dies again and again.", dying)
    return DidNotStart("Clary does not answer, though its processes run.", "api")


def _tell(settings: Settings, family: Family, started_at: float) -> state.State:
    """Write down, for other programs, what runs."""
    told = state.State(
        pid=os.getpid(),
        started_at=started_at,
        host=settings.host,
        port=settings.port,
        version=__version__,
        children=tuple(
            state.ChildState(each.name, each.pid, each.started_at, each.restarts) for each in family.children
        ),
        tls=settings.tls_files is not None,
        ca_bundle=str(settings.ca_bundle or ""),
    )
    state.write(settings, told)
    return told


def _stop(settings: Settings, listeners: Listeners, family: Family) -> None:
    """End every child, stage by stage, then the instances; a further signal cuts a stage short."""
    from clary.supervisor import instances  # whose back end is the agent's, and nothing that a start is to wait for

    family.ending = True
    state.remove(settings)
    listeners.close()
    for roles, patience_s in STAGES:
        family.end((child.name for child in family.children if child.name.partition("-")[0] in roles), patience_s)
    family.end_all()
    ended = instances.end_all(settings)
    log.info("stopped, and ended %d instances", ended)
