"""When something is to happen again: AWS's `at`, `rate` and `cron` expressions, in a time zone.

Pure: a schedule knows no clock, it says which time comes after another one. Where clocks are put
forward, what falls into the hour that there is not is left out; where they are put back, what falls
into the hour that there is twice happens once (EventBridge Scheduler user guide, schedule types).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from clary.resources.schedule_fields import BadField, Days, days_of, hours_of, minutes_of, months_of, years_of

UTC_NAME = "UTC"
UNITS_S = {"minute": 60, "hour": 3600, "day": 86400}
RATE_MAX = 10**6
STEP_BACK_S = 60.0
FIELDS = 6
FORM = re.compile(r"(at|rate|cron)\((.*)\)")
AT_FORM = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2})?")
RATE_FORM = re.compile(r"([1-9]\d*) +(minute|hour|day)(s?)")


class BadSchedule(ValueError):
    """The expression or the time zone is none; the text says what is wrong."""


@dataclass(frozen=True, slots=True)
class At:
    """Once, at a time."""

    at: float

    def next_after(self, t: float) -> float | None:
        """Return the time if it is still to come."""
        return self.at if self.at > t else None


@dataclass(frozen=True, slots=True)
class Rate:
    """Again and again, counted from a start."""

    period_s: float
    start: float

    def next_after(self, t: float) -> float | None:
        """Return the first time after `t` that is a whole number of periods, one at least, from the start."""
        periods = max(1, math.floor((t - self.start) / self.period_s) + 1)
        return self.start + periods * self.period_s


@dataclass(frozen=True)
class Cron:
    """Whenever the clock on the wall of a zone shows what six fields say."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: Days
    months: tuple[int, ...]
    years: tuple[int, ...]
    zone: str

    @cached_property
    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self.zone)

    def next_after(self, t: float) -> float | None:
        """Return the first time after `t`, None if no year that may be named has one."""
        now = datetime.fromtimestamp(max(t, 0.0), self._zone).replace(tzinfo=None)
        for wall in self._walls(now):
            at = wall.replace(tzinfo=self._zone).timestamp()
            exists = datetime.fromtimestamp(at, self._zone).replace(tzinfo=None) == wall
            if exists and at > t:
                return at
        return None

    def _walls(self, now: datetime) -> Iterator[datetime]:
        """Yield what the clock on the wall will show; it shows `now`."""
        for year in self.years:
            for month in self.months if year >= now.year else ():
                days = self.days.of(year, month) if (year, month) >= (now.year, now.month) else ()
                for day in days:
                    if (year, month, day) >= (now.year, now.month, now.day):
                        yield from (wall for wall in self._times(year, month, day) if wall >= now)

    def _times(self, year: int, month: int, day: int) -> Iterator[datetime]:
        for hour in self.hours:
            for minute in self.minutes:
                yield datetime(year, month, day, hour, minute)  # noqa: DTZ001 - a wall's time has no zone


Schedule = At | Rate | Cron


def newest_up_to(schedule: Schedule, since: float, now: float) -> float | None:
    """Return the last time after `since` that has come by now, None if none has."""
    back = STEP_BACK_S
    at = schedule.next_after(max(since, now - back))
    while (at is None or at > now) and now - back > since:
        back *= 2
        at = schedule.next_after(max(since, now - back))
    newest = None
    while at is not None and at <= now:
        newest, at = at, schedule.next_after(at)
    return newest


def parse(expression: str, zone: str = UTC_NAME, *, start: float = 0.0) -> Schedule:
    """Return the schedule of an expression such as `cron(0 9 ? * MON-FRI *)`, or raise BadSchedule.

    `zone` is an IANA name, which `at` and `cron` are read in; `start` is what rates count from.
    """
    form = FORM.fullmatch(expression.strip())
    if form is None:
        raise BadSchedule(f"{expression!r} is none of at(…), rate(…) and cron(…).")
    where = _zone(zone)
    match form[1]:
        case "at":
            return At(_at(form[2], where))
        case "rate":
            return Rate(_period_s(form[2]), start)
        case _:
            return _cron(form[2], zone)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise BadSchedule(f"{name!r} is no time zone.") from None


def _at(text: str, zone: ZoneInfo) -> float:
    try:
        if not AT_FORM.fullmatch(text):
            raise ValueError
        return datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()
    except ValueError:
        raise BadSchedule(f"at({text}) must be at(yyyy-mm-ddThh:mm:ss).") from None


def _period_s(text: str) -> float:
    form = RATE_FORM.fullmatch(text.strip())
    if form is None or int(form[1]) > RATE_MAX:
        raise BadSchedule(f"rate({text}) must be rate(value unit), the unit minute(s), hour(s) or day(s).")
    count = int(form[1])
    if (count == 1) is bool(form[3]):
        raise BadSchedule(f"rate({text}): the unit of 1 is singular, that of more is plural.")
    return float(count * UNITS_S[form[2]])


def _cron(text: str, zone: str) -> Cron:
    fields = text.split()
    if len(fields) != FIELDS:
        raise BadSchedule(f"cron({text}) must have {FIELDS} fields: minutes hours day-of-month month day-of-week year.")
    minutes, hours, day, month, weekday, year = fields
    try:
        return Cron(minutes_of(minutes), hours_of(hours), days_of(day, weekday), months_of(month), years_of(year), zone)
    except BadField as wrong:
        raise BadSchedule(f"cron({text}): {wrong}") from None
