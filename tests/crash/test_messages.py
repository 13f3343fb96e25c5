"""Messages that were acknowledged arrive whatever is killed; those of a FIFO queue once, and in their order."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest
from tests.crash.chaos import Chaos
from tests.crash.journal import Journal
from tests.crash.machine import Machine
from tests.crash.messages import Line, lines, running
from tests.e2e.conftest import Account, eventually

WEIGHTS = {"api": 5, "controller": 5, "gateway": 3, "supervisor": 0.5}
METRICS_S = 120.0


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_fifty_kills_lose_no_message_and_count_each_once(
    machine: Machine, account: Account, chance: random.Random
) -> None:
    working = lines(account)
    kill_under(working, Chaos(machine, Journal(), chance, WEIGHTS, pause_s=(0.2, 1.5)), kills=50)
    (strict,) = [each for each in working if each.url.endswith("/strict.fifo")]
    eventually(lambda: counted(account, "strict.fifo", "NumberOfMessagesSent") == len(strict.told.sent), METRICS_S)


def kill_under(working: list[Line], chaos: Chaos, *, kills: int) -> None:
    """Kill while messages are sent and received, then hold every queue to what its clients were told."""
    with running(working):
        died = chaos.run(kills, deadline_s=kills * 3.0)
    print(f"{died} kills: {chaos.journal.count()}; {[len(each.told.sent) for each in working]} messages")
    assert died == kills
    for each in working:
        assert each.told.missing == set()
        assert each.told.faults == []
        assert len(each.told.sent) > 10
        if each.ordered:  # a message sent again because its answer was lost is the same message
            assert {body: ids for body, ids in each.told.seen.items() if len(ids) > 1} == {}
        eventually(lambda each=each: emptied(each), 30)


def emptied(line: Line) -> bool:
    """Say whether a queue is empty, once what was refused deletion is received and deleted again."""
    sqs = line.account("sqs")
    for message in sqs.receive_message(QueueUrl=line.url, MaxNumberOfMessages=10).get("Messages", ()):
        sqs.delete_message(QueueUrl=line.url, ReceiptHandle=message["ReceiptHandle"])
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    told = sqs.get_queue_attributes(QueueUrl=line.url, AttributeNames=names)["Attributes"]
    return set(told.values()) == {"0"}


def counted(account: Account, queue: str, metric: str) -> float:
    now = datetime.now(UTC)
    told = account("cloudwatch").get_metric_statistics(
        Namespace="AWS/SQS", MetricName=metric, Dimensions=[{"Name": "QueueName", "Value": queue}],
        StartTime=now - timedelta(hours=1), EndTime=now, Period=3600, Statistics=["Sum"],
    )  # fmt: skip
    return sum(each["Sum"] for each in told["Datapoints"])
