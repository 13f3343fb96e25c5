"""Rewards in S3, as Model Monitor's ground truth."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.response import StreamingBody

from clary.cli.ab import ground_truth
from clary.cli.ab.ground_truth import Place, line_of, place_for, place_of, read, reward_of, write

NOW = datetime(2026, 11, 22, 3, 17, tzinfo=UTC)
PLACE = Place("b", "truth/e")


class S3:
    """Keeps objects by bucket and key, in the order in which they came."""

    class meta:  # noqa: N801 - botocore's name
        region_name = "eu-west-1"

    def __init__(self, *buckets: str) -> None:
        self.objects: dict[str, dict[str, bytes]] = {each: {} for each in buckets}
        self.asked: list[str] = []

    def create_bucket(self, **request: Any) -> None:
        assert request["CreateBucketConfiguration"] == {"LocationConstraint": "eu-west-1"}
        self.objects[request["Bucket"]] = {}

    def put_object(self, **request: Any) -> None:
        self._bucket(request["Bucket"])[request["Key"]] = request["Body"]

    def get_object(self, **request: Any) -> dict[str, Any]:
        body = self._bucket(request["Bucket"])[request["Key"]]
        return {"Body": StreamingBody(io.BytesIO(body), len(body))}

    def get_paginator(self, operation: str) -> S3:
        assert operation == "list_objects_v2"
        return self

    def paginate(self, **request: Any) -> Iterator[dict[str, Any]]:
        self.asked.append(request["Prefix"])
        keys = [key for key in self._bucket(request["Bucket"]) if key.startswith(request["Prefix"])]
        order = list(self._bucket(request["Bucket"]))
        yield {"Contents": [{"Key": key, "LastModified": order.index(key)} for key in keys]} if keys else {}

    def _bucket(self, name: str) -> dict[str, bytes]:
        if name not in self.objects:
            raise ClientError({"Error": {"Code": "NoSuchBucket"}}, "S3")
        return self.objects[name]


def test_a_line_is_as_the_developer_guide_shows_it() -> None:
    assert json.loads(line_of("order-7", 1.0)) == {
        "groundTruthData": {"data": "1", "encoding": "CSV"},
        "eventMetadata": {"eventId": "order-7"},
        "eventVersion": "0",
    }


def test_what_is_written_is_read_again_from_the_folder_of_its_hour() -> None:
    s3 = S3("b")
    uri = write(s3, PLACE, {"i": 0.1 + 0.2, "j": 0.0}, NOW, "x")
    assert uri == "s3://b/truth/e/2026/11/22/03/x.jsonl"
    assert read(s3, PLACE, NOW, NOW).rewards == {"i": 0.1 + 0.2, "j": 0.0}
    assert read(s3, PLACE, NOW - timedelta(hours=3), NOW - timedelta(hours=1)).rewards == {}


def test_the_last_reward_of_an_inference_id_counts_and_what_is_none_is_told() -> None:
    s3 = S3("b")
    write(s3, PLACE, {"i": 0.0}, NOW, "x")
    lines = ["not json", "[]", '{"eventMetadata": {"eventId": "k"}}', line_of("i", 1.0).replace('"1"', '"true"'), ""]
    s3.put_object(Bucket="b", Key=f"{PLACE.folder(NOW)}a.jsonl", Body="\n".join(lines).encode())
    truth = read(s3, PLACE, NOW, NOW)
    assert (truth.rewards, truth.unreadable) == ({"i": 1.0}, 3)


def test_whole_days_are_listed_at_once() -> None:
    s3 = S3("b")
    read(s3, PLACE, NOW - timedelta(days=2), NOW)
    assert s3.asked[:2] == ["truth/e/2026/11/20/03/", "truth/e/2026/11/20/04/"]
    assert "truth/e/2026/11/21/" in s3.asked
    assert s3.asked[-1] == "truth/e/2026/11/22/03/"
    assert len(s3.asked) == 21 + 1 + 4


def test_the_bucket_of_nobodys_choice_is_made_when_needed_and_another_is_not() -> None:
    own, s3 = place_for("e", "111111111111", "eu-west-1"), S3()
    assert own.uri() == "s3://sagemaker-eu-west-1-111111111111/ground-truth/e"
    assert read(s3, own, NOW, NOW).rewards == {}
    write(s3, own, {"i": 1.0}, NOW, "x")
    assert read(s3, own, NOW, NOW).rewards == {"i": 1.0}
    for act in (lambda: write(s3, PLACE, {"i": 1.0}, NOW, "x"), lambda: read(s3, PLACE, NOW, NOW)):
        with pytest.raises(ClientError, match="NoSuchBucket"):
            act()


def test_too_many_objects_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ground_truth, "OBJECTS_MAX", 1)
    s3 = S3("b")
    for name in ("x", "y"):
        write(s3, PLACE, {"i": 1.0}, NOW, name)
    with pytest.raises(ValueError, match="has more than 1 objects"):
        read(s3, PLACE, NOW, NOW)


def test_a_place_is_named_by_its_uri() -> None:
    assert place_of("s3://b/a/c/") == Place("b", "a/c")
    assert place_of("s3://b").folder(NOW) == "2026/11/22/03/"
    for uri in ("b/a", "s3://", "https://b/a"):
        with pytest.raises(ValueError, match="is no place in S3"):
            place_of(uri)


@pytest.mark.parametrize(("text", "reward"), [("1", 1.0), ("-0.25", -0.25), (" True ", 1.0), ("false", 0.0)])
def test_a_reward_is_a_number(text: str, reward: float) -> None:
    assert reward_of(text) == reward


@pytest.mark.parametrize("text", ["", "cat", "nan", "inf"])
def test_what_is_no_number_is_no_reward(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        reward_of(text)
