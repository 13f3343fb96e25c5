"""The rule of a composite alarm: `ALARM(a) AND NOT (OK("b") OR INSUFFICIENT_DATA(c))`, read and decided.

Source: CloudWatch API reference, PutCompositeAlarm. NOT binds tighter than AND, AND tighter than OR.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from clary.resources.alarm import AlarmState

ALARMS_MAX = 100
ELEMENTS_MAX = 500
NESTING_MAX = 50
WORD = re.compile(r"\s*(\(|\)|[A-Za-z_]+)")
NAMED = re.compile(r'\s*\((?:\s*"((?:[^"\\]|\\.)*)"\s*|([^()"]*))\)')
ARN = re.compile(r"arn:[^:]*:cloudwatch:[^:]*:[^:]*:alarm:(.+)")


class BadRule(Exception):
    """The rule cannot be read; the message says why."""


@dataclass(frozen=True, slots=True)
class Constant:
    """TRUE or FALSE."""

    value: bool


@dataclass(frozen=True, slots=True)
class Is:
    """Another alarm is in a state."""

    alarm: str
    state: AlarmState


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite."""

    inner: Rule


@dataclass(frozen=True, slots=True)
class All:
    """Each of them."""

    parts: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class Any:
    """One of them at least."""

    parts: tuple[Rule, ...]


Rule = Constant | Is | Not | All | Any


def parse_rule(text: str) -> Rule:
    """Return the rule that a text says, or raise BadRule."""
    reader = _Reader(text)
    rule = reader.any()
    if reader.peek():
        raise BadRule(f"unexpected '{reader.peek()}'")
    named = list(alarms_of(rule))
    if len(set(named)) > ALARMS_MAX:
        raise BadRule(f"it names more than {ALARMS_MAX} alarms")
    return rule


def alarms_of(rule: Rule) -> Iterator[str]:
    """Give the name of each alarm that a rule looks at."""
    match rule:
        case Is(alarm, _):
            yield alarm
        case Not(inner):
            yield from alarms_of(inner)
        case All(parts) | Any(parts):
            for part in parts:
                yield from alarms_of(part)
        case Constant():
            return


def holds(rule: Rule, state_of: Callable[[str], AlarmState | None]) -> bool:
    """Tell whether a rule holds; an alarm that is not there is in no state."""
    match rule:
        case Constant(value):
            return value
        case Is(alarm, state):
            return state_of(alarm) is state
        case Not(inner):
            return not holds(inner, state_of)
        case All(parts):
            return all(holds(part, state_of) for part in parts)
        case Any(parts):
            return any(holds(part, state_of) for part in parts)


def name_of(text: str) -> str:
    """Return the alarm's name of what may be its ARN."""
    match = ARN.fullmatch(text)
    return match[1] if match else text


class _Reader:
    """Reads a rule from left to right."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0
        self._elements = 0

    def peek(self) -> str:
        match = WORD.match(self._text, self._at)
        return match[1] if match else self._text[self._at :].strip()[:1]

    def take(self) -> str:
        match = WORD.match(self._text, self._at)
        if match is None:
            raise BadRule(f"unexpected '{self.peek()}'" if self.peek() else "it ends too early")
        self._at = match.end()
        self._elements += 1
        if self._elements > ELEMENTS_MAX:
            raise BadRule(f"it has more than {ELEMENTS_MAX} elements")
        return match[1]

    def any(self) -> Rule:
        parts = [self.all()]
        while self.peek().upper() == "OR":
            self.take()
            parts.append(self.all())
        return parts[0] if len(parts) == 1 else Any(tuple(parts))

    def all(self) -> Rule:
        parts = [self.term()]
        while self.peek().upper() == "AND":
            self.take()
            parts.append(self.term())
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    def term(self) -> Rule:
        self._depth += 1
        if self._depth > NESTING_MAX:
            raise BadRule(f"it is nested more than {NESTING_MAX} deep")
        rule = self._term(self.take())
        self._depth -= 1
        return rule

    def _term(self, word: str) -> Rule:
        if word == "(":
            inner = self.any()
            if self.take() != ")":
                raise BadRule("a bracket is not closed")
            return inner
        match word.upper():
            case "NOT":
                return Not(self.term())
            case "TRUE" | "FALSE":
                return Constant(word.upper() == "TRUE")
            case "ALARM" | "OK" | "INSUFFICIENT_DATA":
                return Is(self._name(), AlarmState(word.upper()))
            case _:
                raise BadRule(f"unexpected '{word}'")

    def _name(self) -> str:
        match = NAMED.match(self._text, self._at)
        if match is None:
            raise BadRule("a state needs an alarm's name in brackets")
        self._at = match.end()
        quoted, plain = match.groups()
        name = name_of(plain.strip() if quoted is None else re.sub(r"\\(.)", r"\1", quoted))
        if not name:
            raise BadRule("a state needs an alarm's name in brackets")
        return name
