"""Two writers of one thing: one after the other or one of them refused, never half of each."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from botocore.exceptions import ClientError
from tests.crash.machine import Machine
from tests.crash.traffic import digest, read_object
from tests.e2e.conftest import XGBOOST, Account, eventually

ROUNDS = 40
BODY_BYTES = 400_000


def at_once(*acts: Callable[[], Any]) -> list[Any]:
    """Do all at the same moment; return what each returned, or the ClientError it raised."""
    together = threading.Barrier(len(acts))

    def act(each: Callable[[], Any]) -> Any:
        together.wait(30)
        try:
            return each()
        except ClientError as error:
            return error

    with ThreadPoolExecutor(len(acts)) as executor:
        return list(executor.map(act, acts))


def test_an_object_that_two_clients_write_holds_the_whole_of_one(
    machine: Machine, account: Account, chance: random.Random
):
    s3, bucket = account("s3"), account.bucket
    for _ in range(ROUNDS):
        bodies = [chance.randbytes(BODY_BYTES), chance.randbytes(BODY_BYTES // 2)]
        puts = [lambda body=body: s3.put_object(Bucket=bucket, Key="one", Body=body) for body in bodies]
        seen = at_once(*puts, lambda: read_object(s3, bucket, "one"))[-1]
        held = read_object(s3, bucket, "one")
        assert held in {digest(body) for body in bodies}
        assert not isinstance(seen, ClientError)
    eventually(lambda: len(machine.blobs()) == 1)


def test_of_two_who_will_only_create_an_object_one_does(account: Account):
    s3, bucket = account("s3"), account.bucket
    for number in range(ROUNDS):
        key, bodies = f"k{number}", (b"a", b"b")
        puts = [partial(s3.put_object, Bucket=bucket, Key=key, Body=body, IfNoneMatch="*") for body in bodies]
        done = at_once(*puts)
        refused = [each for each in done if isinstance(each, ClientError)]
        assert len(refused) == 1
        assert refused[0].response["Error"]["Code"] in ("PreconditionFailed", "ConditionalRequestConflict")
        winner = bodies[done.index(next(each for each in done if each not in refused))]
        assert read_object(s3, bucket, key) == digest(winner)


def test_a_name_that_two_ask_for_is_given_once(account: Account):
    sagemaker, iam, role = account("sagemaker"), account("iam"), account.role
    for number in range(ROUNDS):
        model = {"ModelName": f"m{number}", "PrimaryContainer": {"Image": XGBOOST}, "ExecutionRoleArn": role}
        acts = [lambda model=model: sagemaker.create_model(**model), lambda n=number: iam.create_user(UserName=f"u{n}")]
        done = at_once(*acts, *acts)
        refused = [each.response["Error"]["Code"] for each in done if isinstance(each, ClientError)]
        assert sorted(refused) == ["EntityAlreadyExists", "ValidationException"]


def test_of_tags_that_two_clients_write_to_one_thing_none_is_lost(account: Account):
    sagemaker, iam, role = account("sagemaker"), account("iam"), account.role
    name = role.rpartition("/")[2]
    sagemaker.create_model(ModelName="m", PrimaryContainer={"Image": XGBOOST}, ExecutionRoleArn=role)
    arn = account.arn("model/m")
    for number in range(12):
        tags = [[{"Key": f"{who}{number}", "Value": "v"}] for who in "ab"]
        acts = [lambda each=each: sagemaker.add_tags(ResourceArn=arn, Tags=each) for each in tags]
        acts += [lambda each=each: iam.tag_role(RoleName=name, Tags=each) for each in tags]
        assert [each for each in at_once(*acts) if isinstance(each, ClientError)] == []
    wanted = {f"{who}{number}" for who in "ab" for number in range(12)}
    assert {each["Key"] for each in sagemaker.list_tags(ResourceArn=arn)["Tags"]} == wanted
    assert {each["Key"] for each in iam.list_role_tags(RoleName=name)["Tags"]} == wanted


def test_a_job_that_is_stopped_and_deleted_by_several_at_once_is_gone_in_the_end(machine: Machine, account: Account):
    image = account.image(machine.home / "image", train="#!/bin/sh\nexec sleep 60\n")
    sagemaker = account("sagemaker")
    account.train("j", image)
    done = at_once(*[lambda: sagemaker.stop_training_job(TrainingJobName="j")] * 4)
    refused = [str(each) for each in done if isinstance(each, ClientError)]
    assert len(refused) < len(done)
    assert all("status Stopped" in each for each in refused)  # one that came so late that the job had ended
    assert account.ended("j")["TrainingJobStatus"] == "Stopped"
    done = at_once(*[lambda: sagemaker.delete_training_job(TrainingJobName="j")] * 4)
    codes = {each.response["ResponseMetadata"]["HTTPStatusCode"] for each in done if isinstance(each, ClientError)}
    assert codes <= {400}
    assert len(codes) < len(done)
    eventually(lambda: not sagemaker.list_training_jobs()["TrainingJobSummaries"])


def test_a_home_has_one_clary(machine: Machine):
    first = machine.pid("supervisor")
    command = [sys.executable, "-m", "clary", "up", "--detach", "--port", "0", "--home", str(machine.home)]
    more = [
        subprocess.Popen(command, env={"PYTHONPATH": "src", "PATH": "/usr/bin:/bin"}, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    for each in more:
        _, said = each.communicate(timeout=60)
        assert each.returncode == 1
        assert f"already runs on {machine.home} (process {first})" in said
    assert machine.pid("supervisor") == first
    assert machine.root("sts").get_caller_identity()["Account"]
