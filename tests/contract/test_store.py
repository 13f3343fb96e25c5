"""What every data base under the records must do; SQLite does it now."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.exc import DatabaseError

from clary.core.errors import LeaseLost, StaleRecord, ValidationError
from clary.core.settings import load
from clary.store.changes import Behind
from clary.store.database import unavailable
from clary.store.query import Query
from clary.store.records import Change, Kind, NameTaken, Records, Unique
from clary.store.schema import RECORD
from clary.store.store import Store, open_store
from clary.store.tokens import TokenReused

MODEL = Kind("sagemaker", "model")
USER = Kind("iam", "user", Unique.ACCOUNT)
BUCKET = Kind("s3", "bucket", Unique.WORLD)
REFUSAL = "begin select raise(rollback, 'no room'); end"
ANN, BOB = "111111111111", "222222222222"


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(prepared_home: Path, clock: Clock) -> Iterator[Store]:
    store = open_store(load({"home": prepared_home}, {}), clock=clock)
    yield store
    store.close()


@pytest.fixture
def records(store: Store) -> Records:
    return store.records(ANN, "us-east-1")


def test_a_record_is_found_as_it_was_created(records: Records) -> None:
    made = records.create(MODEL, "m", {"Image": "i"}, status={"x": 1}, state="New", attributes={"tag:a": "b"})
    assert records.find(MODEL, "m") == made
    assert made.spec == {"Image": "i"}
    assert (made.generation, made.version, made.created) == (1, 1, 1000.0)
    assert records.attributes(made.uid) == {"tag:a": "b"}
    assert records.find_uid(made.uid) == made


def test_a_name_is_taken_once_where_it_must_be_unique(store: Store) -> None:
    def make(account: str, region: str, kind: Kind) -> None:
        store.records(account, region).create(kind, "n", {})

    for kind in (MODEL, USER, BUCKET):
        make(ANN, "us-east-1", kind)
        with pytest.raises(NameTaken):
            make(ANN, "us-east-1", kind)
    make(ANN, "eu-west-1", MODEL)
    make(BOB, "us-east-1", MODEL)
    make(BOB, "us-east-1", USER)
    with pytest.raises(NameTaken):
        make(ANN, "eu-west-1", USER)
    with pytest.raises(NameTaken):
        make(BOB, "eu-west-1", BUCKET)


def test_accounts_and_regions_do_not_see_each_other(store: Store) -> None:
    made = store.records(ANN, "us-east-1").create(MODEL, "m", {})
    for account, region in ((BOB, "us-east-1"), (ANN, "eu-west-1")):
        others = store.records(account, region)
        assert others.find(MODEL, "m") is None
        assert others.page(MODEL, Query()).items == []
    assert store.records(BOB, "us-east-1").find_uid(made.uid) is None


def test_a_write_to_a_record_that_moved_on_is_refused(records: Records) -> None:
    made = records.create(MODEL, "m", {"a": 1})
    moved = records.update(made, Change(status={"b": 2}, state="Busy"))
    assert (moved.version, moved.generation) == (2, 1)
    assert records.update(moved, Change(spec={"a": 2})).generation == 2
    with pytest.raises(StaleRecord):
        records.update(moved, Change(status={}))
    with pytest.raises(StaleRecord):
        records.remove(moved)


def test_of_many_writers_that_read_the_same_one_wins(records: Records) -> None:
    made = records.create(MODEL, "m", {"count": 0})
    won = []

    def write(number: int) -> None:
        try:
            records.update(made, Change(spec={"count": number}))
            won.append(number)
        except StaleRecord:
            pass

    threads = [threading.Thread(target=write, args=(n,)) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    found = records.find(MODEL, "m")
    assert found is not None
    assert found.spec == {"count": won[0]}


def test_what_is_written_together_lands_together_or_not_at_all(records: Records) -> None:
    def begin_and_fail() -> None:
        with records.together() as together:
            together.create(MODEL, "a", {})
            assert together.find(MODEL, "a") is not None
            raise RuntimeError

    with pytest.raises(RuntimeError):
        begin_and_fail()
    assert records.find(MODEL, "a") is None
    with records.together() as together:
        together.create(MODEL, "a", {})
        together.create(MODEL, "b", {})
    assert [each.name for each in records.page(MODEL, Query()).items] == ["a", "b"]


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("sort", ["name", "created", "modified", "state"])
def test_pages_are_in_order_and_miss_nothing(records: Records, clock: Clock, sort: str, descending: bool) -> None:
    for number in range(25):
        clock.now += number % 3  # some are made at the same moment
        records.create(MODEL, f"m{number:02}", {}, state="AB"[number % 2])
    seen: list[str] = []
    token = ""
    while True:
        page = records.page(MODEL, Query(limit=4, sort=sort, descending=descending, token=token))  # type: ignore[arg-type]
        seen += [each.name for each in page.items]
        token = page.next_token
        if not token:
            break
    whole = records.page(MODEL, Query(limit=100, sort=sort, descending=descending))  # type: ignore[arg-type]
    assert seen == [each.name for each in whole.items]
    assert sorted(seen) == [f"m{number:02}" for number in range(25)]
    keys = [getattr(each, sort) for each in whole.items]
    assert keys == sorted(keys, reverse=descending)


def test_filters_choose_by_name_state_time_and_attribute(records: Records, clock: Clock) -> None:
    for number in range(6):
        clock.now = 1000.0 + number
        records.create(MODEL, f"m%_{number}", {}, state="AB"[number % 2], attributes={"tag:k": str(number % 3)})

    def names(**filters: object) -> list[str]:
        return [each.name[-1] for each in records.page(MODEL, Query(**filters)).items]  # type: ignore[arg-type]

    assert names(states=["A"]) == ["0", "2", "4"]
    assert names(name_contains="%_3") == ["3"]
    assert names(name_contains="x_") == []
    assert names(created_after=1002.0, created_before=1005.0) == ["3", "4"]
    assert names(attributes={"tag:k": "1"}) == ["1", "4"]


def test_a_token_of_another_query_is_refused(records: Records) -> None:
    for name in "abc":
        records.create(MODEL, name, {})
    token = records.page(MODEL, Query(limit=1)).next_token
    assert token
    with pytest.raises(ValidationError):
        records.page(MODEL, Query(limit=1, sort="created", token=token))
    with pytest.raises(ValidationError):
        records.page(MODEL, Query(token="garbage"))


def test_every_write_is_in_the_feed_and_rings_the_bell(store: Store, records: Records) -> None:
    with store.bell.listen("test") as ear:
        made = records.create(MODEL, "m", {})
        assert ear.wait(1.0)
        assert not ear.wait(0.0)
        records.remove(records.update(made, Change(state="X")))
        assert ear.wait(1.0)
    changes = store.feed.since(0)
    assert [(each.name, each.verb) for each in changes] == [("m", "create"), ("m", "update"), ("m", "remove")]
    assert store.feed.newest() == changes[-1].seq == store.feed.last(MODEL, ANN, "us-east-1", "m")
    assert store.feed.since(changes[-1].seq) == []


def test_a_reader_that_fell_behind_the_feed_is_told(store: Store, records: Records, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    for number in range(5):
        records.create(MODEL, str(number), {})
    monkeypatch.setattr("clary.store.changes.FEED_MAX", 2)
    store.feed.trim()
    with pytest.raises(Behind):
        store.feed.since(1)
    assert len(store.feed.since(3)) == 2


def test_every_transition_leaves_a_row_and_nothing_else_does(store: Store, records: Records) -> None:
    made = records.create(MODEL, "m", {}, state="Creating")
    same = records.update(made, Change(status={"progress": 1}))
    done = records.update(same, Change(state="InService", status={"progress": 2}))
    records.remove(done)
    walked = [(each.before, each.after) for each in store.outbox.since(0)]
    assert walked == [("", "Creating"), ("Creating", "InService"), ("InService", "")]
    assert store.outbox.since(0)[1].status == {"progress": 2}


def test_a_listener_that_was_killed_leaves_no_bell(store: Store) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as dead, store.bell.listen("alive") as ear:
        dead.bind(str(store.bell.folder / "dead.1"))
        dead.close()
        store.bell.ring()
        assert ear.wait(0)
        assert [path.name for path in store.bell.folder.iterdir()] == [f"alive.{os.getpid()}"]


def write_where_there_is_no_room(store: Store) -> None:
    with store.database.write() as connection:
        connection.exec_driver_sql(f"create trigger full before insert on {RECORD.name} {REFUSAL}")
        connection.exec_driver_sql(f"insert into {RECORD.name} default values")


def test_a_transaction_that_the_database_itself_has_ended_tells_why_and_leaves_room_for_the_next(store: Store) -> None:
    with pytest.raises(DatabaseError, match="no room") as refused:
        write_where_there_is_no_room(store)
    assert "no room" in unavailable(refused.value).message
    store.records(ANN, "us-east-1").create(MODEL, "m", {})


def test_a_lease_has_one_holder_and_its_epoch_tells_an_old_one(store: Store, clock: Clock) -> None:
    first = store.leases.acquire("c", "one", 10.0)
    assert first is not None
    assert store.leases.acquire("c", "two", 10.0) is None
    renewed = store.leases.acquire("c", "one", 10.0)
    assert renewed is not None
    assert renewed.epoch == first.epoch
    clock.now += 11
    second = store.leases.acquire("c", "two", 10.0)
    assert second is not None
    assert second.epoch == first.epoch + 1
    fenced = store.records(ANN, "us-east-1", fence=first.fence)
    with pytest.raises(LeaseLost):
        fenced.create(MODEL, "m", {})
    assert store.records(ANN, "us-east-1").find(MODEL, "m") is None
    store.records(ANN, "us-east-1", fence=second.fence).create(MODEL, "m", {})
    store.leases.release(first)
    assert store.leases.acquire("c", "three", 1.0) is None
    store.leases.release(second)
    assert store.leases.acquire("c", "three", 1.0) is not None


def test_the_lease_of_a_holder_that_is_known_to_be_dead_need_not_run_out(store: Store) -> None:
    first = store.leases.acquire("c", "home-a:1", 10.0)
    assert first is not None
    store.leases.end("c", "home-b:")
    assert store.leases.acquire("c", "home-b:2", 10.0) is None
    store.leases.end("c", "home-a:")
    second = store.leases.acquire("c", "home-a:2", 10.0)
    assert second is not None
    assert second.epoch == first.epoch + 1


def test_a_token_gives_the_first_answer_again_for_a_day(store: Store, clock: Clock) -> None:
    tokens = store.bind(ANN, "us-east-1").tokens
    assert tokens.answer("Create", "t", {"a": 1}) is None
    tokens.keep("Create", "t", {"a": 1}, {"Arn": "x"})
    assert tokens.answer("Create", "t", {"a": 1}) == {"Arn": "x"}
    with pytest.raises(TokenReused):
        tokens.answer("Create", "t", {"a": 2})
    assert store.bind(BOB, "us-east-1").tokens.answer("Create", "t", {"a": 1}) is None
    clock.now += 25 * 3600
    assert tokens.answer("Create", "t", {"a": 1}) is None


def test_gateways_count_while_they_are_heard_of(store: Store, clock: Clock) -> None:
    store.gateways.report("gateway-0", 7, ["i-1"])
    (live,) = store.gateways.live()
    assert (live.applied, live.holding) == (7, {"i-1"})
    clock.now += 60
    assert store.gateways.live() == []


def test_the_world_sees_every_account(store: Store) -> None:
    for account in (ANN, BOB):
        for number in range(3):
            store.records(account, "us-east-1").create(MODEL, str(number), {})
    assert len(list(store.world.all(MODEL))) == 6
    assert {each.account for each in store.world.owned_by(ANN)} == {ANN}


WRITER = """
import os, sys
from clary.core.settings import load
from clary.store.records import Kind
from clary.store.store import open_store
records = open_store(load({"home": sys.argv[1]}, {})).records("111111111111", "us-east-1")
for number in range(100000):
    records.create(Kind("sagemaker", "model"), f"{sys.argv[2]}-{number}", {})
    os.write(1, f"{number}\\n".encode())
"""


def test_what_was_acknowledged_survives_kill_9_of_two_writers(prepared_home: Path) -> None:
    command = [sys.executable, "-c", textwrap.dedent(WRITER), str(prepared_home)]
    writers = [
        subprocess.Popen([*command, name], stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": "src"})
        for name in ("one", "two")
    ]
    acknowledged = {}
    for name, writer in zip(("one", "two"), writers, strict=True):
        assert writer.stdout is not None
        for _ in range(20):
            acknowledged[name] = int(writer.stdout.readline())
    for writer in writers:
        writer.send_signal(signal.SIGKILL)
    for name, writer in zip(("one", "two"), writers, strict=True):
        assert writer.stdout is not None
        for line in writer.communicate()[0].split():
            acknowledged[name] = int(line)
    store = open_store(load({"home": prepared_home}, {}))
    records = store.records(ANN, "us-east-1")
    for name, newest in acknowledged.items():
        assert newest >= 19
        assert all(records.find(MODEL, f"{name}-{number}") is not None for number in range(newest + 1))
    store.close()


def test_the_root_key_is_readable_by_its_owner_alone(store: Store) -> None:
    sealed = store.sealer.seal(b"secret", "test")
    assert b"secret" not in sealed
    assert store.sealer.open(sealed, "test") == b"secret"
    key = Path(store.database.path).parent.parent / "root.key"
    assert key.stat().st_mode & 0o777 == 0o600
