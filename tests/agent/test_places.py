from __future__ import annotations

from pathlib import Path

import pytest

from clary.agent.places import Mistake, S3Place, inside, relative


def test_a_place_is_a_bucket_and_a_key() -> None:
    assert S3Place.parse("s3://bucket/a/b c") == S3Place("bucket", "a/b c")
    assert S3Place.parse("s3://bucket") == S3Place("bucket", "")
    assert str(S3Place("bucket", "out/") / "model.tar.gz") == "s3://bucket/out/model.tar.gz"
    for wrong in ("http://x/y", "s3://", "s3:///key", "s3://B!/k"):
        with pytest.raises(Mistake):
            S3Place.parse(wrong)


@pytest.mark.parametrize(
    ("key", "prefix", "name"),
    [
        ("train/a.csv", "train/", "a.csv"),
        ("train/a.csv", "train", "a.csv"),
        ("train/deep/a.csv", "train", "deep/a.csv"),
        ("train/a.csv", "train/a.csv", "a.csv"),
        ("train-2/a.csv", "train", "train-2/a.csv"),
        ("data/train-1.csv", "data/train", "train-1.csv"),
        ("a.csv", "", "a.csv"),
    ],
)
def test_an_object_goes_where_its_key_lies_behind_the_prefix(key: str, prefix: str, name: str) -> None:
    assert relative(key, prefix) == name


@pytest.mark.parametrize("name", ["../x", "a/../../x", "/etc/passwd", "", "a\0b", "x" * 300, ".."])
def test_no_key_leads_out_of_its_folder(name: str) -> None:
    with pytest.raises(Mistake):
        inside(Path("/opt/ml/input"), name)
    assert inside(Path("/data"), "a/ü.csv") == Path("/data/a/ü.csv")
