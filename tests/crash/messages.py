"""Clients that send and receive messages while Clary is being killed, and what they were told."""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError
from tests.crash.traffic import patiently
from tests.e2e.conftest import Account, eventually

VISIBILITY_S = 3
GROUPS = 3
JOIN_S = 60.0
ARRIVAL_S = 90.0
PAUSE_S = 0.05


@dataclass
class Told:
    """What the clients of one queue know; a thread each writes what the others only read."""

    sent: dict[str, str] = field(default_factory=dict)  # by body: the message id that was acknowledged
    seen: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))  # by body: the message ids it had
    deleted: set[str] = field(default_factory=set)  # bodies whose deletion was acknowledged
    unsure: set[str] = field(default_factory=set)  # bodies whose deletion was refused: it came too late
    faults: list[str] = field(default_factory=list)
    next_of: dict[str, int] = field(default_factory=lambda: defaultdict(int))  # by group: the number that must come

    @property
    def missing(self) -> set[str]:
        """The messages that were acknowledged and have not arrived."""
        return set(self.sent) - self.seen.keys()


@dataclass
class Line:
    """A queue with one producer a group and one consumer; `send` is how a body with a group gets there."""

    account: Account
    url: str
    send: Callable[[str, str], str]
    ordered: bool
    told: Told = field(default_factory=Told)
    produced: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)

    def produce(self, group: str) -> None:
        """Send numbered messages of a group, each until it is acknowledged."""
        number = 0
        while not self.produced.is_set():
            body = f"{group}/{number}"
            self.told.sent[body] = patiently(lambda body=body: self.send(body, group))
            number += 1
            self.produced.wait(PAUSE_S)

    def consume(self) -> None:
        """Receive and delete, until told to stop and nothing is missing."""
        sqs = self.account.clary.client("sqs", self.account.keys)
        asked = {"MaxNumberOfMessages": 10, "WaitTimeSeconds": 2, "VisibilityTimeout": VISIBILITY_S}
        while not self.over.is_set():
            answer = patiently(lambda: sqs.receive_message(QueueUrl=self.url, **asked))
            for message in answer.get("Messages", ()):
                self._take(sqs, message)
        sqs.close()

    def _take(self, sqs: Any, message: dict[str, Any]) -> None:
        body = _body(message["Body"])
        self.told.seen[body].add(message["MessageId"])
        if self.ordered:
            self._hold_to_order(body)
        handle = {"QueueUrl": self.url, "ReceiptHandle": message["ReceiptHandle"]}
        try:
            patiently(lambda: sqs.delete_message(**handle))
        except ClientError:  # it was out of sight no longer
            self.told.unsure.add(body)
        else:
            self.told.deleted.add(body)

    def _hold_to_order(self, body: str) -> None:
        group, _, text = body.partition("/")
        number, expected = int(text), self.told.next_of[group]
        if body in self.told.deleted:
            self.told.faults.append(f"{body} came after it was deleted")
        elif number > expected:
            self.told.faults.append(f"{body} came before {group}/{expected}")
        self.told.next_of[group] = max(expected, number + 1)

    def producers(self) -> list[threading.Thread]:
        return [threading.Thread(target=self.produce, args=(f"g{number}",)) for number in range(GROUPS)]


def lines(account: Account) -> list[Line]:
    """Return a standard queue and a FIFO one, and a queue of each kind behind a topic."""
    return [_queue(account, "plain"), _queue(account, "strict.fifo"), _topic(account, "news"),
            _topic(account, "orders.fifo")]  # fmt: skip


@contextmanager
def running(working: list[Line]) -> Iterator[None]:
    """Have the clients of all lines at work; at the end wait until everything that was acknowledged has arrived."""
    producers = [thread for each in working for thread in each.producers()]
    consumers = [threading.Thread(target=each.consume) for each in working]
    for thread in (*producers, *consumers):
        thread.start()
    try:
        yield
        _end([each.produced for each in working], producers)
        eventually(lambda: not any(each.told.missing for each in working), ARRIVAL_S)
    finally:
        _end([event for each in working for event in (each.produced, each.over)], [*producers, *consumers])


def _end(told: list[threading.Event], threads: list[threading.Thread]) -> None:
    for event in told:
        event.set()
    for thread in threads:
        thread.join(JOIN_S)


def _queue(account: Account, name: str) -> Line:
    fifo = name.endswith(".fifo")
    url = account("sqs").create_queue(QueueName=name, Attributes={"FifoQueue": "true"} if fifo else {})["QueueUrl"]

    def send(body: str, group: str) -> str:
        known = {"MessageGroupId": group, "MessageDeduplicationId": body.replace("/", "-")} if fifo else {}
        return account("sqs").send_message(QueueUrl=url, MessageBody=body, **known)["MessageId"]

    return Line(account, url, send, ordered=fifo)


def _topic(account: Account, name: str) -> Line:
    fifo = name.endswith(".fifo")
    topic = account("sns").create_topic(Name=name, Attributes={"FifoTopic": "true"} if fifo else {})["TopicArn"]
    url = _queue(account, f"of-{name}").url
    arn = account.arn(f"of-{name}", "sqs")
    statement = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage",
                 "Resource": arn, "Condition": {"ArnEquals": {"aws:SourceArn": topic}}}  # fmt: skip
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    account("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    account("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)

    def send(body: str, group: str) -> str:
        known = {"MessageGroupId": group, "MessageDeduplicationId": body.replace("/", "-")} if fifo else {}
        return account("sns").publish(TopicArn=topic, Message=body, **known)["MessageId"]

    return Line(account, url, send, ordered=fifo)


def _body(text: str) -> str:
    """Return what was sent, out of its envelope if a topic put it into one."""
    return json.loads(text)["Message"] if text.startswith("{") else text
