"""What patterns compare with: numbers, texts with wildcards, and regular expressions."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

import regex

from clary.services.logs.faults import InvalidParameter

REGEX_TIMEOUT_S = 0.05
Matches = Callable[[str], bool]
Compare = Callable[[Any], bool]
ORDERINGS: Mapping[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def invalid(reason: str) -> InvalidParameter:
    """Return the error for a pattern that cannot be read."""
    return InvalidParameter(f"Invalid filter pattern: {reason}")


def searcher(expression: str) -> Matches:
    """Return what finds a regular expression in a text; one that takes too long finds nothing."""
    try:
        compiled = regex.compile(expression)
    except regex.error as error:
        raise invalid(f"{expression!r} is not a regular expression ({error})") from None

    def matches(text: str) -> bool:
        try:
            return compiled.search(text, timeout=REGEX_TIMEOUT_S) is not None
        except TimeoutError:
            return False

    return matches


def comparison(sign: str, literal: str, *, quoted: bool) -> Compare:
    """Return what compares a value with a literal: `*` in it is any text, `%…%` a regular expression."""
    if sign in ORDERINGS:
        number = as_number(literal)
        if number is None or quoted:
            raise invalid(f"{literal!r} is not a number, which {sign} needs")
        return _ordered(ORDERINGS[sign], number)
    equal = _equal(literal, quoted=quoted)
    return equal if sign == "=" else lambda value: value is not None and not equal(value)


def as_number(value: Any) -> float | None:
    """Return a value as a number if it is one, or is the text of one."""
    if isinstance(value, bool) or value is None:
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _ordered(order: Callable[[float, float], bool], number: float) -> Compare:
    def compare(value: Any) -> bool:
        found = as_number(value)
        return found is not None and order(found, number)

    return compare


def _equal(literal: str, *, quoted: bool) -> Compare:
    if not quoted and len(literal) > 1 and literal.startswith("%") and literal.endswith("%"):
        found = searcher(literal[1:-1])
        return lambda value: isinstance(value, str) and found(value)
    number = None if quoted else as_number(literal)
    fits = _wildcard(literal)

    def compare(value: Any) -> bool:
        if number is not None and as_number(value) == number:
            return True
        return isinstance(value, str) and fits(value)

    return compare


def _wildcard(literal: str) -> Matches:
    if "*" not in literal:
        return lambda text: text == literal
    compiled = regex.compile(".*".join(regex.escape(part) for part in literal.split("*")), regex.DOTALL)
    return lambda text: compiled.fullmatch(text) is not None
