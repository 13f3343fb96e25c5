"""Who may do what with a queue: AddPermission, RemovePermission and the queue's policy."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from clary.access.principal import service_principal
from clary.services.operation import handlers
from clary.services.sqs import operations


@pytest.fixture
def other(aws: Any) -> Any:
    return aws.other()


def test_another_account_may_what_a_permission_says_and_no_more(sqs: Any, queue: str, other: Any, refused: Any) -> None:
    asked = {"Label": "l", "AWSAccountIds": [other.account], "Actions": ["SendMessage"]}
    sqs("AddPermission", QueueUrl=queue, **asked)
    other("sqs")("SendMessage", QueueUrl=queue, MessageBody="a")
    with refused("AccessDenied"):
        other("sqs")("ReceiveMessage", QueueUrl=queue)
    with refused("InvalidParameterValue"):
        sqs("AddPermission", QueueUrl=queue, **asked)
    sqs("RemovePermission", QueueUrl=queue, Label="l")
    with refused("AccessDenied"):
        other("sqs")("SendMessage", QueueUrl=queue, MessageBody="a")
    with refused("InvalidParameterValue"):
        sqs("RemovePermission", QueueUrl=queue, Label="l")


def test_only_known_actions_and_accounts_can_be_allowed(sqs: Any, queue: str, refused: Any) -> None:
    for account, action in (("1", "SendMessage"), ("1" * 12, "CreateQueue")):
        with refused("InvalidParameterValue"):
            sqs("AddPermission", QueueUrl=queue, Label="l", AWSAccountIds=[account], Actions=[action])


def test_a_service_may_send_for_the_resource_that_the_policy_names(
    aws: Any, sqs: Any, queue: str, refused: Any
) -> None:
    topic = f"arn:aws:sns:us-east-1:{aws.account}:t"
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": f"arn:aws:sqs:us-east-1:{aws.account}:q",
        "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sqs("SetQueueAttributes", QueueUrl=queue, Attributes={"Policy": policy})

    def send(source: str) -> None:
        call = replace(aws.call("sqs", "SendMessage"), principal=service_principal("sns", source))
        handlers(operations(aws.platform))["SendMessage"](call, {"QueueUrl": queue, "MessageBody": "a"})

    send(topic)
    with refused("AccessDenied"):
        send(f"{topic}x")
