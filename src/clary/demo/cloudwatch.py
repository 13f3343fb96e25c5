"""What CloudWatch knows of a training job: its metrics, and what it printed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from clary.demo.sagemaker import TRAINING_LOGS, Job

NAMESPACE = "/aws/sagemaker/TrainingJobs"
PERIOD_S = 60
BACK = timedelta(hours=1)
LINES = 3


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric of a training job: how many values CloudWatch has, their bounds, and the last as the job tells it."""

    name: str
    values: int
    minimum: float
    maximum: float
    last: float


def training_metric(job: Job) -> Metric | None:
    """Return the case's metric, or None where CloudWatch has no values of it."""
    now = datetime.now(UTC)
    found = job.clients("cloudwatch").get_metric_statistics(
        Namespace=NAMESPACE,
        MetricName=job.case.metric,
        Dimensions=[{"Name": "TrainingJobName", "Value": job.name}],
        StartTime=now - BACK,
        EndTime=now + BACK,
        Period=PERIOD_S,
        Statistics=["SampleCount", "Minimum", "Maximum"],
    )["Datapoints"]
    described = job.clients("sagemaker").describe_training_job(TrainingJobName=job.name)
    last = {each["MetricName"]: each["Value"] for each in described.get("FinalMetricDataList", [])}
    if not found or job.case.metric not in last:
        return None
    return Metric(
        name=job.case.metric,
        values=round(sum(each["SampleCount"] for each in found)),
        minimum=min(each["Minimum"] for each in found),
        maximum=max(each["Maximum"] for each in found),
        last=float(last[job.case.metric]),
    )


def last_lines(job: Job) -> tuple[str, ...]:
    """Return the end of what the job printed."""
    logs = job.clients("logs")
    streams = logs.describe_log_streams(logGroupName=TRAINING_LOGS, logStreamNamePrefix=job.name)["logStreams"]
    if not streams:
        return ()
    name = streams[0]["logStreamName"]
    events = logs.get_log_events(logGroupName=TRAINING_LOGS, logStreamName=name, limit=LINES)["events"]
    return tuple(event["message"] for event in events)
