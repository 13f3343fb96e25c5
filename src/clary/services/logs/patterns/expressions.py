"""Conditions joined by `&&`, `||` and brackets; `&&` binds closer."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from clary.services.logs.patterns.conditions import Compare, invalid

Condition = Callable[[str, int], tuple[Compare, int]]
"""Reads the condition that begins at an index, and says where it ends."""
DEPTH_MAX = 20
SPACE = re.compile(r"\s*")


def parse_expression(text: str, condition: Condition) -> Compare:
    """Return what a whole text says of a value."""
    found, at = _either(text, 0, condition, 0)
    if at != len(text):
        raise invalid(f"it cannot be read at {text[at:]!r}")
    return found


def _either(text: str, at: int, condition: Condition, depth: int) -> tuple[Compare, int]:
    return _joined(text, at, "||", any, lambda start: _both(text, start, condition, depth))


def _both(text: str, at: int, condition: Condition, depth: int) -> tuple[Compare, int]:
    return _joined(text, at, "&&", all, lambda start: _one(text, start, condition, depth))


def _joined(
    text: str, at: int, sign: str, join: Callable[[Any], bool], part: Callable[[int], tuple[Compare, int]]
) -> tuple[Compare, int]:
    first, at = part(_blank(text, at))
    parts = [first]
    at = _blank(text, at)
    while text.startswith(sign, at):
        following, at = part(_blank(text, at + len(sign)))
        parts.append(following)
        at = _blank(text, at)
    if len(parts) == 1:
        return first, at
    return lambda value: join(each(value) for each in parts), at


def _one(text: str, at: int, condition: Condition, depth: int) -> tuple[Compare, int]:
    if not text.startswith("(", at):
        return condition(text, at)
    if depth == DEPTH_MAX:
        raise invalid(f"its brackets are nested more than {DEPTH_MAX} deep")
    inner, at = _either(text, at + 1, condition, depth + 1)
    if not text.startswith(")", at):
        raise invalid("a bracket is not closed")
    return inner, at + 1


def _blank(text: str, at: int) -> int:
    match = SPACE.match(text, at)
    assert match is not None, "nothing is a space too"
    return match.end()
