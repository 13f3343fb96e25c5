"""What `dataclass` generates, compiled once and kept in the home.

Python writes and compiles six functions for each frozen dataclass anew at every start, which for Clary's hundreds
takes a third of it. Only the compiling is remembered, by the very text to compile and for one version of Python.
"""

from __future__ import annotations

import dataclasses
import marshal
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import CodeType
from typing import Any

ENTRIES_MAX = 20_000


@contextmanager
def remembered(folder: Path, name: str) -> Iterator[None]:
    """Inside, what `dataclass` compiles comes from a file of this folder, which is its owner's alone, or gets there."""
    path = folder / f"{name}-{sys.implementation.cache_tag}"
    known = _read(path)
    used: dict[str, CodeType] = {}

    def execute(text: str, *names: dict[str, Any]) -> None:
        code = known.get(text)
        used[text] = code or compile(text, "<string>", "exec", dont_inherit=True)
        exec(used[text], *names)  # noqa: S102 - what `dataclasses` does itself

    # `dataclasses` finds this name before the builtin one.
    setattr(dataclasses, "exec", execute)  # noqa: B010 - which the module's types do not know
    try:
        yield
    finally:
        delattr(dataclasses, "exec")
        if used.keys() - known.keys() and len(used) <= ENTRIES_MAX:
            _write(path, used)


def _read(path: Path) -> dict[str, CodeType]:
    """Return the code of each text; nothing where another Python, or half a disk, wrote it."""
    try:
        version, known = marshal.loads(path.read_bytes())  # noqa: S302 - our own file, in a folder of ours alone
    except (OSError, EOFError, ValueError, TypeError):
        return {}
    return known if version == sys.version and isinstance(known, dict) else {}


def _write(path: Path, used: dict[str, CodeType]) -> None:
    with suppress(OSError):  # a start is slower without, that is all
        for folder in (path.parent.parent, path.parent):
            folder.mkdir(mode=0o700, exist_ok=True)
        new = path.with_name(f"{path.name}.{os.getpid()}")
        new.write_bytes(marshal.dumps((sys.version, used)))
        new.rename(path)
