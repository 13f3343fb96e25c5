"""What an event pattern may ask of one value, compiled to a function of it. Pure.

EventBridge user guide, «Comparison operators for use in event patterns». Numbers equal by how they are written,
as they do there: 300 is not 300.0; ranges compare what they are worth.
"""

from __future__ import annotations

import ipaddress
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

NUMBER_MAX = 5.0e9
COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
LETTER = re.compile(r"\\[\\*]|[^\\]", re.DOTALL)
"""A letter of a wildcard."""
LOWER, UPPER = (">", ">="), ("<", "<=")
Test = Callable[[Any], bool]
Holds = Callable[[Sequence[Any] | None], bool]
"""Takes the values of a field, None where there is none."""


class BadPattern(Exception):
    """The pattern breaks a rule of the language; the text says which."""


@dataclass(frozen=True, slots=True)
class Number:
    """A JSON number as it is written."""

    text: str

    @property
    def value(self) -> float:
        """Return what it is worth."""
        return float(self.text)


def compile_conditions(conditions: Sequence[Any]) -> Holds:
    """Return a function that tells whether one of the conditions holds for one of a field's values."""
    if not conditions:
        raise BadPattern("Empty arrays are not allowed")
    literals = frozenset(_literal(each) for each in conditions if not isinstance(each, dict))
    operators = [_single(each) for each in conditions if isinstance(each, dict)]
    presence = {_flag(operand) for name, operand in operators if name == "exists"}
    tests = tuple(_test(name, operand) for name, operand in operators if name != "exists")

    def holds(values: Sequence[Any] | None) -> bool:
        if values is None:
            return False in presence
        return (
            True in presence or any(value in literals for value in values) or any(t(v) for t in tests for v in values)
        )

    return holds


def _literal(value: Any) -> Any:
    if isinstance(value, list):
        raise BadPattern("Match value must be String, number, true, false, or null")
    return value


def _single(condition: Mapping[str, Any]) -> tuple[str, Any]:
    if len(condition) != 1:
        raise BadPattern("Only one key allowed in match expression")
    ((name, operand),) = condition.items()
    return name, operand


def _flag(operand: Any) -> bool:
    if not isinstance(operand, bool):
        raise BadPattern("exists match pattern must be either true or false.")
    return operand


def _test(name: str, operand: Any) -> Test:
    if name not in OPERATORS:
        raise BadPattern(f"Unrecognized match type {name}")
    return OPERATORS[name](operand)


def _text(operand: Any, name: str) -> str:
    if not isinstance(operand, str):
        raise BadPattern(f"{name} match pattern must be a string")
    return operand


def _prefix(operand: Any) -> Test:
    if isinstance(operand, dict):
        start = _folded(operand, "prefix")
        return lambda value: isinstance(value, str) and value.casefold().startswith(start)
    start = _text(operand, "prefix")
    return lambda value: isinstance(value, str) and value.startswith(start)


def _suffix(operand: Any) -> Test:
    if isinstance(operand, dict):
        end = _folded(operand, "suffix")
        return lambda value: isinstance(value, str) and value.casefold().endswith(end)
    end = _text(operand, "suffix")
    return lambda value: isinstance(value, str) and value.endswith(end)


def _folded(operand: Mapping[str, Any], name: str) -> str:
    inner, text = _single(operand)
    if inner != "equals-ignore-case":
        raise BadPattern(f"Unsupported {name} pattern: {inner}")
    return _text(text, inner).casefold()


def _ignore_case(operand: Any) -> Test:
    wanted = _text(operand, "equals-ignore-case").casefold()
    return lambda value: isinstance(value, str) and value.casefold() == wanted


def _wildcard(operand: Any) -> Test:
    first, *others = _pieces(_text(operand, "wildcard"))
    if not others:
        return lambda value: bool(value == first)
    *middle, last = others

    def matches(value: Any) -> bool:
        if not isinstance(value, str) or not value.startswith(first):
            return False
        place = len(first)
        for piece in middle:
            found = value.find(piece, place)
            if found < 0:
                return False
            place = found + len(piece)
        return len(value) - place >= len(last) and value.endswith(last)

    return matches


def _pieces(text: str) -> list[str]:
    """Return what stands between the stars; behind a backslash, a star or a backslash is a letter."""
    broken = LETTER.sub("", text)
    if broken:
        raise BadPattern(f"Invalid escape character at pos {text.index(broken[0])}")
    pieces, before = [""], ""
    for letter in LETTER.findall(text):
        if letter == before == "*":
            raise BadPattern(f"Consecutive wildcard characters at pos {text.index('**')}")
        if letter == "*":
            pieces.append("")
        else:
            pieces[-1] += letter[-1]
        before = letter
    return pieces


def _numeric(operand: Any) -> Test:
    if not isinstance(operand, list) or len(operand) not in (2, 4):
        raise BadPattern("Value of numeric must be an array of one or two comparisons")
    signs, bounds = operand[::2], [_bound(each) for each in operand[1::2]]
    if any(sign not in COMPARISONS for sign in signs):
        raise BadPattern("Unrecognized numeric range operator")
    if len(signs) == 2 and not (signs[0] in LOWER and signs[1] in UPPER and bounds[0] < bounds[1]):
        raise BadPattern("Bottom must be less than top")
    checks = tuple((COMPARISONS[sign], bound) for sign, bound in zip(signs, bounds, strict=True))
    return lambda value: isinstance(value, Number) and all(compare(value.value, bound) for compare, bound in checks)


def _bound(operand: Any) -> float:
    if not isinstance(operand, Number):
        raise BadPattern("Value of numeric range must be numeric")
    if abs(operand.value) > NUMBER_MAX:
        raise BadPattern(f"Value must be between {-NUMBER_MAX:.1E} and {NUMBER_MAX:.1E}, inclusive")
    return operand.value


def _cidr(operand: Any) -> Test:
    try:
        network = ipaddress.ip_network(_text(operand, "cidr"), strict=False)
    except ValueError:
        raise BadPattern(f"Malformed CIDR: {operand}") from None

    def matches(value: Any) -> bool:
        try:
            return isinstance(value, str) and ipaddress.ip_address(value) in network
        except ValueError:
            return False

    return matches


def _anything_but(operand: Any) -> Test:
    if isinstance(operand, dict):
        name, inner = _single(operand)
        if name not in NEGATABLE:
            raise BadPattern(f"Unsupported anything-but pattern: {name}")
        tests = tuple(OPERATORS[name](each) for each in _several(inner, str))
        return lambda value: not any(test(value) for test in tests)
    excluded = frozenset(_several(operand, str, Number))
    return lambda value: value not in excluded


def _several(operand: Any, *sorts: type) -> list[Any]:
    """Return one operand or a list of them, all of one sort."""
    values = operand if isinstance(operand, list) else [operand]
    if not values or not any(all(isinstance(each, sort) for each in values) for sort in sorts):
        raise BadPattern("Inside anything but list, start|null|boolean is not supported.")
    return values


NEGATABLE = ("prefix", "suffix", "equals-ignore-case", "wildcard")
OPERATORS: Mapping[str, Callable[[Any], Test]] = {
    "prefix": _prefix,
    "suffix": _suffix,
    "equals-ignore-case": _ignore_case,
    "wildcard": _wildcard,
    "numeric": _numeric,
    "cidr": _cidr,
    "anything-but": _anything_but,
}
