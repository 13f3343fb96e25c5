"""Queues of one account in one region: their attributes and tags, and their messages by `messages`.

Numbers of queues are never used twice, so that a receipt of a deleted queue
fits no other.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from sqlalchemy import Row, delete, insert, select, update

from clary.core.clock import Clock
from clary.core.ids import arn
from clary.store.database import Database
from clary.store.queue_tables import DUPLICATE, MESSAGE, MOVE, QUEUE
from clary.store.words import Words

FIND = "select * from queue where account = ? and region = ? and name = ?"
TRIM_MESSAGES = 5_000
DEFAULTS: Mapping[str, str] = MappingProxyType(
    {
        "VisibilityTimeout": "30",
        "MaximumMessageSize": "1048576",
        "MessageRetentionPeriod": "345600",
        "DelaySeconds": "0",
        "ReceiveMessageWaitTimeSeconds": "0",
        "SqsManagedSseEnabled": "true",
    }
)
FIFO_DEFAULTS: Mapping[str, str] = MappingProxyType(
    {
        "ContentBasedDeduplication": "false",
        "DeduplicationScope": "queue",
        "FifoThroughputLimit": "perQueue",
    }
)
Values = Mapping[str, str]


class Taken(Exception):
    """A queue of that name is there already."""

    def __init__(self, queue: Queue) -> None:
        super().__init__(queue.name)
        self.queue = queue


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue as it stood when it was read; times in milliseconds."""

    id: int
    account: str
    region: str
    name: str
    created_ms: int
    modified_ms: int
    attributes: Values
    tags: Values

    @property
    def arn(self) -> str:
        """Return the queue's ARN."""
        return arn("sqs", self.region, self.account, self.name)

    @property
    def fifo(self) -> bool:
        """Whether the queue keeps the order of each group."""
        return self.attributes.get("FifoQueue") == "true"

    def get(self, name: str) -> str:
        """Return an attribute or its default; '' if it has neither."""
        return self.attributes.get(name) or DEFAULTS.get(name) or FIFO_DEFAULTS.get(name, "")

    def number(self, name: str) -> int:
        """Return an attribute that is a number."""
        return int(self.get(name))

    def redrive(self) -> tuple[str, int] | None:
        """Return the ARN of the queue for dead letters, and after how many receives a message is one."""
        policy = self.attributes.get("RedrivePolicy")
        if not policy:
            return None
        told = json.loads(policy)
        return told["deadLetterTargetArn"], int(told["maxReceiveCount"])


@dataclass(frozen=True, slots=True)
class Queues:
    """The queues of one account in one region."""

    database: Database
    clock: Clock
    words: Words
    account: str
    region: str

    def create(self, name: str, attributes: Values, tags: Values) -> Queue:
        """Add a queue, or raise Taken with the one that is there."""
        now_ms = int(self.clock() * 1000)
        with self.database.write() as connection:
            taken = connection.exec_driver_sql(FIND, (self.account, self.region, name)).first()
            if taken is not None:
                raise Taken(queue_of(taken))
            row = insert(QUEUE).values(
                account=self.account,
                region=self.region,
                name=name,
                created_ms=now_ms,
                modified_ms=now_ms,
                attributes=json.dumps(dict(attributes)),
                tags=json.dumps(dict(tags)),
            )
            return queue_of(connection.execute(row.returning(*QUEUE.c)).one())

    def find(self, name: str) -> Queue | None:
        """Return a queue, or None."""
        with self.database.read() as connection:
            row = connection.exec_driver_sql(FIND, (self.account, self.region, name)).first()
        return None if row is None else queue_of(row)

    def named(self, prefix: str, after: str, limit: int) -> list[Queue]:
        """Return up to `limit` queues by name, behind a name."""
        query = select(QUEUE).where(
            QUEUE.c.account == self.account,
            QUEUE.c.region == self.region,
            QUEUE.c.name.startswith(prefix, autoescape=True),
            QUEUE.c.name > after,
        )
        with self.database.read() as connection:
            return [queue_of(row) for row in connection.execute(query.order_by(QUEUE.c.name).limit(limit))]

    def sources(self, dead_letters: Queue, after: str, limit: int) -> list[Queue]:
        """Return up to `limit` queues by name that send their dead letters to a queue."""
        found: list[Queue] = []
        while len(found) < limit and (batch := self.named("", after, 1000)):
            found += [each for each in batch if (each.redrive() or ("", 0))[0] == dead_letters.arn]
            after = batch[-1].name
        return found[:limit]

    def change(
        self,
        queue: Queue,
        *,
        attributes: Callable[[Values], Values] | None = None,
        tags: Callable[[Values], Values] | None = None,
    ) -> None:
        """Replace attributes and tags by what is made of those that stand there now."""
        with self.database.write() as connection:
            row = connection.execute(select(QUEUE).where(QUEUE.c.id == queue.id)).first()
            if row is None:
                return
            values: dict[str, Any] = {}
            if attributes is not None:
                values["attributes"] = json.dumps(dict(attributes(json.loads(row.attributes))))
                values["modified_ms"] = int(self.clock() * 1000)
            if tags is not None:
                values["tags"] = json.dumps(dict(tags(json.loads(row.tags))))
            connection.execute(update(QUEUE).where(QUEUE.c.id == queue.id).values(**values))

    def delete(self, queue: Queue) -> None:
        """Forget a queue at once; its messages leave the disk with the next trim."""
        with self.database.write() as connection:
            connection.execute(delete(QUEUE).where(QUEUE.c.id == queue.id))


@dataclass(frozen=True, slots=True)
class QueueArchive:
    """The queues of every account, and their upkeep."""

    database: Database
    clock: Clock
    words: Words

    def of(self, account: str, region: str) -> Queues:
        """Return the queues of an account in a region."""
        return Queues(self.database, self.clock, self.words, account, region)

    def numbered(self, number: int) -> Queue | None:
        """Return the queue of a number, or None when it is gone."""
        with self.database.read() as connection:
            row = connection.execute(select(QUEUE).where(QUEUE.c.id == number)).first()
        return None if row is None else queue_of(row)

    def trim(self, now: float) -> int:
        """Remove what has expired or whose queue is gone, some thousands a transaction; return how many messages."""
        gone = self._orphans()
        with self.database.read() as connection:
            queues = [queue_of(row) for row in connection.execute(select(QUEUE))]
        for queue in queues:
            before_ms = int(now * 1000) - queue.number("MessageRetentionPeriod") * 1000
            gone += self._drain((MESSAGE.c.queue_id == queue.id, MESSAGE.c.sent_ms <= before_ms))
        with self.database.write() as connection:
            connection.execute(delete(DUPLICATE).where(DUPLICATE.c.expires_ms <= int(now * 1000)))
        return gone

    def purge(self, account: str) -> None:
        """Remove everything of an account."""
        with self.database.write() as connection:
            connection.execute(delete(QUEUE).where(QUEUE.c.account == account))
        self._orphans()

    def close(self) -> None:
        """Close every file."""
        self.database.close()

    def _orphans(self) -> int:
        queues = select(QUEUE.c.id)
        gone = self._drain((MESSAGE.c.queue_id.not_in(queues),))
        with self.database.write() as connection:
            for table in (DUPLICATE, MOVE):
                connection.execute(delete(table).where(table.c.queue_id.not_in(queues)))
        return gone

    def _drain(self, where: Sequence[Any]) -> int:
        total = 0
        gone = TRIM_MESSAGES
        while gone == TRIM_MESSAGES:
            some = select(MESSAGE.c.id).where(*where).limit(TRIM_MESSAGES)
            with self.database.write() as connection:
                gone = connection.execute(delete(MESSAGE).where(MESSAGE.c.id.in_(some))).rowcount
            total += gone
        return total


def queue_of(row: Row[Any]) -> Queue:
    """Return the queue that a row of the table holds."""
    return Queue(
        id=row.id,
        account=row.account,
        region=row.region,
        name=row.name,
        created_ms=row.created_ms,
        modified_ms=row.modified_ms,
        attributes=json.loads(row.attributes),
        tags=json.loads(row.tags),
    )
