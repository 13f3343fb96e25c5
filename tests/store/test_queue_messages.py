"""The messages of a queue, held against a model of few lines; and what kill -9 leaves of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from clary.store import queue_messages
from clary.store.database import Database
from clary.store.queue_messages import Messages, NewMessage, NotInFlight, Receipt, TooManyInFlight, Wanted
from clary.store.queues import QueueArchive
from clary.store.words import Words

SOURCE = Path(__file__).parents[2] / "src"
DAY_S = 24 * 3600


@dataclass
class Model:
    """One message as it should be."""

    body: bytes
    group: str
    sent: int
    visible: int
    receipt: Receipt | None = None
    received: int = 0


@dataclass
class Expected:
    """A queue as it should be, in the order of arrival."""

    messages: list[Model] = field(default_factory=list)
    duplicates: dict[str, int] = field(default_factory=dict)


@cache
def blank() -> bytes:
    """Return a migrated database: migrating takes longer than an example."""
    with tempfile.TemporaryDirectory() as folder:
        database = Database(Path(folder), "queues")
        database.migrate()
        database.close()
        return (Path(folder) / "queues.db").read_bytes()


class QueueMachine(RuleBasedStateMachine):
    """Sends, receives, deletes and lets time pass; what is received is what the model allows."""

    @initialize(fifo=st.booleans())
    def start(self, fifo: bool) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="clq", dir="/tmp")
        (Path(self.folder.name) / "queues.db").write_bytes(blank())
        database = Database(Path(self.folder.name), "queues")
        self.archive = QueueArchive(database, lambda: 0.0, Words(Path(self.folder.name) / "words"))
        attributes = {"FifoQueue": "true"} if fifo else {}
        self.queue = self.archive.of("1", "r").create("q", attributes, {})
        self.fifo = fifo
        self.now = 1_000_000_000
        self.expected = Expected()
        self.number = 0

    def messages(self) -> Messages:
        return Messages(self.archive.database, self.archive.words, self.queue, self.now)

    @rule(group=st.sampled_from("ab"), delay_s=st.sampled_from([0, 0, 5]), key=st.sampled_from(["", "", "x", "y"]))
    def send(self, group: str, delay_s: int, key: str) -> None:
        self.number += 1
        body = b"%d" % self.number
        key = key if self.fifo else ""
        self.messages().send([NewMessage(body, delay_s, group, key or None, key)])
        if not key or self.expected.duplicates.get(key, -1) <= self.now:
            self.expected.messages.append(Model(body, group, self.now, self.now + delay_s * 1000))
            if key:
                self.expected.duplicates[key] = self.now + 300_000

    @rule(count=st.integers(1, 4), visibility_s=st.sampled_from([0, 3, 30]))
    def receive(self, count: int, visibility_s: int) -> None:
        got = self.messages().receive(Wanted(count, visibility_s))
        allowed = self.receivable()
        assert len(got) == min(count, len(allowed))
        if self.fifo:
            assert [each.content for each in got] == [each.body for each in allowed[:count]]
        by_body = {each.body: each for each in allowed}
        for each in got:
            model = by_body[each.content]
            model.received += 1
            model.receipt, model.visible = each.receipt, self.now + visibility_s * 1000
            assert each.received == model.received

    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        held = [each for each in self.expected.messages if each.receipt is not None]
        if held:
            model = data.draw(st.sampled_from(held))
            assert model.receipt is not None
            expired = self.fifo and model.visible <= self.now
            assert self.messages().delete([model.receipt]) == [not expired]
            if not expired:
                self.expected.messages.remove(model)

    @rule(data=st.data(), after_s=st.sampled_from([0, 10]))
    def show(self, data: st.DataObject, after_s: int) -> None:
        held = [each for each in self.expected.messages if each.receipt is not None]
        if held:
            model = data.draw(st.sampled_from(held))
            assert model.receipt is not None
            if model.visible > self.now:
                self.messages().show(model.receipt, after_s)
                model.visible = self.now + after_s * 1000
            else:
                with pytest.raises(NotInFlight):
                    self.messages().show(model.receipt, after_s)

    @rule(passed_s=st.sampled_from([1, 4, 31, 301, 4 * DAY_S]))
    def wait(self, passed_s: int) -> None:
        self.now += passed_s * 1000
        if passed_s == 301:
            self.archive.trim(self.now / 1000)

    @invariant()
    def counts_are_right(self) -> None:
        alive = self.alive()
        hidden = [each for each in alive if each.visible > self.now]
        flying = sum(each.receipt is not None for each in hidden)
        counts = self.messages().counts()
        assert (counts.visible, counts.in_flight) == (len(alive) - len(hidden), flying)
        assert counts.delayed == len(hidden) - flying

    def alive(self) -> list[Model]:
        """Forget what has expired, and return what is left."""
        self.expected.messages = [each for each in self.expected.messages if each.sent > self.now - 4 * DAY_S * 1000]
        return self.expected.messages

    def receivable(self) -> list[Model]:
        """Return what may be received now, in the order of arrival."""
        alive = self.alive()
        return [
            each
            for index, each in enumerate(alive)
            if each.visible <= self.now and not (self.fifo and self.blocked(each, alive[:index]))
        ]

    def blocked(self, model: Model, before: list[Model]) -> bool:
        """Tell whether a message of the same group is out, or comes before and is delayed."""
        out = [each for each in self.expected.messages if each.receipt is not None]
        return any(each.group == model.group and each.visible > self.now for each in [*out, *before])

    def teardown(self) -> None:
        if hasattr(self, "archive"):
            self.archive.close()
            self.folder.cleanup()


QueueMachine.TestCase.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
test_a_queue_does_what_its_model_says = QueueMachine.TestCase


def test_no_more_than_120000_messages_are_out(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue_messages, "IN_FLIGHT_MAX", 2)
    database = Database(home, "queues")
    database.migrate()
    archive = QueueArchive(database, lambda: 0.0, Words(home / "words"))
    messages = Messages(database, archive.words, archive.of("1", "r").create("q", {}, {}), 1_000)
    messages.send([NewMessage(b"", 0)] * 3)
    assert len(messages.receive(Wanted(2, 30))) == 2
    with pytest.raises(TooManyInFlight):
        messages.receive(Wanted(1, 30))
    archive.close()


SENDER = """
import sys, time
from pathlib import Path
from clary.store.database import Database
from clary.store.queue_messages import Messages, NewMessage
from clary.store.queues import QueueArchive
from clary.store.words import Words
folder = Path(sys.argv[1])
database = Database(folder, "queues")
archive = QueueArchive(database, time.time, Words(folder / "words"))
queue = archive.of("1", "r").find("q")
for number in range(100_000):
    content = b"%d" % number
    Messages(database, archive.words, queue, int(time.time() * 1000)).send([NewMessage(content, 0)])
    print(number, flush=True)
"""


def test_what_was_acknowledged_survives_kill_9(home: Path) -> None:
    database = Database(home, "queues")
    database.migrate()
    archive = QueueArchive(database, lambda: 0.0, Words(home / "words"))
    archive.of("1", "r").create("q", {}, {})
    acknowledged = 0
    for _ in range(3):
        with subprocess.Popen(
            [sys.executable, "-c", SENDER, str(home)],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(SOURCE)},
        ) as sender:
            assert sender.stdout is not None
            lines = [sender.stdout.readline() for _ in range(20)]
            sender.send_signal(signal.SIGKILL)
            acknowledged += sum(1 for line in [*lines, *sender.stdout] if line.endswith(b"\n"))
    with database.read() as connection:
        found = connection.exec_driver_sql("select count(*) from message").scalar_one()
    assert acknowledged <= found <= acknowledged + 3
    archive.close()
