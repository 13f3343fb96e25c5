"""Settings as flags of commands: each has one name and one sentence, those of `core.settings`."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import fields
from functools import wraps
from typing import Annotated, Any

import typer

from clary.cli.screen import leave
from clary.core.errors import SettingsError
from clary.core.settings import Settings, load

WRONG_USE = 2
EVERY_SETTING = tuple(each.name for each in fields(Settings))
Command = Callable[..., None]


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
    """Return the parameter that typer makes a flag of; without the flag it is None."""
    setting = next(each for each in fields(Settings) if each.name == name)
    default, dashed = setting.metadata["default"], name.replace("_", "-")
    is_switch = isinstance(default, bool)
    shown = f"{'yes' if default else 'no'}" if is_switch else str(default) or "empty"
    option = typer.Option(
        f"--{dashed}/--no-{dashed}" if is_switch else f"--{dashed}",
        help=f"{setting.metadata['help']} (default: {shown})",
        show_default=False,
        metavar=None if is_switch else dashed.rpartition("-")[2].upper(),
    )
    kind: Any = type(default) if isinstance(default, bool | int | float) else str
    annotation = Annotated[kind | None, option]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


def _load(flags: dict[str, Any]) -> Settings:
    try:
        return load(flags)
    except SettingsError as error:
        leave(str(error), WRONG_USE)
