from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from clary.wire import timestamps

MOMENT = datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)
WHOLE = MOMENT.replace(microsecond=0)


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("2026-01-02T03:04:05.678Z", MOMENT),
        ("2026-01-02T03:04:05Z", WHOLE),
        ("2026-01-02T03:04:05", WHOLE),
        ("2026-01-02T04:04:05+01:00", WHOLE),
        ("20260102T030405Z", WHOLE),
        ("2026-01-02", WHOLE.replace(hour=0, minute=0, second=0)),
        ("20260102", WHOLE.replace(hour=0, minute=0, second=0)),
        ("Fri, 02 Jan 2026 03:04:05 GMT", WHOLE),
        ("1767323045.678", MOMENT),
        ("1.767323045678E9", MOMENT),
        (1767323045, WHOLE),
        (1767323045.678, MOMENT),
        (0, timestamps.EPOCH),
        (-1.5, timestamps.EPOCH - timedelta(seconds=1.5)),
    ],
)
def test_all_formats_are_read(written: str | float, moment: datetime) -> None:
    assert timestamps.parse(written) == moment
    assert timestamps.parse(written).tzinfo is UTC


@pytest.mark.parametrize("written", ["", "soon", "2026-13-01T00:00:00Z", "1e400", float("inf"), float("nan"), 1e30])
def test_what_is_no_timestamp_is_refused(written: str | float) -> None:
    with pytest.raises(ValueError, match=r".*"):
        timestamps.parse(written)


@pytest.mark.parametrize(
    ("style", "text"),
    [
        ("iso8601", "2026-01-02T03:04:05.678Z"),
        ("rfc822", "Fri, 02 Jan 2026 03:04:05 GMT"),
        ("unixTimestamp", "1767323045.678"),
    ],
)
def test_all_formats_are_written(style: str, text: str) -> None:
    elsewhere = MOMENT.astimezone(timezone(timedelta(hours=5)))
    for value in (MOMENT, elsewhere, MOMENT.replace(tzinfo=None), 1767323045.678):
        assert timestamps.as_text(value, style) == text


def test_whole_seconds_have_no_fraction() -> None:
    assert timestamps.as_text(WHOLE, "iso8601") == "2026-01-02T03:04:05Z"
    assert repr(timestamps.as_seconds(WHOLE)) == "1767323045"
