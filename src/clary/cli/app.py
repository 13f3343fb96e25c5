"""The commands of `clary`. A command's module is imported when its word is said, so that `clary env` is quick."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

from clary.cli.flags import Command, Group, add_parameters
from clary.cli.screen import FAILED, INTERRUPTED
from clary.supervisor.programs import Programs

HELP = "Amazon SageMaker and the AWS services around it, on your own machine."
MODULES = {
    "up": "clary.cli.up",
    "down": "clary.cli.down",
    "status": "clary.cli.status",
    "env": "clary.cli.env",
    "logs": "clary.cli.logs",
    "demo": "clary.cli.demo",
    "ab": "clary.cli.ab.commands",
    "reward": "clary.cli.ab.commands",
    "chaos": "clary.cli.chaos",
    "doctor": "clary.cli.doctor",
    "version": "clary.cli.version",
    "images": "clary.cli.images",
}
"""Where the `COMMANDS` are that each word belongs to."""


def run(programs: Programs) -> None:
    """Run the command that the arguments name; `programs` are what `clary up` runs."""
    told = vars(parser(sys.argv[1:], {"programs": programs}).parse_args(sys.argv[1:] or ["--help"]))
    try:
        told.pop("command")(**told)
        sys.stdout.flush()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except BrokenPipeError:  # who read this has had enough, and Python is not to complain of that either
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(FAILED)


def parser(words: Sequence[str], given: Mapping[str, Any]) -> ArgumentParser:
    """Return what reads a command line that begins with these words; commands get of `given` what they ask for."""
    whole = ArgumentParser("clary", description=HELP, allow_abbrev=False)
    wanted = words[:1] if words and words[0] in MODULES else MODULES
    _add(whole, {word: import_module(MODULES[word]).COMMANDS[word] for word in wanted}, given)
    return whole


def _add(whole: ArgumentParser, commands: Mapping[str, Command | Group], given: Mapping[str, Any]) -> None:
    words = whole.add_subparsers(metavar="COMMAND", required=True)
    for word, command in commands.items():
        told = command.help if isinstance(command, Group) else command.__doc__
        reader = words.add_parser(word, help=told, description=told, allow_abbrev=False)
        if isinstance(command, Group):
            _add(reader, command.commands, given)
        else:
            asked = {name: given[name] for name in add_parameters(reader, command)}
            reader.set_defaults(command=command, **asked)
