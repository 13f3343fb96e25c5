"""`clary demo`: the main job before one's eyes, on a Clary of its own that is gone afterwards."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

from clary import __version__
from clary.cli.env import variables
from clary.cli.flags import Flag
from clary.cli.screen import INTERRUPTED, leave, warn
from clary.core.settings import load
from clary.demo import plan
from clary.demo.failures import DemoFailed
from clary.demo.leftovers import Leftovers
from clary.demo.steps import Step, Steps

if TYPE_CHECKING:
    from clary.demo.access import Access
    from clary.demo.story import Outcome

NAME_BYTES = 4
PLAIN_COLUMNS = 120

Endpoint = Annotated[
    str | None,
    Flag(
        "Use the Clary that answers at this URL, with the keys of AWS's usual variables; it goes on running.",
        metavar="URL",
        variable="AWS_ENDPOINT_URL",
    ),
]
Json = Annotated[bool, Flag("Print the figures as JSON, and nothing else; times in seconds.", "--json")]


def demo(endpoint: Endpoint = None, as_json: Json = False) -> None:
    """Train, deploy and ask two models through boto3, check the answers, and delete everything."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    began = time.monotonic()
    titles = plan.STEPS if endpoint else (plan.START, *plan.STEPS, plan.STOP)
    on_screen = sys.stdout.isatty() and not as_json
    steps = Steps(titles, ended=_ignore if on_screen or as_json else _print_line)
    try:
        with _shown(steps) if on_screen else nullcontext():
            outcomes = _on_given(endpoint, steps) if endpoint else _on_own(steps)
    except DemoFailed as error:
        leave(str(error))
    except KeyboardInterrupt:
        leave("the demo was interrupted, and has deleted what it had made", INTERRUPTED)
    _report(outcomes, steps, time.monotonic() - began, as_json=as_json)


def _on_given(endpoint: str, steps: Steps) -> list[Outcome]:
    """Run on a Clary of somebody's, and leave nothing of the demo behind in it."""
    from clary.demo.access import Access

    leftovers = Leftovers()
    try:
        return _run(Access(endpoint), steps, leftovers)
    finally:
        for failure in leftovers.delete():
            warn(f"something of the demo may be left: {failure}")


def _on_own(steps: Steps) -> list[Outcome]:
    """Run on a Clary whose end takes everything along."""
    with _own_clary(steps) as access:
        return _run(access, steps, Leftovers())


def _run(access: Access, steps: Steps, leftovers: Leftovers) -> list[Outcome]:
    from clary.demo import story
    from clary.demo.access import connect

    name = f"clary-demo-{secrets.token_hex(NAME_BYTES)}"
    return story.run(connect(access), name, steps, leftovers, threading.Event())


@contextmanager
def _own_clary(steps: Steps) -> Iterator[Access]:
    """Have a Clary running on a home of its own, as the command line starts and ends it."""
    with tempfile.TemporaryDirectory(prefix="clary-") as home:
        try:
            with steps.take(plan.START) as step:
                access = _start(home)
                step.detail = access.endpoint
            yield access
        finally:
            with steps.take(plan.STOP):
                _end("down", "--home", home)


def _start(home: str) -> Access:
    """Start Clary, and meanwhile import what the demo needs: that takes as long."""
    starting = _clary("up", "--detach", "--home", home, "--port", "0")
    from clary.demo import story  # noqa: F401 - for the time it takes
    from clary.demo.access import Access

    _finish(starting)
    exported = variables(load({"home": home}), os.environ).exported
    return Access(
        endpoint=exported["AWS_ENDPOINT_URL"],
        access_key=exported["AWS_ACCESS_KEY_ID"],
        secret_key=exported["AWS_SECRET_ACCESS_KEY"],
        region=exported["AWS_REGION"],
        direct=True,
    )


def _end(*arguments: str) -> None:
    _finish(_clary(*arguments))


def _clary(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "clary", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)  # noqa: S603 - our own


def _finish(process: subprocess.Popen[str]) -> None:
    said, _ = process.communicate()
    if process.returncode != 0:
        raise DemoFailed(said.strip().removeprefix("clary: "))


@contextmanager
def _shown(steps: Steps) -> Iterator[None]:
    """Show the steps on the terminal as they go."""
    from rich.console import Console

    from clary.demo import screens

    with screens.live(Console(), steps):
        yield


def _ignore(step: Step) -> None:
    """Say nothing of a step that is over."""


def _print_line(step: Step) -> None:
    from clary.demo.screens import plain_line

    print(plain_line(step), flush=True)


def _report(outcomes: list[Outcome], steps: Steps, total_s: float, *, as_json: bool) -> None:
    if as_json:
        timed = [{"step": step.title, "seconds": round(step.seconds or 0.0, 3)} for step in steps.all]
        models = [asdict(outcome) for outcome in outcomes]
        figures = {"version": __version__, "seconds": round(total_s, 3), "steps": timed, "models": models}
        print(json.dumps(figures, indent=1))
        return
    from rich.console import Console

    from clary.demo.screens import print_outcomes

    console = Console(width=None if sys.stdout.isatty() else PLAIN_COLUMNS)
    print_outcomes(console, outcomes)
    console.print(f"[bold green]Everything works[/], in {total_s:.1f} s. To have Clary for yourself: [bold]clary up[/]")


COMMANDS = {"demo": demo}
