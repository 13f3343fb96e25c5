"""Importing XGBoost without scikit-learn, for commands that need none of it.

`xgboost` imports scikit-learn when it is there, which costs a second and 100 MiB; `sys.modules[name] = None` is
Python's documented way to make an import fail («The import system», 5.3.1), and XGBoost is made to work without it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without(module: str) -> Iterator[None]:
    """Inside, importing `module` fails, unless it was imported before."""
    if module in sys.modules:
        yield
        return
    sys.modules[module] = None  # type: ignore[assignment]  # None is the documented mark of a blocked import.
    try:
        yield
    finally:
        del sys.modules[module]
