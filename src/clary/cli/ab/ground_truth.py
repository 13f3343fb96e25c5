"""Rewards as SageMaker Model Monitor's ground truth: JSON Lines in S3, in a folder for each hour.

SageMaker developer guide, «Ingest ground truth labels and merge them with predictions»: `eventId` is the InferenceId
of the invocation where it brought one. The `data` of a line is the reward, a number.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

VERSION = "0"
SCHEME = "s3://"
HOUR = "%Y/%m/%d/%H"
HOURS_MAX = 24 * 400
OBJECTS_MAX = 100_000
MISSING = ("NoSuchBucket", "404")
TRUE_AND_FALSE = {"true": 1.0, "false": 0.0}


@dataclass(frozen=True, slots=True)
class Place:
    """A prefix in S3; `own` says that nobody named it, so that its bucket may be made."""

    bucket: str
    prefix: str
    own: bool = False

    def uri(self) -> str:
        """Return the place as people write it."""
        return f"{SCHEME}{self.bucket}/{self.prefix}"

    def folder(self, hour: datetime) -> str:
        """Return the prefix of the objects of an hour."""
        return f"{self.prefix}/{hour.strftime(HOUR)}/" if self.prefix else f"{hour.strftime(HOUR)}/"


@dataclass
class GroundTruth:
    """What was read: the last reward of each InferenceId, and how many lines were none."""

    rewards: dict[str, float]
    unreadable: int = 0


def place_of(uri: str) -> Place:
    """Return the place that a URI names, or raise ValueError."""
    bucket, _, prefix = uri.removeprefix(SCHEME).partition("/")
    if not uri.startswith(SCHEME) or not bucket:
        raise ValueError(f"{uri!r} is no place in S3; write s3://bucket/prefix.")
    return Place(bucket, prefix.strip("/"))


def place_for(endpoint: str, account: str, region: str) -> Place:
    """Return where an endpoint's rewards are unless somebody says otherwise: in the SageMaker SDK's default bucket."""
    return Place(f"sagemaker-{region}-{account}", f"ground-truth/{endpoint}", own=True)


def line_of(inference_id: str, reward: float) -> str:
    """Return one reward as a line."""
    truth = {"data": f"{reward:.17g}", "encoding": "CSV"}
    return json.dumps({"groundTruthData": truth, "eventMetadata": {"eventId": inference_id}, "eventVersion": VERSION})


def write(s3: Any, place: Place, rewards: Mapping[str, float], now: datetime, name: str) -> str:
    """Store rewards as one object of the present hour; return its URI."""
    key = f"{place.folder(now)}{name}.jsonl"
    body = "".join(f"{line_of(inference_id, reward)}\n" for inference_id, reward in rewards.items()).encode()
    try:
        s3.put_object(Bucket=place.bucket, Key=key, Body=body)
    except ClientError as error:
        if not place.own or error.response["Error"]["Code"] not in MISSING:
            raise
        _make_bucket(s3, place.bucket)
        s3.put_object(Bucket=place.bucket, Key=key, Body=body)
    return f"{SCHEME}{place.bucket}/{key}"


def read(s3: Any, place: Place, start: datetime, end: datetime) -> GroundTruth:
    """Return the rewards of these hours; of several for one InferenceId the last that was written."""
    truth = GroundTruth({})
    try:
        written = sorted(_objects(s3, place, start, end), key=lambda each: each["LastModified"])
    except ClientError as error:
        if place.own and error.response["Error"]["Code"] in MISSING:
            return truth
        raise
    for each in written:
        body = s3.get_object(Bucket=place.bucket, Key=each["Key"])["Body"]
        _take(truth, (line.decode("utf-8", "replace") for line in body.iter_lines() if line.strip()))
    return truth


def reward_of(text: str) -> float:
    """Return the number that somebody wrote as a reward, or raise ValueError."""
    known = TRUE_AND_FALSE.get(text.strip().lower())
    reward = float(text) if known is None else known
    if not math.isfinite(reward):
        raise ValueError(f"{text!r} is no finite number")
    return reward


def _take(truth: GroundTruth, lines: Iterable[str]) -> None:
    for line in lines:
        try:
            told = json.loads(line)
            truth.rewards[str(told["eventMetadata"]["eventId"])] = reward_of(str(told["groundTruthData"]["data"]))
        except (ValueError, KeyError, TypeError):
            truth.unreadable += 1


def _objects(s3: Any, place: Place, start: datetime, end: datetime) -> Iterator[Mapping[str, Any]]:
    """Give the objects of these hours, days at a time where that is less to ask for."""
    found = 0
    for folder in _folders(place, start, end):
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=place.bucket, Prefix=folder):
            for each in page.get("Contents", ()):
                found += 1
                if found > OBJECTS_MAX:
                    raise ValueError(f"{place.uri()} has more than {OBJECTS_MAX} objects in this time; report on less.")
                yield each


def _folders(place: Place, start: datetime, end: datetime) -> Iterator[str]:
    hour = start.replace(minute=0, second=0, microsecond=0)
    for _ in range(HOURS_MAX):
        if hour > end:
            return
        if hour.hour == 0 and hour + timedelta(days=1) <= end:
            yield place.folder(hour).removesuffix(f"{hour:%H}/")
            hour += timedelta(days=1)
        else:
            yield place.folder(hour)
            hour += timedelta(hours=1)


def _make_bucket(s3: Any, bucket: str) -> None:
    region = s3.meta.region_name
    where = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    s3.create_bucket(Bucket=bucket, **where)
