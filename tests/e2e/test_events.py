"""EventBridge as boto3 speaks to it, through a whole Clary that is killed in the middle."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, HTTPClientError
from tests.e2e.conftest import Account, eventually

SERVE = """#!/usr/bin/env python3
import http.server


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer(("0.0.0.0", 8080), Handler).serve_forever()
"""
EVENTBRIDGE_MAY_ASSUME = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


@pytest.fixture
def queue(account: Account) -> str:
    """Give a queue that takes what EventBridge sends."""
    return queue_for(account, "q")


def queue_for(account: Account, name: str, **attributes: str) -> str:
    arn = account.arn(name, "sqs")
    allowed = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {"ArnLike": {"aws:SourceArn": account.arn("rule/*", "events")}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    account("sqs").create_queue(QueueName=name, Attributes={"Policy": policy, **attributes})
    return arn


def rule(account: Account, pattern: dict[str, Any], *targets: dict[str, Any], **more: Any) -> str:
    """Make a rule with targets; return its ARN."""
    events = account("events")
    arn: str = events.put_rule(Name="r", EventPattern=json.dumps(pattern), **more)["RuleArn"]
    numbered = [{"Id": str(number), **target} for number, target in enumerate(targets)]
    assert events.put_targets(Rule="r", Targets=numbered, **more)["FailedEntryCount"] == 0
    return arn


def received(account: Account, queue: str, count: int = 1) -> list[dict[str, Any]]:
    """Receive and delete until so many messages came."""
    sqs, name = account("sqs"), queue.rpartition(":")[2]
    url, messages, ends = sqs.get_queue_url(QueueName=name)["QueueUrl"], [], time.monotonic() + 90
    while len(messages) < count and time.monotonic() < ends:
        asked = {"MaxNumberOfMessages": 10, "WaitTimeSeconds": 5, "MessageAttributeNames": ["All"]}
        for message in sqs.receive_message(QueueUrl=url, **asked).get("Messages", ()):
            messages.append(message)
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return messages


def bodies(account: Account, queue: str, count: int = 1) -> list[dict[str, Any]]:
    return [json.loads(each["Body"]) for each in received(account, queue, count)]


def test_a_training_jobs_states_come_to_a_queue(account: Account, queue: str, tmp_path: Path) -> None:
    rule(account, {"source": ["aws.sagemaker"], "detail": {"TrainingJobStatus": [{"anything-but": "x"}]}},
         {"Arn": queue})  # fmt: skip
    image = account.image(tmp_path / "image", train="#!/bin/sh\nexit 0\n")
    account.completed(account.train("job", image, {"a": "1"}, Tags=[{"Key": "team", "Value": "red"}]))
    first, last = sorted(bodies(account, queue, 2), key=lambda each: each["detail"]["LastModifiedTime"])
    assert [each["detail"]["TrainingJobStatus"] for each in (first, last)] == ["InProgress", "Completed"]
    assert last["detail-type"] == "SageMaker Training Job State Change"
    assert last["resources"] == [account.arn("training-job/job")]
    told, detail = account.job("job"), last["detail"]
    assert detail["TrainingEndTime"] == int(told["TrainingEndTime"].timestamp() * 1000)
    assert (detail["SecondaryStatus"], detail["HyperParameters"]) == ("Completed", {"a": "1"})
    assert (detail["RoleArn"], detail["Tags"]) == (account.role, {"team": "red"})


def test_a_model_and_the_life_of_an_endpoint_come_to_a_queue(account: Account, queue: str, tmp_path: Path) -> None:
    rule(account, {"detail-type": [{"wildcard": "SageMaker * State Change"}]}, {"Arn": queue})
    account.model("e", account.image(tmp_path / "image", serve=SERVE))
    account.deploy("e")
    account.serving("e")
    account("sagemaker").delete_endpoint(EndpointName="e")
    events = bodies(account, queue, 5)  # in whatever order: the queue is a standard one
    (model,) = [each for each in events if each["detail-type"] == "SageMaker Model State Change"]
    assert model["resources"] == [account.arn("model/e")]
    told = {each["detail"]["EndpointStatus"]: each for each in events if each is not model}
    assert told.keys() == {"CREATING", "IN_SERVICE", "DELETING", "DELETED"}
    variant = {"VariantName": "AllTraffic", "DesiredWeight": 1.0, "DesiredInstanceCount": 1}
    assert told["IN_SERVICE"]["detail"]["ProductionVariants"] == [variant]
    assert {tuple(each["resources"]) for each in told.values()} == {(account.arn("endpoint/e"),)}


def test_an_alarm_comes_to_a_topic_and_to_a_log_group(account: Account, queue: str) -> None:
    sns, logs, cloudwatch = account("sns"), account("logs"), account("cloudwatch")
    topic = sns.create_topic(Name="t")["TopicArn"]
    statement = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage",
                 "Resource": queue}  # fmt: skip
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    url = account("sqs").get_queue_url(QueueName="q")["QueueUrl"]
    account("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue, Attributes={"RawMessageDelivery": "true"})
    logs.create_log_group(logGroupName="/aws/events/alarms")
    let_in = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"},
              "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
              "Resource": account.arn("log-group:/aws/events/*:*", "logs")}  # fmt: skip
    document = json.dumps({"Version": "2012-10-17", "Statement": [let_in]})
    logs.put_resource_policy(policyName="events", policyDocument=document)
    transformer = {
        "InputPathsMap": {"name": "$.detail.alarmName", "state": "$.detail.state.value"},
        "InputTemplate": '"<name> is <state>"',
    }
    pattern = {"detail-type": ["CloudWatch Alarm State Change"], "detail": {"state": {"value": ["ALARM"]}}}
    rule(account, pattern, {"Arn": topic, "InputTransformer": transformer},
         {"Arn": account.arn("log-group:/aws/events/alarms", "logs")})  # fmt: skip
    cloudwatch.put_metric_alarm(
        AlarmName="a", Namespace="N", MetricName="m", Statistic="Sum", Period=60, EvaluationPeriods=1, Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
    )  # fmt: skip
    cloudwatch.set_alarm_state(AlarmName="a", StateValue="ALARM", StateReason="a drill")
    assert bodies(account, queue) == ["a is ALARM"]
    (line,) = eventually(lambda: logs.filter_log_events(logGroupName="/aws/events/alarms")["events"], 60)
    assert json.loads(line["message"])["detail"]["state"]["reason"] == "a drill"


@pytest.mark.slow  # the shortest schedule is a minute
def test_a_schedule_fires_by_itself(account: Account, queue: str) -> None:
    events = account("events")
    began = datetime.now(UTC)
    arn = events.put_rule(Name="s", ScheduleExpression="cron(* * * * ? *)")["RuleArn"]
    events.put_targets(Rule="s", Targets=[{"Id": "q", "Arn": queue}])
    event, *_ = bodies(account, queue)
    assert (event["source"], event["detail-type"], event["resources"]) == ("aws.events", "Scheduled Event", [arn])
    at = datetime.strptime(event["time"], "%Y-%m-%dT%H:%M:%S%z")
    assert (at.second, began < at < datetime.now(UTC)) == (0, True)


def test_a_role_delivers_what_it_may_and_the_rest_is_a_dead_letter(account: Account) -> None:
    iam = account("iam")
    role = iam.create_role(RoleName="sender", AssumeRolePolicyDocument=json.dumps(EVENTBRIDGE_MAY_ASSUME))["Role"]
    dead = queue_for(account, "dead")
    for name in ("one", "two"):
        account("sqs").create_queue(QueueName=name)
    one, two = (account.arn(name, "sqs") for name in ("one", "two"))
    allowed = {"Version": "2012-10-17",
               "Statement": [{"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": one}]}  # fmt: skip
    iam.put_role_policy(RoleName="sender", PolicyName="p", PolicyDocument=json.dumps(allowed))
    with_role = {"RoleArn": role["Arn"], "DeadLetterConfig": {"Arn": dead}}
    arn = rule(account, {"source": ["shop"]}, {"Arn": one, **with_role}, {"Arn": two, **with_role})
    account("events").put_events(Entries=[{"Source": "shop", "DetailType": "d", "Detail": '{"n": 1}'}])
    assert [each["detail"] for each in bodies(account, one)] == [{"n": 1}]
    (letter,) = received(account, dead)
    told = {name: value["StringValue"] for name, value in letter["MessageAttributes"].items()}
    assert (told["RULE_ARN"], told["TARGET_ARN"], told["ERROR_CODE"]) == (arn, two, "NO_PERMISSIONS")


def test_a_user_may_do_with_rules_and_buses_what_its_policies_say(account: Account) -> None:
    account("events").create_event_bus(Name="b")
    rules = {"Effect": "Allow", "Action": ["events:PutRule", "events:PutTargets"],
             "Resource": [account.arn("rule/mine", "events"), account.arn("rule/b/mine", "events")]}  # fmt: skip
    puts = {"Effect": "Allow", "Action": "events:PutEvents", "Resource": account.arn("event-bus/b", "events"),
            "Condition": {"StringEquals": {"events:source": "shop"}}}  # fmt: skip
    events = account.user(rules, puts)("events")
    pattern = json.dumps({"source": ["s"]})
    for bus in ("default", "b"):
        events.put_rule(Name="mine", EventPattern=pattern, EventBusName=bus)
    entry = {"Source": "shop", "DetailType": "d", "Detail": "{}", "EventBusName": "b"}
    assert events.put_events(Entries=[entry])["FailedEntryCount"] == 0
    refused = (
        lambda: events.put_rule(Name="other", EventPattern=pattern),
        lambda: events.put_rule(Name="mine", EventPattern=pattern, Tags=[{"Key": "k", "Value": "v"}]),
        lambda: events.put_events(Entries=[{**entry, "Source": "other"}]),
        lambda: events.put_events(Entries=[{**entry, "EventBusName": "default"}]),
        lambda: events.describe_event_bus(),
    )
    for call in refused:
        with pytest.raises(ClientError) as caught:
            call()
        assert caught.value.response["Error"]["Code"] == "AccessDeniedException"


def test_what_an_archive_kept_is_replayed(account: Account, queue: str) -> None:
    events = account("events")
    bus = events.describe_event_bus()["Arn"]
    archive = events.create_archive(ArchiveName="a", EventSourceArn=bus)["ArchiveArn"]
    began = datetime.now(UTC) - timedelta(minutes=1)
    for number in range(3):
        entry = {"Source": "shop", "DetailType": "d", "Detail": json.dumps({"n": number})}
        events.put_events(Entries=[entry])
    rule(account, {"source": ["shop"]}, {"Arn": queue})
    events.start_replay(
        ReplayName="again", EventSourceArn=archive, Destination={"Arn": bus}, EventStartTime=began,
        EventEndTime=datetime.now(UTC) + timedelta(minutes=1),
    )  # fmt: skip
    eventually(lambda: events.describe_replay(ReplayName="again")["State"] == "COMPLETED", 60)
    arrived = bodies(account, queue, 3)
    assert sorted(each["detail"]["n"] for each in arrived) == [0, 1, 2]
    assert {each["replay-name"] for each in arrived} == {"again"}


def test_events_that_were_acknowledged_arrive_though_controller_and_api_are_killed(
    clary: Any, account: Account, queue: str
) -> None:
    rule(account, {"source": ["shop"]}, {"Arn": queue})
    events, sent = account("events"), []
    for number in range(60):
        entry = {"Source": "shop", "DetailType": "d", "Detail": json.dumps({"n": number})}
        with suppress(HTTPClientError):  # the api that is killed may take an open connection along
            assert events.put_events(Entries=[entry])["FailedEntryCount"] == 0
            sent.append(number)
        if number in (10, 25, 40):
            clary.kill("api" if number == 25 else "controller")
    assert len(sent) > 50
    ends, arrived = time.monotonic() + 90, set()
    while not arrived >= set(sent) and time.monotonic() < ends:
        arrived |= {each["detail"]["n"] for each in bodies(account, queue)}
    assert arrived >= set(sent)
