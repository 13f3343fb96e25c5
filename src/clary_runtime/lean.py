"""Importing a library without another that it takes where it is there, and that is not needed.

XGBoost takes scikit-learn, which costs a second and 100 MiB; botocore takes awscrt. Both are made to work without, and
`sys.modules[name] = None` is Python's documented way to make an import fail («The import system», 5.3.1).
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
