"""Timestamps as the wire writes them: ISO 8601, RFC 822 (HTTP dates) and seconds since 1970.

Read into aware datetimes in UTC; written from datetimes or from seconds, to the millisecond at most.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
_NUMBER = re.compile(r"-?\d{1,7}|-?\d{9,14}|-?\d{1,14}(\.\d*([eE][+-]?\d+)?|[eE][+-]?\d+)", re.ASCII)
_ISO_START = re.compile(r"\d{4}-?\d\d", re.ASCII)


def parse(value: str | float) -> datetime:
    """Return the moment that a number of seconds or a text in any of the three formats names; ValueError if none."""
    if isinstance(value, str):
        return _parse_text(value.strip())
    try:
        return EPOCH + timedelta(microseconds=round(value * 1_000_000))
    except OverflowError as error:
        raise ValueError(f"{value} lies outside the calendar") from error


def _parse_text(text: str) -> datetime:
    if _NUMBER.fullmatch(text):
        return parse(float(text))
    try:
        moment = datetime.fromisoformat(text) if _ISO_START.match(text) else parsedate_to_datetime(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (OverflowError, TypeError) as error:
        raise ValueError(f"{text} is no timestamp") from error


def as_datetime(value: datetime | float) -> datetime:
    """Return what a handler gave as an aware datetime; one without a zone is taken as UTC."""
    if not isinstance(value, datetime):
        return parse(value)
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def as_seconds(value: datetime | float) -> float:
    """Return seconds since 1970, whole ones as an int, else to the millisecond."""
    if isinstance(value, datetime):
        milliseconds = (as_datetime(value) - EPOCH) // MILLISECOND
    else:
        milliseconds = round(value * 1_000_000) // 1000
    seconds, rest = divmod(milliseconds, 1000)
    return milliseconds / 1000 if rest else seconds


def as_text(value: datetime | float, style: str) -> str:
    """Return the text in `style`, one of the model's timestampFormat values."""
    if style == "unixTimestamp" or style == "unixtimestamp":
        return str(as_seconds(value))
    moment = as_datetime(value)
    if style == "rfc822":
        return format_datetime(moment.replace(microsecond=0), usegmt=True)
    timespec = "milliseconds" if moment.microsecond >= 1000 else "seconds"
    return moment.isoformat(timespec=timespec)[:-6] + "Z"
