"""What queues and topics do, as CloudWatch metrics: a minute at a time, each count once whatever is killed in between.

SQS developer guide, «Available CloudWatch metrics»; SNS developer guide, «Monitoring Amazon SNS topics». Receives
that found nothing are not counted: they write nothing, and counting would make them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from clary.core.ids import Arn
from clary.store.activity import MINUTE_MS, Backlog, Count
from clary.store.series import Datum
from clary.store.store import Store

EVERY_S = 20.0
LATE_S = 10.0
"""How long after a minute's end it is shipped: what began in it has committed by then."""
NAMESPACES = {"sqs": ("AWS/SQS", "QueueName"), "sns": ("AWS/SNS", "TopicName")}
UNITS = {"SentMessageSize": "Bytes", "PublishSize": "Bytes"}
BACKLOG = "AWS/SQS backlog"


def ship_activity(store: Store) -> None:
    """Send the counts of minutes that are over, and how full queues are."""
    before_ms = int((store.clock() - LATE_S) * 1000)
    while (finished := store.activity.finished(before_ms))[1]:
        minute, counts = finished
        _ship(store, minute, counts)
        store.activity.forget(minute, sorted({each.arn for each in counts}))
    _ship_backlogs(store, int(store.clock() * 1000))


def _ship(store: Store, minute: int, counts: Iterable[Count]) -> None:
    placed = sorted(((arn, each) for each in counts if (arn := Arn.parse(each.arn))), key=lambda pair: _owner(pair[0]))
    for (service, account, region), group in groupby(placed, key=lambda pair: _owner(pair[0])):
        namespace, dimension = NAMESPACES[service]
        data = [
            Datum(
                name=each.name,
                dimensions=((dimension, arn.resource),),
                at=minute * MINUTE_MS / 1000,
                totals=each.summary,
                unit=UNITS.get(each.name, "Count"),
            )
            for arn, each in group
        ]
        store.series(account, region).put(namespace, data, mark=(namespace, minute))


def _owner(arn: Arn) -> tuple[str, str, str]:
    return arn.service, arn.account, arn.region


def _ship_backlogs(store: Store, now_ms: int) -> None:
    """Send how full queues are, once a minute."""
    minute = now_ms // MINUTE_MS
    backlogs = store.activity.backlogs(now_ms)
    for (account, region), group in groupby(backlogs, key=lambda each: (each.queue.account, each.queue.region)):
        data = [datum for each in group for datum in _gauges(each, minute * MINUTE_MS / 1000)]
        store.series(account, region).put(NAMESPACES["sqs"][0], data, mark=(BACKLOG, minute))


def _gauges(backlog: Backlog, at: float) -> Iterator[Datum]:
    dimensions = (("QueueName", backlog.queue.name),)
    for name, value in (
        ("ApproximateNumberOfMessagesVisible", backlog.visible),
        ("ApproximateNumberOfMessagesNotVisible", backlog.in_flight),
        ("ApproximateNumberOfMessagesDelayed", backlog.delayed),
    ):
        yield Datum(name, dimensions, at, [value], unit="Count")
    yield Datum("ApproximateAgeOfOldestMessage", dimensions, at, [backlog.oldest_s], unit="Seconds")
