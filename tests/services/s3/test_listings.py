from __future__ import annotations

from typing import Any

import pytest

from clary.core.errors import ServiceError

BUCKET = "a-bucket"
KEYS = ["a/1", "a/2", "b/1", "c", "d e+f/g", "é"]


@pytest.fixture
def s3(aws: Any) -> Any:
    s3 = aws("s3")
    s3("CreateBucket", Bucket=BUCKET)
    for key in KEYS:
        s3("PutObject", Bucket=BUCKET, Key=key, Body=b"x")
    return s3


def keys(page: Any) -> list[str]:
    return [each["Key"] for each in page["Contents"]]


def prefixes(page: Any) -> list[str]:
    return [each["Prefix"] for each in page["CommonPrefixes"]]


def test_all_keys_come_in_order(s3: Any) -> None:
    for name in ("ListObjects", "ListObjectsV2"):
        assert keys(s3(name, Bucket=BUCKET)) == sorted(KEYS, key=str.encode)


def test_prefix_and_delimiter_make_folders(s3: Any) -> None:
    top = s3("ListObjectsV2", Bucket=BUCKET, Delimiter="/")
    assert (keys(top), prefixes(top), top["KeyCount"]) == (["c", "é"], ["a/", "b/", "d e+f/"], 5)
    inside = s3("ListObjectsV2", Bucket=BUCKET, Delimiter="/", Prefix="a/")
    assert (keys(inside), prefixes(inside)) == (["a/1", "a/2"], [])


def test_pages_of_v2_follow_their_tokens(s3: Any) -> None:
    seen, token = [], {}
    for _ in range(10):
        page = s3("ListObjectsV2", Bucket=BUCKET, Delimiter="/", MaxKeys=1, **token)
        seen += keys(page) + prefixes(page)
        if not page["IsTruncated"]:
            break
        token = {"ContinuationToken": page["NextContinuationToken"]}
    assert seen == ["a/", "b/", "c", "d e+f/", "é"]


def test_pages_of_v1_follow_their_markers(s3: Any) -> None:
    page = s3("ListObjects", Bucket=BUCKET, Delimiter="/", MaxKeys=2)
    assert (prefixes(page), page["NextMarker"]) == (["a/", "b/"], "b/")
    rest = s3("ListObjects", Bucket=BUCKET, Delimiter="/", Marker=page["NextMarker"])
    assert (keys(rest), prefixes(rest), rest["IsTruncated"]) == (["c", "é"], ["d e+f/"], False)
    plain = s3("ListObjects", Bucket=BUCKET, MaxKeys=2)
    assert "NextMarker" not in plain
    assert keys(s3("ListObjects", Bucket=BUCKET, Marker=keys(plain)[-1])) == KEYS[2:]


def test_a_listing_starts_behind_a_key(s3: Any) -> None:
    assert keys(s3("ListObjectsV2", Bucket=BUCKET, StartAfter="b/1")) == ["c", "d e+f/g", "é"]
    assert keys(s3("ListObjectsV2", Bucket=BUCKET, StartAfter="b")) == KEYS[2:]


def test_keys_are_percent_encoded_when_asked(s3: Any) -> None:
    page = s3("ListObjectsV2", Bucket=BUCKET, EncodingType="url", Delimiter="/", Prefix="d e")
    assert (page["Prefix"], prefixes(page), page["Delimiter"]) == ("d%20e", ["d%20e%2Bf/"], "/")


def test_owners_are_told_when_asked_and_always_in_v1(s3: Any) -> None:
    assert "Owner" not in s3("ListObjectsV2", Bucket=BUCKET)["Contents"][0]
    owner = s3("ListObjectsV2", Bucket=BUCKET, FetchOwner=True)["Contents"][0]["Owner"]
    assert s3("ListObjects", Bucket=BUCKET)["Contents"][0]["Owner"] == owner
    assert len(owner["ID"]) == 64


def test_a_page_has_at_most_a_thousand_keys_and_may_have_none(s3: Any) -> None:
    assert s3("ListObjectsV2", Bucket=BUCKET, MaxKeys=5000)["MaxKeys"] == 1000
    none = s3("ListObjectsV2", Bucket=BUCKET, MaxKeys=0)
    assert (none["Contents"], none["IsTruncated"]) == ([], False)


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("ListObjectsV2", {"MaxKeys": -1}),
        ("ListObjectsV2", {"EncodingType": "rot13"}),
        ("ListObjectsV2", {"ContinuationToken": "nonsense!"}),
        ("ListObjectVersions", {"VersionIdMarker": "x"}),
        ("ListMultipartUploads", {"MaxUploads": -1}),
    ],
)
def test_a_parameter_without_sense_is_refused(s3: Any, name: str, params: dict[str, Any]) -> None:
    with pytest.raises(ServiceError) as error:
        s3(name, Bucket=BUCKET, **params)
    assert (error.value.code, error.value.status) == ("InvalidArgument", 400)


def test_versions_and_markers_come_newest_first_page_by_page(s3: Any) -> None:
    s3("PutBucketVersioning", Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    second = s3("PutObject", Bucket=BUCKET, Key="c", Body=b"2")["VersionId"]
    marker = s3("DeleteObject", Bucket=BUCKET, Key="c")["VersionId"]
    seen, mark = [], {}
    for _ in range(10):
        page = s3("ListObjectVersions", Bucket=BUCKET, Prefix="c", MaxKeys=1, **mark)
        seen += [(each["VersionId"], each["IsLatest"]) for each in page["Versions"] + page["DeleteMarkers"]]
        if not page["IsTruncated"]:
            break
        mark = {"KeyMarker": page["NextKeyMarker"], "VersionIdMarker": page["NextVersionIdMarker"]}
    assert seen == [(marker, True), (second, False), ("null", False)]
