from __future__ import annotations

import pytest

from clary.core.errors import ServiceError
from clary.services.s3.ranges import Span, copied, requested


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("bytes=0-0", (0, 1)),
        ("bytes=2-4", (2, 5)),
        ("bytes=5-", (5, 10)),
        ("bytes=-3", (7, 10)),
        ("bytes=-30", (0, 10)),
        ("bytes=4-1000", (4, 10)),
        (" bytes=0-9 ", (0, 10)),
        ("", None),
        ("bytes=-", None),
        ("bytes=4-2", None),
        ("bytes=0-1,3-4", None),
        ("items=0-1", None),
        ("bytes=a-b", None),
        ("bytes=٣-٤", None),
    ],
)
def test_a_range_is_read_as_rfc_9110_and_s3_say(text: str, span: Span | None) -> None:
    assert requested(text, 10) == span


@pytest.mark.parametrize(("text", "size"), [("bytes=10-", 10), ("bytes=10-20", 10), ("bytes=-0", 10), ("bytes=0-", 0)])
def test_a_range_with_no_byte_in_it_is_not_satisfiable(text: str, size: int) -> None:
    with pytest.raises(ServiceError) as refused:
        requested(text, size)
    assert (refused.value.code, refused.value.status) == ("InvalidRange", 416)
    assert refused.value.members["ActualObjectSize"] == size


def test_a_range_to_copy_lies_inside_the_source() -> None:
    assert copied("bytes=0-9", 10) == (0, 10)
    for text in ("bytes=0-10", "bytes=-5", "bytes=5-", "bytes=3-2", "0-1"):
        with pytest.raises(ServiceError) as refused:
            copied(text, 10)
        assert refused.value.code == "InvalidArgument"
