"""Space-delimited patterns: `[ip, user, ..., status = 4*, bytes > 1000]`.

A message's words are its fields; what stands in brackets or quotes is one word.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from clary.services.logs.patterns.conditions import Compare, Matches, comparison, invalid
from clary.services.logs.patterns.expressions import parse_expression

WORD = re.compile(r'\[([^\]]*)\]|"([^"]*)"|(\S+)')
COMMA = re.compile(r',(?=(?:[^"]*"[^"]*")*[^"]*$)')  # outside quotes
ELLIPSIS = "..."
NAME = re.compile(r"\s*([\w$.-]*)\s*")
CONDITION = re.compile(r'\s*([\w$.-]+)\s*(=|!=|<=|>=|<|>)\s*(?:"((?:[^"\\]|\\.)*)"|(%[^%]*%|[^\s"&|()]+))')


def parse_fields(pattern: str) -> Matches:
    """Return what says whether a message's fields are as many and such as the pattern says."""
    if not pattern.endswith("]"):
        raise invalid("a pattern of fields must end with ]")
    fields = [each.strip() for each in COMMA.split(pattern[1:-1])]
    if fields.count(ELLIPSIS) > 1:
        raise invalid("only one ... may stand between the fields")
    if ELLIPSIS not in fields:
        return _exactly([_field(each) for each in fields])
    at = fields.index(ELLIPSIS)
    return _around([_field(each) for each in fields[:at]], [_field(each) for each in fields[at + 1 :]])


def words_of(message: str) -> list[str]:
    """Return the fields of a message."""
    return [bracketed or quoted or word for bracketed, quoted, word in WORD.findall(message)]


def _exactly(fields: Sequence[Compare]) -> Matches:
    def matches(message: str) -> bool:
        words = words_of(message)
        return len(words) == len(fields) and all(fits(word) for fits, word in zip(fields, words, strict=True))

    return matches


def _around(before: Sequence[Compare], behind: Sequence[Compare]) -> Matches:
    """Return what fits the first fields and the last ones, with any number between."""

    def matches(message: str) -> bool:
        words = words_of(message)
        if len(words) < len(before) + len(behind):
            return False
        ends = [*words[: len(before)], *words[len(words) - len(behind) :]]
        return all(fits(word) for fits, word in zip((*before, *behind), ends, strict=True))

    return matches


def _field(text: str) -> Compare:
    """Return what a field of the pattern says of a word; a mere name says nothing."""
    name = NAME.fullmatch(text)
    if name is not None:
        return lambda word: True
    return parse_expression(text, _condition)


def _condition(text: str, at: int) -> tuple[Compare, int]:
    match = CONDITION.match(text, at)
    if match is None:
        raise invalid(f"a condition cannot be read at {text[at:]!r}")
    _, sign, quoted, plain = match.groups()
    literal = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else plain
    return comparison(sign, literal, quoted=quoted is not None), match.end()
