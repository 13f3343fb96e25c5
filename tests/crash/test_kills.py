"""Everything is killed, again and again, while clients work; their journal says what must be there in the end."""

from __future__ import annotations

import os
import re
import signal
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from tests.crash.chaos import Chaos
from tests.crash.journal import ABSENT, Cause, Journal
from tests.crash.machine import Machine, send
from tests.crash.traffic import TABLE, TRAIN, Traffic, model_of, patiently, read_object
from tests.e2e.conftest import XGBOOST, Account, eventually

WEIGHTS = {"gateway": 5, "api": 5, "controller": 4, "agent": 4, "keeper": 3, "program": 3, "supervisor": 0.7}
CLIENTS = {"objects": 2, "records": 1, "jobs": 3, "invocations": 2}
INTERNAL_ERROR = "InternalServerError: We encountered an internal error. Please try again."
EXPLAINED = {  # how an invocation may end other than well: what must have been killed shortly before
    "broken": Cause(("gateway",), 5.0),
    "InternalFailure": Cause(("keeper", "program"), 10.0),  # the model had the request, and never answered
    "ServiceUnavailable": Cause(("keeper", "program"), 45.0),  # both instances were gone at once
}
GONE_S = 60.0
ORPHAN_S = 3600.0
CHORES_S = 120.0
HOUR = timedelta(hours=1)


@pytest.fixture
def traffic(account: Account, machine: Machine, seed: int) -> Traffic:
    """Give an account with a bucket, a role, an image of its own and an endpoint of two instances."""
    image = account.image(machine.home / "image", train=TRAIN)
    assert account.role
    account.put("table/train.csv", TABLE)
    rounds = {"objective": "reg:squarederror", "num_round": "3"}
    account.train("model", XGBOOST, rounds, channels={"train": f"s3://{account.bucket}/table/"})
    account.model("served", XGBOOST, account.completed("model")["ModelArtifacts"]["S3ModelArtifacts"])
    account.deploy("served", count=2)
    account.serving("served")
    prepared = Traffic(account, Journal(), seed, image, endpoint="served")
    prepared.expected = account.invoke("served", "1,2")["Body"]
    prepared.journal.answers["200"] += 1
    return prepared


@pytest.mark.timeout(240)
def test_twenty_kills_lose_nothing_and_leave_nothing(machine, traffic, chance):
    kill_under(traffic, Chaos(machine, traffic.journal, chance, WEIGHTS, pause_s=(0.2, 1.0)), kills=20, deadline_s=30)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_hundred_kills_lose_nothing_and_leave_nothing(machine, traffic, chance):
    kill_under(traffic, Chaos(machine, traffic.journal, chance, WEIGHTS, pause_s=(0.5, 2.5)), kills=200, deadline_s=450)
    what_killed_writers_left_is_swept(machine)


def kill_under(traffic: Traffic, chaos: Chaos, *, kills: int, deadline_s: float) -> None:
    """Kill while clients work, then hold everything to what they were told."""
    with traffic.running(**CLIENTS):
        chaos.stop = traffic.stop
        died = chaos.run(kills, deadline_s)
    print(f"{died} kills: {chaos.journal.count()}; invocations: {dict(traffic.journal.answers)};")
    print(f"{traffic.journal.acknowledged_count} acknowledged writes, {len(traffic.statuses)} jobs")
    assert died == kills
    heal(traffic)
    no_acknowledged_thing_is_lost(traffic)
    every_job_ended_once_and_right(traffic)
    invocations_broke_only_where_something_was_killed(traffic.journal)
    cloudwatch_counted_what_the_clients_counted(traffic)
    delete_everything(traffic)
    nothing_is_left(chaos.machine)


def heal(traffic: Traffic) -> None:
    """Wait until the endpoint serves with all its instances again."""
    account = traffic.account

    def whole() -> bool:
        seen = patiently(lambda: account.endpoint(traffic.endpoint))
        return seen["ProductionVariants"][0].get("CurrentInstanceCount") == 2

    eventually(whole, GONE_S)
    assert traffic.invoke() == "200"


def no_acknowledged_thing_is_lost(traffic: Traffic) -> None:
    """Hold objects, models and tags to what their writers were told."""
    account = traffic.account
    for key, may in traffic.journal.things("object").items():
        assert read_object(account("s3"), account.bucket, key) in may, key
    pages = account("sagemaker").get_paginator("list_models").paginate()
    models = {each["ModelName"] for page in pages for each in page["Models"]}
    for name, may in traffic.journal.things("model").items():
        assert ("made" if name in models else ABSENT) in may, name
    tags = account("iam").list_role_tags(RoleName=account.role.rpartition("/")[2])["Tags"]
    held = {each["Key"]: each["Value"] for each in tags}
    for name, may in traffic.journal.things("tag").items():
        assert held.get(name) in may, name


def every_job_ended_once_and_right(traffic: Traffic) -> None:
    """Hold every job to one run and its model; one that lost its keeper to failing, and never running again."""
    assert traffic.statuses, "no job ended meanwhile"
    for name, ended in traffic.statuses.items():
        job, journal = traffic.journal.jobs[name], traffic.journal
        now = traffic.account.job(name)
        assert (now["TrainingJobStatus"], now["SecondaryStatusTransitions"]) == (
            ended["TrainingJobStatus"],
            ended["SecondaryStatusTransitions"],
        )
        ran = [line for line in traffic.account.log_of_job(name) if re.match("ran [0-9a-f-]{36}$", line)]
        if name in journal.lost:
            assert ended["TrainingJobStatus"] == "Failed", (name, ended)
            assert ended["FailureReason"] == INTERNAL_ERROR, (name, ended)
            assert len(ran) <= 1, (name, ran)
        elif name in journal.hit and ended["TrainingJobStatus"] == "Failed":
            assert "exit code: 137" in ended["FailureReason"], (name, ended)
            assert len(ran) <= 1, (name, ran)
        else:
            assert ended["TrainingJobStatus"] == "Completed", (name, ended)
            files = model_of(traffic.account.get(ended["ModelArtifacts"]["S3ModelArtifacts"]))
            assert job.kind == "xgboost" or files["answer"].decode() == job.answer, (name, files)
            assert job.kind == "xgboost" or len(ran) == 1, (name, ran)


def invocations_broke_only_where_something_was_killed(journal: Journal) -> None:
    """Hold each failure to a cause; a killed gateway breaks what it holds: one request of each client at most."""
    assert journal.answers["200"] > 0
    assert set(journal.answers) <= {"200", *EXPLAINED}, journal.answers
    assert journal.unexplained(EXPLAINED) == []
    broken = [each for each in journal.outside_outages() if each.outcome == "broken"]
    assert len(broken) <= CLIENTS["invocations"] * journal.count().get("gateway", 0)


def cloudwatch_counted_what_the_clients_counted(traffic: Traffic) -> None:
    """Hold Invocations to the answers received: each was counted once; of what broke, each at most once.

    A request whose connection broke may or may not have reached the model, and a client that heard InternalFailure
    cannot know either: these are the width of the interval. Without them the counts are equal.
    """
    answers = traffic.journal.answers
    surely = answers["200"]
    perhaps = answers["broken"] + answers["InternalFailure"]
    eventually(lambda: surely <= invocations(traffic) <= surely + perhaps, 40)


def invocations(traffic: Traffic) -> float:
    now = datetime.now(UTC)
    answer = traffic.account("cloudwatch").get_metric_statistics(
        Namespace="AWS/SageMaker", MetricName="Invocations", Period=7200, Statistics=["Sum"],
        Dimensions=[
            {"Name": "EndpointName", "Value": traffic.endpoint}, {"Name": "VariantName", "Value": "AllTraffic"}
        ],
        StartTime=now - HOUR, EndTime=now + HOUR,
    )  # fmt: skip
    return sum(point["Sum"] for point in answer["Datapoints"])


def delete_everything(traffic: Traffic) -> None:
    """Delete all that was made, as its owner does."""
    account = traffic.account
    sagemaker, s3 = account("sagemaker"), account("s3")
    sagemaker.delete_endpoint(EndpointName=traffic.endpoint)
    sagemaker.delete_endpoint_config(EndpointConfigName=traffic.endpoint)
    for page in sagemaker.get_paginator("list_models").paginate():
        for each in page["Models"]:
            sagemaker.delete_model(ModelName=each["ModelName"])
    for page in sagemaker.get_paginator("list_training_jobs").paginate():
        for each in page["TrainingJobSummaries"]:
            sagemaker.delete_training_job(TrainingJobName=each["TrainingJobName"])
    for page in s3.get_paginator("list_multipart_uploads").paginate(Bucket=account.bucket):
        for each in page.get("Uploads", ()):
            s3.abort_multipart_upload(Bucket=account.bucket, Key=each["Key"], UploadId=each["UploadId"])
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=account.bucket):
        for each in page.get("Contents", ()):
            s3.delete_object(Bucket=account.bucket, Key=each["Key"])
    s3.delete_bucket(Bucket=account.bucket)


def nothing_is_left(machine: Machine) -> None:
    """Wait until nothing runs and nothing lies about that was deleted or died."""
    with suppress(AssertionError):
        eventually(lambda: not any(machine.left().values()), GONE_S)
    left = machine.left()
    assert not any(left.values()), left


def what_killed_writers_left_is_swept(machine: Machine) -> None:
    """Let the files that no object names grow old, and wait for the controller to do its chores."""
    for path in machine.blobs():
        os.utime(path, (time.time() - ORPHAN_S,) * 2)
    send(machine.pid("controller"), signal.SIGKILL)
    eventually(lambda: not machine.blobs(), CHORES_S)


def test_endpoints_serve_on_and_count_exactly_while_api_and_controller_stand_still(machine, traffic):
    still = [machine.pid("api"), machine.pid("controller")]
    for pid in still:
        send(pid, signal.SIGSTOP)
    try:
        with traffic.running(invocations=2):
            eventually(lambda: traffic.stop.is_set() or traffic.journal.answers["200"] > 200, 30)
    finally:
        for pid in still:
            send(pid, signal.SIGCONT)
    serve_on_while_api_and_controller_are_killed(machine, traffic)
    assert set(traffic.journal.answers) == {"200"}, traffic.journal.answers
    eventually(lambda: invocations(traffic) == traffic.journal.answers["200"], 40)


def serve_on_while_api_and_controller_are_killed(machine: Machine, traffic: Traffic) -> None:
    """Kill each as soon as it is there, three times: between a kill and its return neither runs."""
    killed: dict[str, set[int]] = {"api": set(), "controller": set()}

    def three_times_each() -> bool:
        for name, pids in killed.items():
            pid = machine.pids().get(name)
            if pid is not None and pid not in pids and send(pid, signal.SIGKILL):
                pids.add(pid)
        return traffic.stop.is_set() or all(len(pids) >= 3 for pids in killed.values())

    traffic.stop.clear()
    with traffic.running(invocations=2):
        eventually(three_times_each, 40)
    eventually(lambda: "api" in machine.pids(), 30)
    patiently(lambda: traffic.account("sts").get_caller_identity())
