"""The commands of `clary`; what a command alone needs is imported when it runs, so that `clary env` is quick."""

from __future__ import annotations

from collections.abc import Callable

import typer

from clary.cli import chaos, demo, doctor, down, env, images, logs, status, up, version
from clary.cli.ab import commands
from clary.supervisor.programs import Programs

HELP = "Amazon SageMaker and the AWS services around it, on your own machine."


def run(programs: Callable[[], Programs]) -> None:
    """Run the command that the arguments name; `programs` imports and returns what `clary up` runs."""
    build()(obj=programs, prog_name="clary")


def build() -> typer.Typer:
    """Return the command line."""
    app = typer.Typer(help=HELP, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
    app.command("up")(up.up)
    app.command("down")(down.down)
    app.command("status")(status.status)
    app.command("env")(env.env)
    app.command("logs")(logs.logs)
    app.command("demo")(demo.demo)
    app.command("ab")(commands.ab)
    app.command("reward")(commands.reward)
    app.command("chaos")(chaos.chaos)
    app.command("doctor")(doctor.doctor)
    app.command("version")(version.version)
    app.add_typer(images.build(), name="images")
    return app
