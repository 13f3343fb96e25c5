"""What `dataclass` and `re` compile, compiled once and kept in the home.

Python writes and compiles six functions for each frozen dataclass anew at every start, which for Clary's hundreds
takes a third of it, and some 200 patterns, a twentieth. Only the compiling is remembered, by the very text to compile
and for one version of Python.
"""

from __future__ import annotations

import _sre  # type: ignore[import-not-found]  # which typeshed leaves out
import dataclasses
import marshal
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

ENTRIES_MAX = 20_000
PATTERNS: Any = re._compiler  # type: ignore[attr-defined]  # noqa: SLF001 - the part of `re` that compiles
compile_pattern = PATTERNS.compile


@contextmanager
def remembered(folder: Path, name: str) -> Iterator[None]:
    """Inside, what these compile comes from a file of this folder, which is its owner's alone, or gets there."""
    path = folder / f"{name}-{sys.implementation.cache_tag}"
    known = _read(path)
    used: dict[Any, Any] = {}

    def execute(text: str, *names: dict[str, Any]) -> None:
        used[text] = known.get(text) or compile(text, "<string>", "exec", dont_inherit=True)
        exec(used[text], *names)  # noqa: S102 - what `dataclasses` does itself

    def pattern(text: str | bytes, flags: int = 0) -> Any:
        key = (text, int(flags))
        used[key] = known.get(key) or _parts(text, flags)
        return _sre.compile(*used[key])

    # `dataclasses` finds this name before the builtin one.
    with _put(dataclasses, "exec", execute), _put(PATTERNS, "compile", pattern):
        yield
    if used.keys() - known.keys() and len(used) <= ENTRIES_MAX:
        _write(path, used)


@contextmanager
def _put(module: Any, name: str, function: Callable[..., Any]) -> Iterator[None]:
    """Inside, a module finds this function under a name, instead of its own or of a builtin one."""
    own = vars(module).get(name)
    setattr(module, name, function)
    try:
        yield
    finally:
        delattr(module, name) if own is None else setattr(module, name, own)


def _parts(text: str | bytes, flags: int) -> tuple[Any, ...]:
    """Return what the last step of compiling a pattern, in C, is given, as plain numbers and names."""
    with _put(_sre, "compile", lambda *parts: parts):
        pattern, all_flags, code, *groups = compile_pattern(text, flags)
    return pattern, int(all_flags), [int(each) for each in code], *groups


def _read(path: Path) -> dict[Any, Any]:
    """Return what each text was compiled to; nothing where another Python, or half a disk, wrote it."""
    try:
        version, known = marshal.loads(path.read_bytes())  # noqa: S302 - our own file, in a folder of ours alone
    except (OSError, EOFError, ValueError, TypeError):
        return {}
    return known if version == sys.version and isinstance(known, dict) else {}


def _write(path: Path, used: dict[Any, Any]) -> None:
    with suppress(OSError):  # a start is slower without, that is all
        for folder in (path.parent.parent, path.parent):
            folder.mkdir(mode=0o700, exist_ok=True)
        new = path.with_name(f"{path.name}.{os.getpid()}")
        new.write_bytes(marshal.dumps((sys.version, used)))
        new.rename(path)
