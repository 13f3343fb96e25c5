"""PutBucketLifecycleConfiguration and its siblings; what they do is tried in tests/controllers/test_expirations.py."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from clary.core.errors import ServiceError

BUCKET = "a-bucket"
RULE = {"ID": "r", "Status": "Enabled", "Filter": {"Prefix": "tmp/"}, "Expiration": {"Days": 3}}


@pytest.fixture
def s3(aws: Any) -> Any:
    s3 = aws("s3")
    s3("CreateBucket", Bucket=BUCKET)
    return s3


def put(s3: Any, *rules: dict[str, Any]) -> None:
    s3("PutBucketLifecycleConfiguration", Bucket=BUCKET, LifecycleConfiguration={"Rules": list(rules)})


def refusal(call: Any, *args: Any, **params: Any) -> str:
    with pytest.raises(ServiceError) as error:
        call(*args, **params)
    return error.value.code


def test_rules_are_told_as_they_were_put_until_they_are_deleted(s3: Any) -> None:
    get, name = s3, "GetBucketLifecycleConfiguration"
    assert refusal(get, name, Bucket=BUCKET) == "NoSuchLifecycleConfiguration"
    unnamed = {"Status": "Disabled", "Prefix": "", "Expiration": {"Date": datetime(2030, 1, 1, tzinfo=UTC)}}
    put(s3, RULE, unnamed)
    first, second = s3(name, Bucket=BUCKET)["Rules"]
    assert first == RULE
    assert second["ID"]
    assert second["Expiration"] == {"Date": datetime(2030, 1, 1, tzinfo=UTC).timestamp()}
    s3("DeleteBucketLifecycle", Bucket=BUCKET)
    assert refusal(get, name, Bucket=BUCKET) == "NoSuchLifecycleConfiguration"


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"Status": "On"}, "MalformedXML"),
        ({"Prefix": "both"}, "MalformedXML"),
        ({"Expiration": {"Days": 1, "ExpiredObjectDeleteMarker": True}}, "MalformedXML"),
        ({"Expiration": {"Days": 0}}, "InvalidArgument"),
        ({"Expiration": {"Date": datetime(2030, 1, 1, 7, tzinfo=UTC)}}, "InvalidArgument"),
        ({"Expiration": {}}, "InvalidRequest"),
        ({"ID": "x" * 256}, "InvalidArgument"),
        ({"NoncurrentVersionExpiration": {"NewerNoncurrentVersions": 3}}, "MalformedXML"),
        ({"Transitions": [{"Days": 1, "StorageClass": "GLACIER"}]}, "NotImplemented"),
        (
            {
                "Filter": {"Tag": {"Key": "a", "Value": "b"}},
                "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
            },
            "InvalidRequest",
        ),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(s3: Any, changed: dict[str, Any], code: str) -> None:
    assert refusal(put, s3, {**RULE, **changed}) == code


def test_rules_bear_different_names(s3: Any) -> None:
    assert refusal(put, s3, RULE, RULE) == "InvalidArgument"
    assert refusal(put, s3) == "MalformedXML"
