"""The six fields of AWS's cron expressions, and the days that two of them mean.

Numbers, names, lists, ranges and steps everywhere; of days also L (last), W (nearest weekday)
and # (the n-th of its name). A range may wrap: FRI-MON. (EventBridge user guide, cron expressions.)
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Mapping
from dataclasses import dataclass

MONTHS = {name: number for number, name in enumerate(
    ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"), 1
)}  # fmt: skip
WEEKDAYS = {name: number for number, name in enumerate(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"), 1)}
FIRST_YEAR, LAST_YEAR = 1970, 2199
SATURDAY, SUNDAY = 7, 1
WEEKS_MAX = 5
PART = re.compile(r"(\*|[A-Z0-9]+)(?:-([A-Z0-9]+))?(?:/(\d+))?")
LAST_DAY = re.compile(r"L(?:-(\d+))?(W)?")
NEAREST = re.compile(r"(\d+)W")
NTH = re.compile(r"([A-Z0-9]+)#(\d)")
LAST_NAMED = re.compile(r"([A-Z]{3}|\d)L")


class BadField(ValueError):
    """A field says nothing that a clock can show."""


@dataclass(frozen=True, slots=True)
class Field:
    """What a field's numbers lie between, and what they may be called."""

    name: str
    low: int
    high: int
    names: Mapping[str, int]

    def number(self, text: str) -> int:
        """Return the number of a text, or raise BadField."""
        value = self.names.get(text, int(text) if text.isascii() and text.isdigit() else -1)
        if not self.low <= value <= self.high:
            raise BadField(f"{text!r} in {self.name} is not between {self.low} and {self.high}.")
        return value

    def numbers(self, text: str) -> tuple[int, ...]:
        """Return all numbers that a list of numbers, ranges and steps means, in order, or raise BadField."""
        return tuple(sorted({number for part in text.upper().split(",") for number in self._part(part)}))

    def _part(self, text: str) -> list[int]:
        form = PART.fullmatch(text)
        if form is None or (form[1] == "*" and form[2]):
            raise BadField(f"{text!r} is not allowed in {self.name}.")
        step = int(form[3] or 1)
        if step < 1:
            raise BadField(f"{text!r} in {self.name} has no step.")
        first = self.low if form[1] == "*" else self.number(form[1])
        if form[2]:
            return self._range(first, self.number(form[2]))[::step]
        open_ended = form[1] == "*" or form[3]
        return list(range(first, (self.high if open_ended else first) + 1, step))

    def _range(self, first: int, last: int) -> list[int]:
        if first <= last:
            return list(range(first, last + 1))
        return [*range(first, self.high + 1), *range(self.low, last + 1)]


minutes_of = Field("minutes", 0, 59, {}).numbers
hours_of = Field("hours", 0, 23, {}).numbers
months_of = Field("month", 1, 12, MONTHS).numbers
years_of = Field("year", FIRST_YEAR, LAST_YEAR, {}).numbers
MONTH_DAY = Field("day-of-month", 1, 31, {})
WEEKDAY = Field("day-of-week", SUNDAY, SATURDAY, WEEKDAYS)


@dataclass(frozen=True, slots=True)
class Month:
    """A month, whose days can be asked for."""

    year: int
    month: int

    @property
    def days(self) -> range:
        """All days."""
        return range(1, calendar.monthrange(self.year, self.month)[1] + 1)

    def weekday(self, day: int) -> int:
        """Return 1 for a Sunday to 7 for a Saturday."""
        return (calendar.weekday(self.year, self.month, day) + 1) % 7 + 1

    def named(self, weekday: int) -> list[int]:
        """Return the days of a name."""
        return [day for day in self.days if self.weekday(day) == weekday]

    def nearest_weekday(self, day: int) -> int:
        """Return the day from Monday to Friday that is nearest to a day, in the same month."""
        match self.weekday(day):
            case 7:
                return day - 1 if day > 1 else day + 2
            case 1:
                return day + 1 if day < self.days[-1] else day - 2
            case _:
                return day


@dataclass(frozen=True, slots=True)
class Days:
    """The days that two fields of a cron expression mean, one of which is `?`."""

    by_date: str = ""
    by_name: str = ""

    def of(self, year: int, month: int) -> list[int]:
        """Return the days of a month, in order."""
        there = Month(year, month)
        if self.by_date:
            found = {day for part in self.by_date.split(",") for day in _dated(part, there)}
        else:
            found = {day for part in self.by_name.split(",") for day in _named(part, there)}
        return sorted(found)


def days_of(by_date: str, by_name: str) -> Days:
    """Return the days of the two fields, or raise BadField."""
    if (by_date == "?") is (by_name == "?"):
        raise BadField("one of day-of-month and day-of-week must be ?, and the other one must not.")
    days = Days(by_name=by_name.upper()) if by_date == "?" else Days(by_date=by_date.upper())
    days.of(2000, 1)  # a field that cannot be read is read in no month
    return days


def _dated(part: str, month: Month) -> list[int]:
    if last := LAST_DAY.fullmatch(part):
        day = month.days[-1] - int(last[1] or 0)
        if int(last[1] or 0) >= MONTH_DAY.high:
            raise BadField(f"{part!r} is not allowed in day-of-month.")
        return [month.nearest_weekday(day) if last[2] else day] if day >= 1 else []
    if nearest := NEAREST.fullmatch(part):
        day = MONTH_DAY.number(nearest[1])
        return [month.nearest_weekday(day)] if day in month.days else []
    return [day for day in MONTH_DAY.numbers(part) if day in month.days]


def _named(part: str, month: Month) -> list[int]:
    if part == "L":
        return month.named(SATURDAY)
    if last := LAST_NAMED.fullmatch(part):
        return month.named(WEEKDAY.number(last[1]))[-1:]
    if nth := NTH.fullmatch(part):
        days, which = month.named(WEEKDAY.number(nth[1])), int(nth[2])
        if not 1 <= which <= WEEKS_MAX:
            raise BadField(f"{part!r} in day-of-week must name one of the first {WEEKS_MAX}.")
        return days[which - 1 : which]
    return [day for name in WEEKDAY.numbers(part) for day in month.named(name)]
