from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clary.resources.schedules import BadSchedule, newest_up_to, parse

NOON = datetime(2026, 3, 11, 12, 0, tzinfo=UTC)  # a Wednesday


def following(expression: str, count: int, zone: str = "UTC", since: datetime = NOON) -> list[str]:
    schedule, at, shown = parse(expression, zone), since.timestamp(), []
    while len(shown) < count and (later := schedule.next_after(at)) is not None:
        at = later
        shown.append(datetime.fromtimestamp(at, ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M"))
    return shown


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("cron(0 9 * * ? *)", ["2026-03-12 09:00", "2026-03-13 09:00"]),
        ("cron(15 12 * * ? *)", ["2026-03-11 12:15", "2026-03-12 12:15"]),
        ("cron(0/20 12 * * ? *)", ["2026-03-11 12:20", "2026-03-11 12:40", "2026-03-12 12:00"]),
        ("cron(*/30 8,17 * * ? *)", ["2026-03-11 17:00", "2026-03-11 17:30", "2026-03-12 08:00"]),
        ("cron(0 10 ? * MON-FRI *)", ["2026-03-12 10:00", "2026-03-13 10:00", "2026-03-16 10:00"]),
        ("cron(0 10 ? * FRI-MON *)", ["2026-03-13 10:00", "2026-03-14 10:00", "2026-03-15 10:00", "2026-03-16 10:00"]),
        ("cron(0 10 ? * 1 *)", ["2026-03-15 10:00"]),
        ("cron(0 10 ? * L *)", ["2026-03-14 10:00"]),
        ("cron(0 10 ? * 6L *)", ["2026-03-27 10:00", "2026-04-24 10:00"]),
        ("cron(0 10 ? * FRIL *)", ["2026-03-27 10:00", "2026-04-24 10:00"]),
        ("cron(0 10 ? * WED#2 *)", ["2026-04-08 10:00"]),
        ("cron(0 10 ? * 3#5 *)", ["2026-03-31 10:00", "2026-06-30 10:00"]),
        ("cron(0 10 L * ? *)", ["2026-03-31 10:00", "2026-04-30 10:00"]),
        ("cron(0 10 L-2 * ? *)", ["2026-03-29 10:00", "2026-04-28 10:00"]),
        ("cron(0 10 LW * ? *)", ["2026-03-31 10:00", "2026-04-30 10:00", "2026-05-29 10:00"]),
        ("cron(0 10 15W * ? *)", ["2026-03-16 10:00", "2026-04-15 10:00"]),
        ("cron(0 10 1W AUG ? *)", ["2026-08-03 10:00"]),
        ("cron(0 10 31W MAY ? *)", ["2026-05-29 10:00"]),
        ("cron(0 10 31 * ? *)", ["2026-03-31 10:00", "2026-05-31 10:00"]),
        ("cron(0 0 29 2 ? *)", ["2028-02-29 00:00", "2032-02-29 00:00"]),
        ("cron(0 0 1 JAN,JUL ? 2026-2027)", ["2026-07-01 00:00", "2027-01-01 00:00", "2027-07-01 00:00"]),
        ("cron(0 0 1 1 ? 2020)", []),
        ("cron(0 0 30 2 ? *)", []),
        ("at(2026-03-11T12:00:01)", ["2026-03-11 12:00"]),
        ("at(2026-03-11T11:59)", []),
    ],
)
def test_an_expression_means_the_times_a_calendar_shows(expression: str, expected: list[str]) -> None:
    assert following(expression, max(1, len(expected))) == expected


def test_a_zone_says_when_its_morning_is() -> None:
    schedule = parse("cron(0 9 * * ? *)", "America/New_York")
    before = schedule.next_after(datetime(2026, 3, 7, tzinfo=UTC).timestamp())
    after = schedule.next_after(datetime(2026, 3, 9, tzinfo=UTC).timestamp())
    assert before == datetime(2026, 3, 7, 14, tzinfo=UTC).timestamp()
    assert after == datetime(2026, 3, 9, 13, tzinfo=UTC).timestamp()
    assert (
        parse("at(2026-07-01T09:00:00)", "Europe/Berlin").next_after(0)
        == datetime(2026, 7, 1, 7, tzinfo=UTC).timestamp()
    )


def test_what_falls_into_an_hour_that_there_is_not_is_left_out() -> None:
    since = datetime(2026, 3, 28, 12, tzinfo=UTC)
    assert following("cron(30 2 * * ? *)", 1, "Europe/Berlin", since) == ["2026-03-30 02:30"]


def test_what_falls_into_an_hour_that_there_is_twice_happens_once() -> None:
    since = datetime(2026, 10, 24, 12, tzinfo=UTC)
    assert following("cron(30 2 * * ? *)", 2, "Europe/Berlin", since) == ["2026-10-25 02:30", "2026-10-26 02:30"]


def test_a_rate_counts_from_its_start() -> None:
    schedule = parse("rate(5 minutes)", start=1000.0)
    assert schedule.next_after(0.0) == 1300.0
    assert schedule.next_after(1000.0) == 1300.0
    assert schedule.next_after(1299.9) == 1300.0
    assert schedule.next_after(1300.0) == 1600.0
    assert parse("rate(1 day)").next_after(1.0) == 86400.0


@pytest.mark.parametrize(
    "expression",
    [
        "", "every day", "cron(0 9 * * *)", "cron(0 9 * * * *)", "cron(0 9 ? * ? *)", "cron(60 9 * * ? *)",
        "cron(0 24 * * ? *)", "cron(0 9 0 * ? *)", "cron(0 9 32 * ? *)", "cron(0 9 * 13 ? *)", "cron(0 9 ? * 8 *)",
        "cron(0 9 ? * MON#6 *)", "cron(0 9 ? * FOO *)", "cron(0 9 * * ? 1969)", "cron(0/0 9 * * ? *)",
        "cron(? 9 * * ? *)", "cron(*-5 9 * * ? *)", "rate(0 minutes)", "rate(1 minutes)", "rate(5 minute)",
        "rate(5 weeks)", "rate(1.5 hours)", "at(2026-02-30T00:00:00)", "at(tomorrow)", "at(2026-03-11T11:59:00Z)",
    ],
)  # fmt: skip
def test_what_is_no_schedule_is_refused(expression: str) -> None:
    with pytest.raises(BadSchedule):
        parse(expression)


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../etc/passwd", ""])
def test_what_is_no_time_zone_is_refused(zone: str) -> None:
    with pytest.raises(BadSchedule):
        parse("rate(5 minutes)", zone)


@given(
    since=st.datetimes(datetime(2000, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - bounds
    minute=st.integers(0, 59),
    zone=st.sampled_from(["UTC", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia"]),
)
def test_the_next_time_is_later_and_nothing_lies_between(since: datetime, minute: int, zone: str) -> None:
    at = parse(f"cron({minute} * * * ? *)", zone).next_after(since.timestamp())
    assert at is not None
    assert at > since.timestamp()
    local = datetime.fromtimestamp(at, ZoneInfo(zone))
    assert (local.minute, local.second) == (minute, 0)
    assert at - since.timestamp() <= timedelta(hours=2 if zone != "Pacific/Apia" else 27).total_seconds()


@given(
    expression=st.sampled_from(["cron(0 9 * * ? *)", "cron(*/7 3 ? * MON *)", "rate(5 minutes)", "rate(3 days)"]),
    since=st.integers(1_700_000_000, 1_700_200_000),
    later=st.integers(0, 40 * 86400),
)
def test_the_newest_time_that_has_come_is_the_last_of_all_that_have(expression: str, since: int, later: int) -> None:
    schedule, at, newest = parse(expression, "Europe/Berlin", start=since), float(since), None
    while (following := schedule.next_after(at)) is not None and following <= since + later:
        newest = at = following
    assert newest_up_to(schedule, since, since + later) == newest
