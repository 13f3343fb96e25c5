"""What the crash tests share: a seed that can be set, and a Clary that may be killed."""

from __future__ import annotations

import os
import random
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.conftest import held_port
from tests.crash.machine import Machine
from tests.e2e.conftest import Account

SEED = "CLARY_CRASH_SEED"


@pytest.fixture
def seed() -> int:
    """Give the seed of everything random, from the environment or new; pytest shows it with a failure."""
    chosen = int(os.environ.get(SEED) or secrets.randbelow(2**32))
    print(f"the seed is {chosen}; to use it again: {SEED}={chosen}")
    return chosen


@pytest.fixture
def chance(seed: int) -> random.Random:
    """Give what decides when, and who."""
    return random.Random(seed)


@contextmanager
def ended_in_order(home: Path) -> Iterator[Machine]:
    """Give a running Clary on a home; at the end nothing of it runs, and pytest shows its logs with a failure."""
    with held_port() as port:  # so that nobody else has it while Clary is dead
        machine = Machine(home, port=str(port))
        machine.start()
        try:
            yield machine
        finally:
            print(machine.logs())
            for client in machine._roots.values():
                client.close()
            machine.stop()


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    """Give a Clary that the tests of a file share."""
    with tempfile.TemporaryDirectory(prefix="cl", dir="/tmp") as home, ended_in_order(Path(home)) as running:
        yield running  # on a short path: Unix sockets have 107 bytes


@pytest.fixture
def account(machine: Machine) -> Iterator[Account]:
    """Give an account that nobody has used."""
    made = machine.account()
    yield made
    made.close()
