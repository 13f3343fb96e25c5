from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from clary.core.errors import ServiceError
from clary.services.s3.conditions import check_copy, check_read, on_delete, on_write
from clary.store.objects import Checksum, Version

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
VERSION = Version(
    seq=1, bucket="b", key="k", id="null", latest=True, marker=False, size=7, etag="abc", modified=AT.timestamp() + 0.7,
    checksum=Checksum("", "", ""), parts=0, upload="", about={}, tags={},
)  # fmt: skip
EARLIER, LATER = AT - timedelta(seconds=1), AT + timedelta(seconds=1)


def outcome(check: Any, *args: Any) -> int:
    try:
        check(*args)
    except ServiceError as error:
        return error.status
    return 200


@pytest.mark.parametrize(
    ("conditions", "status"),
    [
        ({}, 200),
        ({"IfMatch": '"abc"'}, 200),
        ({"IfMatch": "abc"}, 200),
        ({"IfMatch": '"x", "abc"'}, 200),
        ({"IfMatch": "*"}, 200),
        ({"IfMatch": '"x"'}, 412),
        ({"IfNoneMatch": '"abc"'}, 304),
        ({"IfNoneMatch": 'W/"abc"'}, 304),
        ({"IfNoneMatch": "*"}, 304),
        ({"IfNoneMatch": '"x"'}, 200),
        ({"IfModifiedSince": EARLIER}, 200),
        ({"IfModifiedSince": AT}, 304),
        ({"IfModifiedSince": LATER}, 304),
        ({"IfUnmodifiedSince": EARLIER}, 412),
        ({"IfUnmodifiedSince": AT}, 200),
        ({"IfUnmodifiedSince": LATER}, 200),
        ({"IfMatch": '"abc"', "IfUnmodifiedSince": EARLIER}, 200),
        ({"IfMatch": '"x"', "IfUnmodifiedSince": LATER}, 412),
        ({"IfNoneMatch": '"x"', "IfModifiedSince": LATER}, 200),
        ({"IfNoneMatch": '"abc"', "IfModifiedSince": EARLIER}, 304),
        ({"IfMatch": '"abc"', "IfNoneMatch": '"abc"'}, 304),
    ],
)
def test_reads_go_on_as_rfc_9110_and_s3_say(conditions: dict[str, Any], status: int) -> None:
    assert outcome(check_read, conditions, VERSION) == status
    copied = {f"CopySource{name}": value for name, value in conditions.items()}
    assert outcome(check_copy, copied, VERSION) == {304: 412}.get(status, status)


@pytest.mark.parametrize(
    ("conditions", "current", "status"),
    [
        ({}, VERSION, 200),
        ({"IfNoneMatch": "*"}, None, 200),
        ({"IfNoneMatch": "*"}, VERSION, 412),
        ({"IfMatch": '"abc"'}, VERSION, 200),
        ({"IfMatch": '"x"'}, VERSION, 412),
        ({"IfMatch": '"abc"'}, None, 404),
    ],
)
def test_writes_go_on_as_s3_says(conditions: dict[str, Any], current: Version | None, status: int) -> None:
    assert outcome(on_write(conditions), current) == status


@pytest.mark.parametrize("conditions", [{"IfNoneMatch": '"abc"'}, {"IfMatch": "x", "IfNoneMatch": "*"}])
def test_conditions_that_s3_does_not_know_are_not_implemented(conditions: dict[str, Any]) -> None:
    with pytest.raises(ServiceError) as refused:
        on_write(conditions)
    assert refused.value.status == 501


@pytest.mark.parametrize(
    ("conditions", "current", "status"),
    [
        ({"IfMatch": '"abc"'}, VERSION, 200),
        ({"IfMatch": '"x"'}, VERSION, 412),
        ({"IfMatch": '"x"'}, None, 200),
        ({"ETag": '"x"'}, VERSION, 412),
        ({"Size": 7, "LastModifiedTime": AT}, VERSION, 200),
        ({"Size": 8}, VERSION, 412),
        ({"IfMatchLastModifiedTime": LATER}, VERSION, 412),
    ],
)
def test_deletes_go_on_as_s3_says(conditions: dict[str, Any], current: Version | None, status: int) -> None:
    assert outcome(on_delete(conditions), current) == status
