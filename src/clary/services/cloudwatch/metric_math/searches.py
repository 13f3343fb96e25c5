"""Search expressions: `{AWS/SageMaker,EndpointName,VariantName} MetricName="Invocations"` finds metrics.

Source: CloudWatch user guide, «CloudWatch search expression syntax»: a word in quotes is matched as it is,
one without by its parts, whatever their case.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from clary.services.cloudwatch.metric_math.syntax import BadExpression
from clary.store.series import Metric

NESTING_MAX = 30
TOKEN = re.compile(r'\s*(?P<token>"(?:[^"\\]|\\.)*"|[()=]|[^\s()="]+)')
SCHEMA = re.compile(r"\s*\{(?P<inside>[^}]*)\}")
SCHEMA_PART = re.compile(r'\s*(?:"(?P<quoted>[^"]*)"|(?P<plain>[^,"]+?))\s*(?:,|$)')
PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
Matches = Callable[[Metric], bool]


@dataclass(frozen=True, slots=True)
class Search:
    """What is looked for; `namespace` and `dimensions` are of the schema, '' and None without one."""

    namespace: str
    dimensions: frozenset[str] | None
    matches: Matches

    def finds(self, metric: Metric) -> bool:
        """Tell whether a metric is among what is looked for."""
        if self.dimensions is not None and self.dimensions != {name for name, _ in metric.dimensions}:
            return False
        return self.namespace in ("", metric.namespace) and self.matches(metric)


def parse_search(text: str) -> Search:
    """Return the search that a text asks for, or raise BadExpression."""
    schema = SCHEMA.match(text)
    parts = _schema_parts(schema["inside"]) if schema else []
    rest = text[schema.end() :] if schema else text
    if schema and not parts:
        raise BadExpression("The schema of a search needs a namespace")
    return Search(
        namespace=parts[0] if parts else "",
        dimensions=frozenset(parts[1:]) if parts else None,
        matches=_Reader(_tokens(rest)).whole(),
    )


def _schema_parts(inside: str) -> list[str]:
    return [
        match["quoted"] if match["quoted"] is not None else match["plain"] for match in SCHEMA_PART.finditer(inside)
    ]


def _tokens(text: str) -> list[str]:
    found: list[str] = []
    at, end = 0, len(text.rstrip())
    while at < end:
        match = TOKEN.match(text, at)
        if match is None:
            raise BadExpression("A search has a quote that is not closed")
        found.append(match["token"])
        at = match.end()
    return found


class _Reader:
    """Reads terms joined by AND (which may be left out), OR and NOT."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0

    def whole(self) -> Matches:
        if not self._tokens:
            return lambda metric: True
        matches = self.either()
        if self._at < len(self._tokens):
            raise BadExpression(f"Unexpected '{self._tokens[self._at]}' in a search")
        return matches

    def peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def take(self) -> str:
        word = self.peek()
        self._at += 1
        return word

    def either(self) -> Matches:
        choices = [self.all()]
        while self.peek().upper() == "OR":
            self.take()
            choices.append(self.all())
        return lambda metric: any(choice(metric) for choice in choices)

    def all(self) -> Matches:
        terms = [self.term()]
        while self.peek() not in ("", ")") and self.peek().upper() != "OR":
            if self.peek().upper() == "AND":
                self.take()
            terms.append(self.term())
        return lambda metric: all(term(metric) for term in terms)

    def term(self) -> Matches:
        word = self.take()
        if word.upper() == "NOT":
            return self._nested(self._negated)
        if word == "(":
            return self._nested(self._bracketed)
        if word in ("", ")", "=") or word.upper() in ("AND", "OR"):
            raise BadExpression(f"Unexpected '{word}' in a search" if word else "A search ends too early")
        if self.peek() != "=":
            return _anywhere(word)
        self.take()
        if self.peek() == "(":
            self.take()
            return self._nested(lambda: self._one_of(_plain(word)))
        return _of_property(_plain(word), self.take())

    def _nested(self, read: Callable[[], Matches]) -> Matches:
        self._depth += 1
        if self._depth > NESTING_MAX:
            raise BadExpression(f"A search is nested more than {NESTING_MAX} deep")
        matches = read()
        self._depth -= 1
        return matches

    def _negated(self) -> Matches:
        term = self.term()
        return lambda metric: not term(metric)

    def _bracketed(self) -> Matches:
        inner = self.either()
        self._close()
        return inner

    def _one_of(self, name: str) -> Matches:
        """Read `Name=("a" OR "b")`."""
        choices = [_of_property(name, self.take())]
        while self.peek().upper() == "OR":
            self.take()
            choices.append(_of_property(name, self.take()))
        self._close()
        return lambda metric: any(choice(metric) for choice in choices)

    def _close(self) -> None:
        if self.take() != ")":
            raise BadExpression("A search has a bracket that is not closed")


def _anywhere(word: str) -> Matches:
    fits = _fits(word)
    return lambda metric: any(fits(text) for text in _texts(metric))


def _texts(metric: Metric) -> Iterator[str]:
    yield metric.namespace
    yield metric.name
    for dimension in metric.dimensions:
        yield from dimension


def _of_property(name: str, word: str) -> Matches:
    if word in ("", ")", "(", "="):
        raise BadExpression(f"{name} lacks a value in a search")
    fits = _fits(word)
    match name:
        case "MetricName":
            return lambda metric: fits(metric.name)
        case "Namespace":
            return lambda metric: fits(metric.namespace)
        case _:
            return lambda metric: any(key == name and fits(value) for key, value in metric.dimensions)


def _fits(word: str) -> Callable[[str], bool]:
    if word.startswith('"'):
        exact = _plain(word)
        return lambda text: text == exact
    wanted = _parts(word)
    return lambda text: _within(wanted, _parts(text))


def _plain(word: str) -> str:
    return re.sub(r"\\(.)", r"\1", word[1:-1]) if word.startswith('"') else word


def _parts(text: str) -> list[str]:
    return [part.lower() for part in PARTS.findall(text)] or [text.lower()]


def _within(wanted: list[str], parts: list[str]) -> bool:
    """Tell whether the wanted parts stand one behind the other."""
    return any(parts[at : at + len(wanted)] == wanted for at in range(len(parts) - len(wanted) + 1))
