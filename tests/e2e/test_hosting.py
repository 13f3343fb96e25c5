"""Endpoints: how they come up, what clients hear when a model fails, and that they heal."""

from __future__ import annotations

import os
import signal
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

XGBOOST = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"
SERVE = """#!/usr/bin/env python3
import os, signal, socket, sys, threading, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

NAME = os.urandom(4).hex()

class Model(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.answer(200, b"")
    def do_POST(self):
        verb, _, rest = self.rfile.read(int(self.headers["Content-Length"])).decode().partition(" ")
        print("asked", verb, flush=True)
        if verb == "status":
            code, _, text = rest.partition(" ")
            self.answer(int(code), text.encode())
        elif verb == "attributes":
            self.answer(200, self.headers.get("X-Amzn-SageMaker-Custom-Attributes", "").encode())
        else:
            self.answer(200, NAME.encode())
    def answer(self, code, body):
        self.send_response(code)
        self.send_header("Content-Type", "text/plain")
        self.send_header("X-Amzn-SageMaker-Custom-Attributes", "from=" + NAME)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

ThreadingHTTPServer(("127.0.0.1", 8080), Model).serve_forever()
"""


@pytest.fixture
def served(account, tmp_path) -> str:
    """Give an endpoint of one's own program, with two instances."""
    account.model("own", account.image(tmp_path / "image", serve=SERVE))
    account.deploy("own", count=2)
    seen = account.serving("own")
    assert seen["ProductionVariants"][0]["CurrentInstanceCount"] == 2
    return "own"


def programs(folder) -> list[int]:
    """Return the processes of the programs in an image's folder, the oldest first."""
    found = []
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            if entry.name.isdecimal() and (entry / "cmdline").read_bytes().split(b"\0")[1:2] == [
                f"{folder}/serve".encode()
            ]:
                found.append(int(entry.name))
    return sorted(found)


def answers(account, endpoint: str, count: int = 30) -> set[str]:
    """Return the names of the instances that answer, and the codes of errors."""
    return {_answer(account, endpoint) for _ in range(count)}


def _answer(account, endpoint: str) -> str:
    try:
        return account.invoke(endpoint, "name")["Body"]
    except ClientError as error:
        return error.response["Error"]["Code"]


def test_an_endpoint_goes_on_and_becomes_whole_again_after_an_instance_is_killed(account, served, tmp_path):
    before = answers(account, served)
    assert len(before) == 2
    os.kill(programs(tmp_path / "image")[0], signal.SIGKILL)
    told = Counter(_answer(account, served) for _ in range(200))
    failed = sum(count for name, count in told.items() if not _is_name(name))
    assert failed <= 1, f"only a request that was at the model when it died may fail: {told}"
    account.eventually(lambda: len(now := answers(account, served)) == 2 and now != before and all(map(_is_name, now)))
    seen = account.eventually(lambda: _whole(account.endpoint(served)))
    assert seen["EndpointStatus"] == "InService"


def _is_name(answer: str) -> bool:
    return len(answer) == 8


def _whole(seen: dict) -> dict | None:
    variant = seen["ProductionVariants"][0]
    return seen if variant["CurrentInstanceCount"] == variant["DesiredInstanceCount"] else None


def test_a_models_error_is_told_with_its_status_its_words_and_where_the_log_is(account, served):
    for status, text in ((400, "no such column"), (503, "come back later")):
        with pytest.raises(ClientError) as raised:
            account.invoke(served, f"status {status} {text}")
        told = raised.value.response
        assert told["Error"]["Code"] == "ModelError"
        assert told["ResponseMetadata"]["HTTPStatusCode"] == 424
        assert told["OriginalStatusCode"] == status
        assert told["OriginalMessage"] == text
        assert told["LogStreamArn"] == account.arn(f"log-group:/aws/sagemaker/Endpoints/{served}", "logs")
        side = "client" if status < 500 else "server"
        assert told["Error"]["Message"].startswith(
            f'Received {side} error ({status}) from primary with message "{text}". See https://us-east-1.console.aws.'
        )


def test_headers_go_to_the_model_and_come_back(account, served):
    answer = account.invoke(served, "attributes", CustomAttributes="colour=blue", ContentType="text/plain")
    assert answer["Body"] == "colour=blue"
    assert answer["CustomAttributes"].startswith("from=")
    assert answer["ContentType"] == "text/plain"
    assert answer["InvokedProductionVariant"] == "AllTraffic"


def test_what_an_endpoint_does_is_in_its_log_and_in_cloudwatch(account, served):
    for _ in range(5):
        account.invoke(served, "name")
    with suppress(ClientError):
        account.invoke(served, "status 400 x")
    account.eventually(lambda: account.log_of_endpoint(served).count("asked name") == 5)
    logs = account("logs").describe_log_streams(logGroupName=f"/aws/sagemaker/Endpoints/{served}")["logStreams"]
    assert all(each["logStreamName"].startswith("AllTraffic/") for each in logs)

    now = datetime.now(UTC)
    dimensions = [{"Name": "EndpointName", "Value": served}, {"Name": "VariantName", "Value": "AllTraffic"}]

    def total(metric: str, statistic: str = "Sum") -> float:
        points = account("cloudwatch").get_metric_statistics(
            Namespace="AWS/SageMaker", MetricName=metric, Dimensions=dimensions, Period=7200, Statistics=[statistic],
            StartTime=now - timedelta(hours=1), EndTime=now + timedelta(hours=1),
        )["Datapoints"]  # fmt: skip
        return sum(point[statistic] for point in points)

    account.eventually(lambda: total("Invocations") == 6)
    assert total("Invocation4XXErrors") == 1
    assert total("Invocation5XXErrors") == 0
    assert total("ModelLatency", "SampleCount") == 6
    assert total("ModelLatency", "Maximum") > 0


def test_an_endpoint_whose_model_cannot_load_fails_with_a_reason(account):
    account.model("broken", XGBOOST, account.put_archive("broken.tar.gz", {"xgboost-model": b"this is no model"}))
    account.deploy("broken")
    seen = account.settled("broken")
    assert seen["EndpointStatus"] == "Failed"
    assert "did not pass the ping health check" in seen["FailureReason"]
    assert "CloudWatch logs" in seen["FailureReason"]
    assert account.log_of_endpoint("broken")


def test_an_endpoint_whose_model_data_is_missing_fails_with_a_reason(account):
    account.model("empty", XGBOOST, f"s3://{account.bucket}/nowhere/model.tar.gz")
    account.deploy("empty")
    seen = account.settled("empty")
    assert seen["EndpointStatus"] == "Failed"
    assert f"s3://{account.bucket}/nowhere/model.tar.gz" in seen["FailureReason"]
    account("sagemaker").delete_endpoint(EndpointName="empty")
    account.eventually(lambda: not account("sagemaker").list_endpoints()["Endpoints"])


def test_a_body_that_is_too_large_is_refused_before_it_reaches_a_model(account, served):
    with pytest.raises(ClientError) as raised:
        account.invoke(served, b"x" * (6 * 1024 * 1024 + 1))
    assert raised.value.response["Error"]["Code"] == "413"
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 413
    assert account.invoke(served, b"name " + b"x" * (5 * 1024 * 1024))["Body"]


def test_who_may_invoke_can_depend_on_the_tags_that_an_endpoint_has_now(account, served):
    tagged = {"StringEquals": {"aws:ResourceTag/team": "red"}}
    allowed = {"Effect": "Allow", "Action": "sagemaker:InvokeEndpoint", "Resource": "*", "Condition": tagged}
    runtime = account.user(allowed)("sagemaker-runtime")

    def outcome() -> str:
        try:
            runtime.invoke_endpoint(EndpointName=served, Body=b"name")["Body"].read()
        except ClientError as error:
            return error.response["Error"]["Code"]
        return "200"

    arn = account.arn(f"endpoint/{served}")
    for team, expected in (("", "AccessDeniedException"), ("red", "200"), ("blue", "AccessDeniedException")):
        if team:
            account("sagemaker").add_tags(ResourceArn=arn, Tags=[{"Key": "team", "Value": team}])
        assert [outcome() for _ in range(8)] == [expected] * 8
