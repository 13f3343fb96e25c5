"""A home whose databases are made already, since making them takes longer than most tests do."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from clary.core.settings import load
from clary.store.store import open_store


@pytest.fixture(scope="session")
def blank_home() -> Iterator[Path]:
    with TemporaryDirectory(prefix="clary-") as folder:
        open_store(load({"home": folder}, {})).close()
        yield Path(folder)


@pytest.fixture
def prepared_home(home: Path, blank_home: Path) -> Path:
    shutil.copytree(blank_home, home, dirs_exist_ok=True)
    return home
