"""What commands print: colours and boxes for a person at a terminal, plain columns for a program."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import pairwise
from typing import NoReturn

FAILED = 1
INTERRUPTED = 130
RED = "\x1b[31m{}\x1b[0m"


def leave(message: str, status: int = FAILED) -> NoReturn:
    """Say in one line what is wrong, and end the command."""
    warn(message)
    raise SystemExit(status)


def warn(message: str) -> None:
    """Say something that must not be mistaken for the command's result."""
    told = f"clary: {message}"
    print(RED.format(told) if sys.stderr.isatty() else told, file=sys.stderr)


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows below their headings; the last column may be long."""
    if sys.stdout.isatty():
        _rich_table(columns, rows)
        return
    lines = [[column.upper() for column in columns], *rows]
    widths = [max(len(line[number]) for line in lines) for number in range(len(columns) - 1)]
    for line in lines:
        cells = [cell.ljust(width) for cell, width in zip(line, widths, strict=False)]
        print("  ".join([*cells, line[-1]]).rstrip())


def _rich_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    printed = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False)
    for column in columns:
        printed.add_column(column)
    for row in rows:
        printed.add_row(*(Text(cell, style=STYLES.get(cell, "")) for cell in row))
    Console().print(printed)


STYLES = {
    "running": "green",
    "ok": "green",
    "starting": "yellow",
    "waiting": "yellow",
    "limited": "yellow",
    "missing": "red",
    "lost": "red",
}
"""The colours of words that stand for a state."""


def duration(seconds: float) -> str:
    """Return a span of time in its two largest units: 3 d 4 h, 12 min 5 s."""
    whole = max(0, int(seconds))
    units = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))
    for (name, size), (smaller, part) in pairwise(units):
        if whole >= size:
            return f"{whole // size} {name} {whole % size // part} {smaller}"
    return f"{whole} s"


def megabytes(size: int) -> str:
    """Return a size in MB."""
    return f"{size / 1e6:.0f} MB"
