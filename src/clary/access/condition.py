"""The Condition element: every operator, IfExists, ForAllValues, ForAnyValue and Null.

IAM user guide, «IAM JSON policy elements: Condition operators».
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from clary.access.match import Context, arn_like, expand, like

Test = Callable[[str, str], bool]
"""Says whether a policy's value matches one of the request; the policy's value comes first."""

Over = Literal["", "ForAllValues", "ForAnyValue"]


@dataclass(frozen=True, slots=True)
class Condition:
    """One operator on one key: `{"StringLike": {"s3:prefix": ["home/*"]}}`."""

    operator: str
    over: Over
    if_exists: bool
    key: str  # lower case
    values: tuple[str, ...]
    variables: bool

    def holds(self, context: Context) -> bool:
        """Return whether the request meets the condition."""
        given = context.get(self.key)
        present = [given] if isinstance(given, str) else list(given or ())
        if self.operator == "Null":
            return any((value.lower() == "true") is not bool(present) for value in self.values)
        if not present:
            return self._holds_without()
        wanted = [told for value in self.values if (told := self._told(value, context)) is not None]
        return self._holds_for(present, wanted)

    def _holds_without(self) -> bool:
        if self.over:
            return self.over == "ForAllValues" or self.if_exists
        return self.if_exists or self.operator in NEGATED

    def _holds_for(self, present: Sequence[str], wanted: Sequence[str]) -> bool:
        positive = NEGATED.get(self.operator, self.operator)
        negated = positive != self.operator
        test = TESTS[positive]
        outcomes = (any(test(want, value) for want in wanted) is not negated for value in present)
        # A key with several values and no set operator: one has to match, or none may.
        every = self.over == "ForAllValues" or (not self.over and negated)
        return all(outcomes) if every else any(outcomes)

    def _told(self, value: str, context: Context) -> str | None:
        if not self.variables or "${" not in value:
            return value
        return expand(value, context, mask=self.operator in WILD)


def operator(text: str) -> tuple[str, Over, bool] | None:
    """Return the operator's name, its set operator and whether it says IfExists; None if there is no such operator."""
    over: Over = ""
    head, colon, rest = text.partition(":")
    if colon:
        if head not in ("ForAllValues", "ForAnyValue"):
            return None
        over, text = ("ForAllValues" if head == "ForAllValues" else "ForAnyValue"), rest
    name = text.removesuffix("IfExists")
    known = _BY_LOWER_NAME.get(name.lower())
    if known is None or (known == "Null" and name != text):
        return None
    return known, over, name != text


def _numbers(compare: Callable[[float, float], bool]) -> Test:
    def test(wanted: str, given: str) -> bool:
        try:
            return compare(float(given), float(wanted))
        except ValueError:
            return False

    return test


def _moments(compare: Callable[[float, float], bool]) -> Test:
    def test(wanted: str, given: str) -> bool:
        left, right = _moment(given), _moment(wanted)
        return left is not None and right is not None and compare(left, right)

    return test


def _moment(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _address(wanted: str, given: str) -> bool:
    try:
        return ipaddress.ip_address(given) in ipaddress.ip_network(wanted, strict=False)
    except ValueError:
        return False


def _binary(wanted: str, given: str) -> bool:
    try:
        return base64.b64decode(wanted, validate=True) == base64.b64decode(given, validate=True)
    except binascii.Error:
        return False


TESTS: dict[str, Test] = {
    "StringEquals": lambda wanted, given: wanted == given,
    "StringEqualsIgnoreCase": lambda wanted, given: wanted.lower() == given.lower(),
    "StringLike": like,
    "NumericEquals": _numbers(lambda a, b: a == b),
    "NumericLessThan": _numbers(lambda a, b: a < b),
    "NumericLessThanEquals": _numbers(lambda a, b: a <= b),
    "NumericGreaterThan": _numbers(lambda a, b: a > b),
    "NumericGreaterThanEquals": _numbers(lambda a, b: a >= b),
    "DateEquals": _moments(lambda a, b: a == b),
    "DateLessThan": _moments(lambda a, b: a < b),
    "DateLessThanEquals": _moments(lambda a, b: a <= b),
    "DateGreaterThan": _moments(lambda a, b: a > b),
    "DateGreaterThanEquals": _moments(lambda a, b: a >= b),
    "Bool": lambda wanted, given: wanted.lower() == given.lower(),
    "BinaryEquals": _binary,
    "IpAddress": _address,
    "ArnEquals": arn_like,
    "ArnLike": arn_like,
}

NEGATED = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
    "NumericNotEquals": "NumericEquals",
    "DateNotEquals": "DateEquals",
    "NotIpAddress": "IpAddress",
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
}

WILD = ("StringLike", "StringNotLike", "ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike")
_BY_LOWER_NAME = {name.lower(): name for name in (*TESTS, *NEGATED, "Null")}
