"""JSON patterns: `{ $.status = "5*" && ($.ms > 100 || $.tries[0] NOT EXISTS) }`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from clary.services.logs.patterns.conditions import Compare, Matches, comparison, invalid
from clary.services.logs.patterns.expressions import parse_expression

PATH = r"""\$(?:\.[\w-]+|\[\d+\]|\.?\[(?:'[^']*'|"[^"]*")\])+"""
STEP = re.compile(r"""\.([\w-]+)|\[(\d+)\]|\.?\[(?:'([^']*)'|"([^"]*)")\]""")
STATE = re.compile(rf"({PATH})\s+(IS\s+NULL|IS\s+TRUE|IS\s+FALSE|NOT\s+EXISTS|EXISTS)\b", re.IGNORECASE)
CONDITION = re.compile(rf'({PATH})\s*(=|!=|<=|>=|<|>)\s*(?:"((?:[^"\\]|\\.)*)"|(%[^%]*%|[^\s"&|(){{}}]+))')
ABSENT = object()


def parse_json(pattern: str) -> Matches:
    """Return what says whether a message is a JSON object such as the pattern describes."""
    if not pattern.endswith("}"):
        raise invalid("a JSON pattern must end with }")
    holds = parse_expression(pattern[1:-1].rstrip(), _condition)

    def matches(message: str) -> bool:
        if not message.lstrip().startswith("{"):
            return False
        try:
            return holds(json.loads(message))
        except (ValueError, RecursionError):
            return False

    return matches


def _condition(text: str, at: int) -> tuple[Compare, int]:
    state = STATE.match(text, at)
    if state is not None:
        return _state(_steps(state[1]), " ".join(state[2].upper().split())), state.end()
    match = CONDITION.match(text, at)
    if match is None:
        raise invalid(f"a condition cannot be read at {text[at:]!r}")
    path, sign, quoted, plain = match.groups()
    literal = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else plain
    compare = comparison(sign, literal, quoted=quoted is not None)
    steps = _steps(path)
    return lambda document: _compared(compare, _found(document, steps)), match.end()


def _compared(compare: Compare, value: Any) -> bool:
    return value is not ABSENT and compare(value)


def _state(steps: Sequence[str | int], state: str) -> Compare:
    wanted: Mapping[str, Compare] = {
        "IS NULL": lambda value: value is None,
        "IS TRUE": lambda value: value is True,
        "IS FALSE": lambda value: value is False,
        "NOT EXISTS": lambda value: value is ABSENT,
        "EXISTS": lambda value: value is not ABSENT,
    }
    holds = wanted[state]
    return lambda document: holds(_found(document, steps))


def _steps(path: str) -> list[str | int]:
    steps: list[str | int] = []
    for name, index, single, double in STEP.findall(path):
        steps.append(int(index) if index else name or single or double)
    return steps


def _found(document: Any, steps: Sequence[str | int]) -> Any:
    """Return what stands at a path of a document, or ABSENT."""
    for step in steps:
        match document, step:
            case dict(), str() if step in document:
                document = document[step]
            case list(), int() if step < len(document):
                document = document[step]
            case _:
                return ABSENT
    return document
