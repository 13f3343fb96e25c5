"""The demo from the first call to the last: two models side by side, each trained, deployed, asked and checked."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from clary.demo import checks, cloudwatch, sagemaker
from clary.demo.access import Clients
from clary.demo.cloudwatch import Metric
from clary.demo.failures import DemoFailed, Interrupted
from clary.demo.leftovers import Leftovers
from clary.demo.plan import ASK, CHECK, DELETE, DEPLOY, PUT, TRAIN
from clary.demo.sagemaker import Answers, Job
from clary.demo.setting import Setting, prepare
from clary.demo.steps import Steps


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one model; `difference` is the largest between its endpoint's answers and those scored offline."""

    model: str
    data_set: str
    trained_rows: int
    held_out_rows: int
    accuracy: float
    difference: float
    answer_ms: float
    metric: Metric
    log: tuple[str, ...]


def run(clients: Clients, name: str, steps: Steps, leftovers: Leftovers, stop: threading.Event) -> list[Outcome]:
    """Do the main job and delete it again; return what came of each model, or raise DemoFailed.

    Bucket, role, jobs and endpoints are called `name` and more; whatever is left when this raises is in `leftovers`.
    """
    try:
        return _run(clients, name, steps, leftovers, stop)
    except (BotoCoreError, ClientError) as error:
        raise DemoFailed(f"{error}.") from error


def _run(clients: Clients, name: str, steps: Steps, leftovers: Leftovers, stop: threading.Event) -> list[Outcome]:
    with steps.take(PUT) as step:
        setting = prepare(clients, name, leftovers, step)
    outcomes = _side_by_side(_jobs(clients, name, setting, leftovers, stop), steps)
    with steps.take(DELETE) as step:
        count = len(leftovers)
        if failures := leftovers.delete():
            raise DemoFailed(f"What the demo made cannot be deleted: {'; '.join(failures)}.")
        _look_for_remains(clients, name)
        step.detail = f"{count} things, none left"
    return outcomes


def _jobs(clients: Clients, name: str, setting: Setting, leftovers: Leftovers, stop: threading.Event) -> Iterator[Job]:
    for case in setting.cases:
        yield Job(clients, case, f"{name}-{case.key}", setting.bucket, setting.role_arn, leftovers, stop)


def _side_by_side(jobs: Iterator[Job], steps: Steps) -> list[Outcome]:
    """Live every job at the same time; where one fails, stop the others."""
    with ThreadPoolExecutor() as executor, _stopping(working := list(jobs)):
        futures = [executor.submit(_live, job, steps) for job in working]
        wait(futures, return_when=FIRST_EXCEPTION)
        _raise_first(futures)
        return [future.result() for future in futures]


@contextmanager
def _stopping(jobs: Sequence[Job]) -> Iterator[None]:
    try:
        yield
    except BaseException:  # also Ctrl-C, which only this thread hears
        for job in jobs:
            job.stop.set()
        raise


def _raise_first(futures: Sequence[Future[Outcome]]) -> None:
    for future in futures:
        if future.done() and (error := future.exception()) and not isinstance(error, Interrupted):
            raise error


def _live(job: Job, steps: Steps) -> Outcome:
    title = job.case.title
    with steps.take(TRAIN.format(title)) as step:
        model_uri = sagemaker.train(job, step)
        step.detail = f"{len(job.case.data.labels):,} rows of {job.case.data.name}"
    with steps.take(DEPLOY.format(title)) as step:
        sagemaker.deploy(job, step, model_uri)
    with steps.take(ASK.format(title)) as step:
        answers = sagemaker.predict(job)
        step.detail = f"{len(answers.probabilities)} held-out rows, {answers.median_ms:.1f} ms each"
    with steps.take(CHECK.format(title)) as step:
        outcome = _check(job, answers, sagemaker.score_offline(job, model_uri))
        step.detail = "answers equal model.tar.gz scored here"
    return outcome


def _check(job: Job, answers: Answers, offline: Any) -> Outcome:
    """Hold the endpoint against the model and the labels, and CloudWatch against what the job did."""
    case = job.case
    return Outcome(
        model=case.title,
        data_set=case.data.name,
        trained_rows=len(case.data.labels),
        held_out_rows=len(case.data.held_out_labels),
        difference=checks.difference(job.name, answers.probabilities, offline),
        accuracy=checks.accuracy(job.name, answers.probabilities, case.data.held_out_labels),
        answer_ms=answers.median_ms,
        metric=checks.whole(job.name, cloudwatch.training_metric(job), case.metric_values),
        log=checks.said(job.name, cloudwatch.last_lines(job)),
    )


def _look_for_remains(clients: Clients, name: str) -> None:
    """Raise DemoFailed if anything of this run is listed after it was deleted."""
    sagemaker_client = clients("sagemaker")
    listings = {
        "endpoint": sagemaker_client.list_endpoints(NameContains=name)["Endpoints"],
        "endpoint configuration": sagemaker_client.list_endpoint_configs(NameContains=name)["EndpointConfigs"],
        "model": sagemaker_client.list_models(NameContains=name)["Models"],
        "training job": sagemaker_client.list_training_jobs(NameContains=name)["TrainingJobSummaries"],
        "bucket": [each for each in clients("s3").list_buckets()["Buckets"] if name in each["Name"]],
        "role": [each for each in clients("iam").list_roles()["Roles"] if each["RoleName"] == name],
    }
    for kind, found in listings.items():
        if found:
            raise DemoFailed(f"A {kind} of the demo is still there after it was deleted: {found[0]}")
