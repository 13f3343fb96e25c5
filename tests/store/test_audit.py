from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from clary.core.settings import load
from clary.store.audit import Entry
from clary.store.store import Store, open_store


def entry(number: int, account: str) -> Entry:
    return Entry(
        at=float(number), request_id=str(number), account=account, region="us-east-1", principal="arn", service="s3",
        operation="PutObject", source="127.0.0.1", agent="test", params={"Bucket": "b"}, error="",
    )  # fmt: skip


def eventually(claim: Callable[[], bool], deadline_s: float = 10.0) -> None:
    ends = time.monotonic() + deadline_s
    while not claim():
        assert time.monotonic() < ends
        time.sleep(0.01)


def test_every_call_is_a_row_of_its_account(home) -> None:
    settings = load({"home": str(home)}, {})
    store = open_store(settings)
    for number in range(1200):
        store.audit.note(entry(number, "1" if number % 2 else "2"))
    store.close()
    store = open_store(settings)
    entries = store.audit.entries("1", limit=1000)
    assert len(entries) == 600
    assert entries[0] == entry(1199, "1")
    store.close()


@pytest.fixture
def refused_once(home, caplog) -> Iterator[Store]:
    """Give a store whose disk was full when it was told of a call, and has room again."""
    settings = load({"home": str(home)}, {})
    store = open_store(settings)
    with closing(sqlite3.connect(settings.databases / "audit.db", isolation_level=None)) as trail:
        trail.execute("create trigger full before insert on audit begin select raise(abort, 'no room'); end")
        store.audit.note(entry(1, "1"))
        eventually(lambda: "could not be written yet" in caplog.text)
        trail.execute("drop trigger full")
    yield store
    store.close()


def test_rows_that_a_full_disk_refused_are_written_once_there_is_room(refused_once) -> None:
    refused_once.audit.note(entry(2, "1"))
    eventually(lambda: len(refused_once.audit.entries("1")) == 2)


def test_rows_that_a_full_disk_refused_are_tried_once_more_at_the_end(refused_once, home) -> None:
    refused_once.close()
    with closing(open_store(load({"home": str(home)}, {}))) as store:
        assert store.audit.entries("1") == [entry(1, "1")]


def test_a_store_that_is_closed_holds_no_file_of_its_home(home) -> None:
    store = open_store(load({"home": str(home)}, {}))
    store.audit.note(entry(1, "1"))
    eventually(lambda: len(store.audit.entries("1")) == 1)
    store.close()
    held = [os.path.realpath(each) for each in Path("/proc/self/fd").iterdir()]
    assert [each for each in held if each.startswith(str(home))] == []
