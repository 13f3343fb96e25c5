"""EventBridge Scheduler as boto3 speaks to it: calls happen at their time, as the role that the schedule names."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from botocore.exceptions import ClientError
from tests.e2e.conftest import Account, eventually

SCHEDULER_MAY_ASSUME = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "scheduler.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
OFF = {"Mode": "OFF"}


def role(account: Account, *actions: str) -> str:
    iam = account("iam")
    made = iam.create_role(RoleName="scheduled", AssumeRolePolicyDocument=json.dumps(SCHEDULER_MAY_ASSUME))["Role"]
    allowed = [{"Effect": "Allow", "Action": list(actions), "Resource": "*"}]
    document = json.dumps({"Version": "2012-10-17", "Statement": allowed})
    iam.put_role_policy(RoleName="scheduled", PolicyName="p", PolicyDocument=document)
    return str(made["Arn"])


def soon(zone: str) -> str:
    """Return a time that is still to come when a slow machine hears of it: what is past is never due."""
    at = datetime.now(UTC) + timedelta(seconds=10)
    return f"at({at.astimezone(ZoneInfo(zone)):%Y-%m-%dT%H:%M:%S})"


def received(account: Account, name: str) -> Any:
    sqs = account("sqs")
    url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    asked = {"QueueUrl": url, "WaitTimeSeconds": 5, "MessageAttributeNames": ["All"]}
    return eventually(lambda: sqs.receive_message(**asked).get("Messages"), 90)[0]


def test_a_message_is_sent_once_at_a_time_in_a_time_zone(account: Account) -> None:
    account("sqs").create_queue(QueueName="q")
    scheduler = account("scheduler")
    target = {"Arn": account.arn("q", "sqs"), "RoleArn": role(account, "sqs:SendMessage"), "Input": "hello"}
    zone = "Asia/Tokyo"
    asked = {"ScheduleExpressionTimezone": zone, "FlexibleTimeWindow": OFF, "Target": target,
             "ActionAfterCompletion": "DELETE"}  # fmt: skip
    scheduler.create_schedule(Name="s", ScheduleExpression="at(2099-01-01T00:00:00)", **asked)
    assert scheduler.get_schedule(Name="s")["Target"] == target
    scheduler.update_schedule(Name="s", ScheduleExpression=soon(zone), **asked)
    assert received(account, "q")["Body"] == "hello"
    gone = scheduler.exceptions.ResourceNotFoundException

    def deleted() -> bool:
        try:
            return not scheduler.get_schedule(Name="s")
        except gone:
            return True

    eventually(deleted, 30)


def test_any_operation_is_called_with_what_its_role_may(account: Account) -> None:
    scheduler, logs = account("scheduler"), account("logs")
    account("sqs").create_queue(QueueName="dead")
    with_role = {
        "RoleArn": role(account, "logs:CreateLogGroup", "sqs:SendMessage"),
        "DeadLetterConfig": {"Arn": account.arn("dead", "sqs")},
    }
    targets = {
        "may": {"Arn": "arn:aws:scheduler:::aws-sdk:cloudwatchlogs:createLogGroup", "Input": '{"logGroupName": "/x"}'},
        "may-not": {"Arn": "arn:aws:scheduler:::aws-sdk:sqs:createQueue", "Input": '{"QueueName": "y"}'},
    }
    for name, target in targets.items():
        scheduler.create_schedule(  # which is due at once for the first time
            Name=name, ScheduleExpression="rate(1 day)", FlexibleTimeWindow=OFF, Target={**target, **with_role}
        )
    eventually(lambda: logs.describe_log_groups(logGroupNamePrefix="/x")["logGroups"], 60)
    told = {name: value["StringValue"] for name, value in received(account, "dead")["MessageAttributes"].items()}
    assert told["SCHEDULE_ARN"] == account.arn("schedule/default/may-not", "scheduler")
    assert told["ERROR_CODE"] == "NO_PERMISSIONS"


def test_a_user_needs_leave_for_the_schedule_and_to_pass_its_role(account: Account) -> None:
    passed = role(account, "sqs:SendMessage")
    own = {"Effect": "Allow", "Action": "scheduler:CreateSchedule",
           "Resource": account.arn("schedule/default/mine", "scheduler")}  # fmt: skip
    pass_role = {"Effect": "Allow", "Action": "iam:PassRole", "Resource": passed,
                 "Condition": {"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}}}  # fmt: skip
    asked = {"ScheduleExpression": "rate(1 day)", "FlexibleTimeWindow": OFF,
             "Target": {"Arn": account.arn("q", "sqs"), "RoleArn": passed}}  # fmt: skip
    with pytest.raises(ClientError) as caught:
        account.user(own)("scheduler").create_schedule(Name="mine", **asked)
    assert caught.value.response["Error"]["Code"] == "AccessDeniedException"
    user = account.user(own, pass_role)("scheduler")
    user.create_schedule(Name="mine", **asked)
    with pytest.raises(ClientError):
        user.create_schedule(Name="other", **asked)
