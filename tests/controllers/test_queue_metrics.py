"""What queues and topics do reaches CloudWatch once, a minute at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from clary.controllers.queue_metrics import ship_activity
from clary.core.settings import load
from clary.store.activity import Activity
from clary.store.deliveries import Notice
from clary.store.points import Range
from clary.store.queue_messages import Messages, NewMessage, Wanted
from clary.store.queues import Queue
from clary.store.series import MetricQuery
from clary.store.store import Store, open_store

ACCOUNT, REGION = "123456789012", "us-east-1"
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:t"


@dataclass
class Hands:
    """A clock that is put forward by hand."""

    now: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class World:
    store: Store
    hands: Hands
    queue: Queue

    @property
    def messages(self) -> Messages:
        return Messages(self.store.queue_archive.database, self.store.words, self.queue, int(self.hands.now * 1000))

    def ship(self, later_s: float = 0.0) -> None:
        self.hands.now += later_s
        ship_activity(self.store)

    def sums(self, namespace: str) -> dict[str, float]:
        """Return the sum of each metric's values over the hour."""
        series = self.store.series(ACCOUNT, REGION)
        wanted = Range(self.hands.now - 3600, self.hands.now + 60, 60)
        metrics = series.metrics(MetricQuery(namespace=namespace), 100)
        return {each.name: sum(point.summary.sum for point in series.read(each, wanted)) for each in metrics}


class Crashing(Activity):
    """Is killed before it forgets."""

    def forget(self, minute: int, arns: Sequence[str]) -> None:
        raise OSError("killed")


@pytest.fixture
def world(prepared_home: Path) -> Iterator[World]:
    hands = Hands()
    store = open_store(load({"home": prepared_home}, {}), clock=hands)
    yield World(store, hands, store.queues(ACCOUNT, REGION).create("q", {}, {}))
    store.close()


def test_what_a_queue_did_is_told_once_its_minute_is_over(world: World) -> None:
    world.messages.send([NewMessage(b"x", 0, size=3), NewMessage(b"y", 0, size=5)])
    (one,) = world.messages.receive(Wanted(1, 30))
    world.messages.delete([one.receipt])
    world.ship()
    assert "NumberOfMessagesSent" not in world.sums("AWS/SQS")
    world.ship(71)
    world.ship()
    told = world.sums("AWS/SQS")
    counted = {name: told[name] for name in told if not name.startswith("Approximate")}
    assert counted == {
        "NumberOfMessagesSent": 2,
        "SentMessageSize": 8,
        "NumberOfMessagesReceived": 1,
        "NumberOfMessagesDeleted": 1,
    }


def test_how_full_a_queue_is_is_told_for_hours_after_it_was_used(world: World) -> None:
    world.messages.send([NewMessage(b"x", 0), NewMessage(b"y", 0), NewMessage(b"z", 60)])
    world.messages.receive(Wanted(1, 30))
    world.ship()
    told = world.sums("AWS/SQS")
    assert told["ApproximateNumberOfMessagesVisible"] == 1
    assert told["ApproximateNumberOfMessagesNotVisible"] == 1
    assert told["ApproximateNumberOfMessagesDelayed"] == 1
    world.messages.purge()
    world.ship(120)
    world.ship(5 * 3600)
    backlogs = world.store.activity.backlogs(int(world.hands.now * 1000))
    assert [(each.visible, each.oldest_s) for each in backlogs] == [(0, 0.0)]
    world.ship(2 * 3600)
    assert world.store.activity.backlogs(int(world.hands.now * 1000)) == []


def test_a_crash_between_telling_and_forgetting_tells_nothing_twice(world: World) -> None:
    world.messages.send([NewMessage(b"x", 0, size=3)])
    world.hands.now += 71
    crashing = replace(world.store, activity=Crashing(world.store.activity.database))
    with pytest.raises(OSError, match="killed"):
        ship_activity(crashing)
    world.ship()
    assert world.sums("AWS/SQS")["NumberOfMessagesSent"] == 1


def test_what_a_topic_did_is_told(world: World) -> None:
    content = json.dumps({"Type": "Notification"}).encode()
    notice = Notice(TOPIC, content, {f"{TOPIC}:1": None, f"{TOPIC}:2": None}, size=7, filtered=1)
    now_ms = int(world.hands.now * 1000)
    world.store.deliveries.publish([notice, replace(notice, size=0)], now_ms)
    first, second, *_ = world.store.deliveries.due(now_ms, 10)
    world.store.deliveries.done(first, now_ms, "NumberOfNotificationsDelivered")
    world.store.deliveries.done(second, now_ms, "NumberOfNotificationsFailed")
    world.ship(71)
    assert world.sums("AWS/SNS") == {
        "NumberOfMessagesPublished": 1,
        "PublishSize": 7,
        "NumberOfNotificationsFilteredOut": 1,
        "NumberOfNotificationsDelivered": 1,
        "NumberOfNotificationsFailed": 1,
    }
