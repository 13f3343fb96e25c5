"""What commands take: flags and arguments, told by the annotations of a function's parameters; settings are flags too.

A parameter without such an annotation is given to the function by whoever runs it.
"""

from __future__ import annotations

import inspect
import math
import os
from argparse import ArgumentParser, ArgumentTypeError, BooleanOptionalAction
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from enum import Enum
from functools import wraps
from typing import Annotated, Any, get_args, get_origin

from clary.cli.screen import leave
from clary.core.errors import SettingsError
from clary.core.settings import Settings, load

WRONG_USE = 2
EVERY_SETTING = tuple(each.name for each in fields(Settings))
Command = Callable[..., None]


@dataclass(frozen=True, slots=True)
class Group:
    """Commands behind one word."""

    help: str
    commands: Mapping[str, Command]


@dataclass(frozen=True, slots=True)
class Flag:
    """A flag, named as its parameter unless `name` differs; where it is not given, an environment `variable` may be."""

    help: str
    name: str = ""
    short: str = ""
    metavar: str = ""
    variable: str = ""
    least: float = -math.inf
    most: float = math.inf

    def add(self, parser: ArgumentParser, parameter: inspect.Parameter) -> None:
        """Have a parser read it for a parameter; of a switch that may be left open there is a --no- too."""
        kind, default = _kind(parameter), os.environ.get(self.variable) or parameter.default
        names = [each for each in (self.name or f"--{parameter.name.replace('_', '-')}", self.short) if each]
        shown = f" (default: {parameter.default})" if parameter.default else ""
        more: dict[str, Any] = {"action": "store_true" if default is False else BooleanOptionalAction}
        if kind is not bool:
            more = {"type": lambda text: self._read(kind, text), "metavar": self.metavar or _metavar(kind, names[0])}
        parser.add_argument(*names, dest=parameter.name, default=default, help=_escaped(self.help + shown), **more)

    def _read(self, kind: type, text: str) -> Any:
        try:
            value = kind(text)
        except ValueError:
            wanted = f"one of {', '.join(kind)}" if issubclass(kind, Enum) else f"of type {kind.__name__}"
            raise ArgumentTypeError(f"{text!r} must be {wanted}") from None
        if kind in (int, float) and not self.least <= value <= self.most:
            wanted = f"at least {self.least:g}" if math.isinf(self.most) else f"{self.least:g} to {self.most:g}"
            raise ArgumentTypeError(f"{text} must be {wanted}")
        return value


@dataclass(frozen=True, slots=True)
class Argument:
    """A word of the command line that needs no name; one with a default may be left out."""

    help: str
    metavar: str

    def add(self, parser: ArgumentParser, parameter: inspect.Parameter) -> None:
        """Have a parser read it for a parameter."""
        optional = {} if parameter.default is parameter.empty else {"nargs": "?", "default": parameter.default}
        more: dict[str, Any] = {"type": _kind(parameter), "metavar": self.metavar, **optional}
        parser.add_argument(parameter.name, help=_escaped(self.help), **more)


def add_parameters(parser: ArgumentParser, command: Command) -> Iterator[str]:
    """Have a parser read what a command takes, and give the names of the parameters that it cannot read."""
    for parameter in inspect.signature(command, eval_str=True).parameters.values():
        if get_origin(parameter.annotation) is Annotated:
            _, told = get_args(parameter.annotation)
            told.add(parser, parameter)
        else:
            yield parameter.name


def with_settings(*names: str) -> Callable[[Command], Command]:
    """Make a command's parameter `settings` out of flags of these names, with environment, file and defaults behind."""

    def decorate(command: Command) -> Command:
        @wraps(command)
        def run(**given: Any) -> None:
            flags = {name: given.pop(name) for name in names}
            command(settings=_load(flags), **given)

        own = inspect.signature(command, eval_str=True).parameters.values()
        kept = [parameter for parameter in own if parameter.name != "settings"]
        run.__signature__ = inspect.Signature([*kept, *map(_flag, names)])  # type: ignore[attr-defined]
        return run

    return decorate


def _flag(name: str) -> inspect.Parameter:
    """Return the parameter that is a setting's flag; without the flag it is None."""
    setting = next(each for each in fields(Settings) if each.name == name)
    default = setting.metadata["default"]
    shown = f"{'yes' if default else 'no'}" if isinstance(default, bool) else str(default) or "empty"
    kind: Any = type(default) if isinstance(default, bool | int | float) else str
    annotation = Annotated[kind | None, Flag(f"{setting.metadata['help']} (default: {shown})")]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


def _kind(parameter: inspect.Parameter) -> Any:
    """Return the type of a parameter that may be None as well."""
    kind, _ = get_args(parameter.annotation)
    return get_args(kind)[0] if get_origin(kind) else kind


def _metavar(kind: type, name: str) -> str:
    return "|".join(kind) if issubclass(kind, Enum) else name.rpartition("-")[2].upper()


def _escaped(text: str) -> str:
    """Return a help text in which argparse finds nothing to fill in."""
    return text.replace("%", "%%")


def _load(flags: dict[str, Any]) -> Settings:
    try:
        return load(flags)
    except SettingsError as error:
        leave(str(error), WRONG_USE)
