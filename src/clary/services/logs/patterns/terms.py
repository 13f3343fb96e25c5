"""Terms: all plain ones must be there, none of the `-` ones; of only `?` ones, any.

As in CloudWatch, `?` terms beside others say nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from clary.services.logs.patterns.conditions import Matches, invalid, searcher

TERM = re.compile(r'\s*([-?]?)(?:"((?:[^"\\]|\\.)*)"|%((?:[^%\\]|\\.)+)%|([^\s"%]+))(?=\s|$)')
PLAIN = re.compile(r"[\w*]+")


@dataclass(frozen=True, slots=True)
class Term:
    """One term, and how it counts: "", "-" or "?"."""

    sign: str
    matches: Matches


def parse_terms(pattern: str) -> Matches:
    """Return what says whether a message holds the terms."""
    terms = _terms(pattern)
    wanted = [term.matches for term in terms if term.sign == ""]
    unwanted = [term.matches for term in terms if term.sign == "-"]
    optional = [term.matches for term in terms if term.sign == "?"]
    if optional and not wanted and not unwanted:
        return lambda message: any(matches(message) for matches in optional)
    return lambda message: (
        all(matches(message) for matches in wanted) and not any(matches(message) for matches in unwanted)
    )


def _terms(pattern: str) -> list[Term]:
    terms: list[Term] = []
    at, end = 0, len(pattern)
    while at < end:
        match = TERM.match(pattern, at)
        if match is None:
            raise invalid(f"a term cannot be read at {pattern[at:]!r}")
        terms.append(_term(*match.groups()))
        at = match.end()
    return terms


def _term(sign: str, phrase: str | None, expression: str | None, word: str | None) -> Term:
    if expression is not None:
        return Term(sign, searcher(expression))
    if word is not None and not PLAIN.fullmatch(word):
        raise invalid(f"Invalid character(s) in term '{word}'; put it between double quotes")
    text = word if word is not None else re.sub(r"\\(.)", r"\1", phrase or "")
    return Term(sign, lambda message: text in message)
