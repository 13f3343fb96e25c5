"""The AWS CLI, unchanged, led by the variables of `clary env` alone."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

HERE = Path(__file__).parent
CLIENTS = HERE.parents[1] / ".venv" / "clients"
SKLEARN = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
MULTIPART_BYTES = 20 * 1024 * 1024  # the CLI uploads in parts from 8 MiB on
COMMAND_S_MAX = 100


@pytest.fixture(scope="session")
def aws_program() -> Path:
    install = [sys.executable, str(HERE / "environments" / "install.py"), "awscli"]
    subprocess.run(install, check=True, capture_output=True, timeout=600)
    return CLIENTS / "awscli" / "bin" / "aws"


@pytest.fixture
def aws(account, aws_program):
    """Give what runs `aws` in a fresh account and returns what it prints, or how it failed."""

    def run(*arguments: str, fails: bool = False) -> str:
        done = subprocess.run(
            [str(aws_program), *arguments], env=account.environment(), capture_output=True, text=True,
            timeout=COMMAND_S_MAX,
        )  # fmt: skip
        assert (done.returncode != 0) is fails, done.stderr
        return done.stderr if fails else done.stdout

    return run


def test_the_cli_knows_who_it_is(aws, account):
    told = json.loads(aws("sts", "get-caller-identity"))
    assert told["Account"] == account.id
    assert told["Arn"] == f"arn:aws:sts::{account.id}:assumed-role/OrganizationAccountAccessRole/tests"


def test_files_go_up_and_down_in_parts_and_folders_are_kept_in_step(aws, account, tmp_path):
    bucket = f"s3://cli-{account.id}"
    large = tmp_path / "large.bin"
    large.write_bytes(os.urandom(MULTIPART_BYTES))
    aws("s3", "mb", bucket)
    aws("s3", "cp", str(large), f"{bucket}/in/large.bin", "--no-progress")
    listed = aws("s3", "ls", f"{bucket}/in/")
    assert listed.split()[2:] == [str(MULTIPART_BYTES), "large.bin"]
    etag = account("s3").head_object(Bucket=bucket[5:], Key="in/large.bin")["ETag"]
    assert etag.strip('"').endswith("-3")

    aws("s3", "cp", f"{bucket}/in/large.bin", f"{bucket}/copy/large.bin", "--no-progress")
    aws("s3", "sync", f"{bucket}/copy", str(tmp_path / "back"), "--no-progress")
    assert _digest(tmp_path / "back" / "large.bin") == _digest(large)
    assert "large.bin" in aws("s3", "ls", bucket, "--recursive")
    assert "BucketNotEmpty" in aws("s3", "rb", bucket, fails=True)
    aws("s3", "rm", bucket, "--recursive")
    aws("s3", "rb", bucket)
    assert aws("s3", "ls") == ""


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_job_is_made_waited_for_and_read_in_the_log(aws, account):
    source = account.put_archive("code.tar.gz", {"train.py": "print('the script speaks')"})
    script = {"sagemaker_program": '"train.py"', "sagemaker_submit_directory": json.dumps(source)}
    aws(
        "sagemaker", "create-training-job", "--training-job-name", "cli", "--role-arn", account.role,
        "--algorithm-specification", f"TrainingImage={SKLEARN},TrainingInputMode=File",
        "--hyper-parameters", json.dumps(script),
        "--output-data-config", f"S3OutputPath=s3://{account.bucket}/out",
        "--resource-config", "InstanceType=ml.m5.large,InstanceCount=1,VolumeSizeInGB=1",
        "--stopping-condition", "MaxRuntimeInSeconds=600",
    )  # fmt: skip
    account.completed("cli")  # the CLI's own waiter looks every 60 seconds: it is asked once it need not wait
    aws("sagemaker", "wait", "training-job-completed-or-stopped", "--training-job-name", "cli")
    status = aws(
        "sagemaker", "describe-training-job", "--training-job-name", "cli", "--query", "TrainingJobStatus",
        "--output", "text",
    )  # fmt: skip
    assert status == "Completed\n"
    log = aws("logs", "filter-log-events", "--log-group-name", "/aws/sagemaker/TrainingJobs", "--output", "text")
    assert "the script speaks" in log


def test_an_error_reaches_the_shell(aws, account):
    said = aws("sagemaker", "describe-endpoint", "--endpoint-name", "none", fails=True)
    assert "(ValidationException)" in said
    assert f'Could not find endpoint "{account.arn("endpoint/none")}".' in said


@pytest.mark.slow
def test_metrics_raise_alarms_whose_notices_come_into_queues(aws, account):
    # Version 1 sends `aws sqs` of AWS's regions to an old host of AWS's unless it is told another by a flag.
    sqs = partial(aws, "--endpoint-url", account.clary.environment["AWS_ENDPOINT_URL"], "sqs")
    url = json.loads(sqs("create-queue", "--queue-name", "inbox"))["QueueUrl"]
    topic = json.loads(aws("sns", "create-topic", "--name", "alerts"))["TopicArn"]
    allowed = {
        "Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": "*",
    }  # fmt: skip
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    sqs("set-queue-attributes", "--queue-url", url, "--attributes", json.dumps({"Policy": policy}))
    aws("sns", "subscribe", "--topic-arn", topic, "--protocol", "sqs", "--notification-endpoint",
        account.arn("inbox", "sqs"))  # fmt: skip
    aws("cloudwatch", "put-metric-alarm", "--alarm-name", "load", "--namespace", "Team", "--metric-name", "Load",
        "--dimensions", "Name=Host,Value=one", "--statistic", "Maximum", "--period", "10", "--evaluation-periods", "1",
        "--threshold", "5", "--comparison-operator", "GreaterThanThreshold", "--alarm-actions", topic)  # fmt: skip
    aws("cloudwatch", "put-metric-data", "--namespace", "Team", "--metric-name", "Load", "--value", "7",
        "--dimensions", "Host=one", "--storage-resolution", "1")  # fmt: skip
    received = sqs("receive-message", "--queue-url", url, "--wait-time-seconds", "20", "--attribute-names",
                   "SentTimestamp")  # fmt: skip
    (message,) = json.loads(received)["Messages"]
    notice = json.loads(json.loads(message["Body"])["Message"])
    assert (notice["AlarmName"], notice["NewStateValue"]) == ("load", "ALARM")
    assert list(message["Attributes"]) == ["SentTimestamp"]
    sqs("delete-message", "--queue-url", url, "--receipt-handle", message["ReceiptHandle"])
    query = ("--query", "MetricAlarms[].[AlarmName,MetricName]", "--output", "text")
    assert aws("cloudwatch", "describe-alarms", "--alarm-names", "load", *query) == "load\tLoad\n"
