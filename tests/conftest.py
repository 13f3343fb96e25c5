"""What tests of every room share: a home with a short path, since Unix sockets have 107 bytes."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import settings

from clary.core.settings import load
from clary.store.store import Store, open_store


def pytest_configure() -> None:
    """Let tests, and the programs that they start, depend on nothing of the shell that they are started from.

    One that runs them in the background has Ctrl-C ignored; one in which somebody works with AWS leads elsewhere.
    Nor does an example fail for the time it takes, which tells of the machine.
    """
    settings.register_profile("default", settings.get_profile("default"), deadline=None)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    for name in [each for each in os.environ if each.startswith("AWS_")]:
        del os.environ[name]
    for name in ("NO_PROXY", "no_proxy"):
        os.environ[name] = ",".join(filter(None, (os.environ.get(name), "127.0.0.1", "localhost")))


@pytest.fixture
def home() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="cl", dir="/tmp"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@contextmanager
def held_port() -> Iterator[int]:
    """Hold a port on which nobody listens: it is for who asks for it by its number, and nobody gets it by chance."""
    with socket.socket() as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@pytest.fixture
def free_port() -> Iterator[int]:
    with held_port() as port:
        yield port


@pytest.fixture(scope="session")
def blank_home() -> Iterator[Path]:
    """Give a home whose databases are made, to be copied: making them takes longer than most tests do."""
    with tempfile.TemporaryDirectory(prefix="clary-") as folder:
        open_store(load({"home": folder}, {})).close()
        yield Path(folder)


@pytest.fixture
def prepared_home(home: Path, blank_home: Path) -> Path:
    """Give the home, its databases made."""
    shutil.copytree(blank_home, home, dirs_exist_ok=True)
    return home


@pytest.fixture
def store(prepared_home: Path) -> Iterator[Store]:
    """Give the store of the home."""
    store = open_store(load({"home": prepared_home}, {}))
    yield store
    store.close()
