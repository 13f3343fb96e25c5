"""How shells are told to set and unset variables."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum


class Shell(StrEnum):
    """The shells that `clary env` writes for; bash stands for every POSIX shell."""

    BASH = "bash"
    FISH = "fish"
    POWERSHELL = "powershell"


Writer = Callable[[Mapping[str, str], Iterable[str]], list[str]]


def bash(exported: Mapping[str, str], unset: Iterable[str]) -> list[str]:
    """Return lines for bash, zsh and sh."""
    return [
        *(f"export {name}={shlex.quote(value)}" for name, value in exported.items()),
        *(f"unset {name}" for name in unset),
    ]


def fish(exported: Mapping[str, str], unset: Iterable[str]) -> list[str]:
    """Return lines for fish, which would split PYTHONPATH were it not one quoted word."""
    return [
        *(f"set -gx {name} {_fish_word(value)};" for name, value in exported.items()),
        *(f"set -e {name};" for name in unset),
    ]


def powershell(exported: Mapping[str, str], unset: Iterable[str]) -> list[str]:
    """Return lines for PowerShell."""
    return [
        *(f"$Env:{name} = {_powershell_word(value)}" for name, value in exported.items()),
        *(f"Remove-Item Env:{name}" for name in unset),
    ]


def _fish_word(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _powershell_word(value: str) -> str:
    doubled = value.replace("'", "''")
    return f"'{doubled}'"


WRITERS: Mapping[Shell, Writer] = {Shell.BASH: bash, Shell.FISH: fish, Shell.POWERSHELL: powershell}
