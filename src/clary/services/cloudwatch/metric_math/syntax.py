"""The grammar of metric math: an expression's text becomes a tree, or a BadExpression says where it goes wrong.

From loose to tight: OR, AND, comparisons, sums, products, signs, powers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

NESTING_MAX = 60
OPERATORS_MAX = 300
LOGICAL_OR = {"OR": "OR", "||": "OR"}
LOGICAL_AND = {"AND": "AND", "&&": "AND"}
COMPARISONS = ("==", "!=", "<=", ">=", "<", ">")
TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<text>'[^']*'|\"[^\"]*\")"
    r"|(?P<mark>\|\||&&|==|!=|<=|>=|[-+*/^<>(),\[\]]))"
)


class BadExpression(Exception):
    """The expression cannot be read, or cannot be evaluated; the message says why."""


@dataclass(frozen=True, slots=True)
class Number:
    """A number as written."""

    value: float


@dataclass(frozen=True, slots=True)
class Text:
    """A text in quotes, without them."""

    value: str


@dataclass(frozen=True, slots=True)
class Name:
    """The id of another query, or a word such as REPEAT."""

    name: str


@dataclass(frozen=True, slots=True)
class Negative:
    """A sign."""

    operand: Node


@dataclass(frozen=True, slots=True)
class Binary:
    """An operator between two operands."""

    operator: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Apply:
    """A function and what it is applied to."""

    function: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Several:
    """Series in brackets, taken as an array."""

    items: tuple[Node, ...]


Node = Number | Text | Name | Negative | Binary | Apply | Several


def parse(text: str) -> Node:
    """Return the tree of an expression, or raise BadExpression."""
    reader = _Reader(list(_tokens(text)))
    node = reader.any_of(LOGICAL_OR)
    if reader.next:
        raise BadExpression(f"Unexpected token '{reader.next}'")
    return node


def walk(node: Node) -> Iterator[Node]:
    """Give a node and every node under it."""
    todo = [node]
    while todo:
        each = todo.pop()
        yield each
        match each:
            case Negative(operand):
                todo.append(operand)
            case Binary(_, left, right):
                todo += [right, left]
            case Apply(_, items) | Several(items):
                todo += reversed(items)
            case Number() | Text() | Name():
                pass


def _tokens(text: str) -> Iterator[str]:
    at, end = 0, len(text.rstrip())
    while at < end:
        match = TOKEN.match(text, at)
        if match is None:
            raise BadExpression(f"Unexpected character '{text[at:].lstrip()[0]}'")
        yield match[0].strip()
        at = match.end()


class _Reader:
    """Reads tokens one behind the other."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0
        self._operators = 0

    @property
    def next(self) -> str:
        """The token that comes now, '' at the end."""
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def take(self) -> str:
        token = self.next
        if not token:
            raise BadExpression("Unexpected end of the expression")
        self._at += 1
        return token

    def operator(self) -> str:
        self._operators += 1
        if self._operators > OPERATORS_MAX:
            raise BadExpression(f"The expression has more than {OPERATORS_MAX} operators")
        return self.take()

    def expect(self, token: str) -> None:
        if self.next != token:
            raise BadExpression(f"Expected '{token}'" + (f" but found '{self.next}'" if self.next else ""))
        self._at += 1

    def any_of(self, words: dict[str, str]) -> Node:
        """Read operands joined by OR, or of those one joined by AND."""
        inner = words is LOGICAL_AND
        node = self.comparison() if inner else self.any_of(LOGICAL_AND)
        while self.next in words:
            operator = words[self.operator()]
            node = Binary(operator, node, self.comparison() if inner else self.any_of(LOGICAL_AND))
        return node

    def comparison(self) -> Node:
        node = self.sum()
        while self.next in COMPARISONS:
            node = Binary(self.operator(), node, self.sum())
        return node

    def sum(self) -> Node:
        node = self.product()
        while self.next in ("+", "-"):
            node = Binary(self.operator(), node, self.product())
        return node

    def product(self) -> Node:
        node = self.sign()
        while self.next in ("*", "/"):
            node = Binary(self.operator(), node, self.sign())
        return node

    def sign(self) -> Node:
        self._depth += 1
        if self._depth > NESTING_MAX:
            raise BadExpression(f"The expression is nested more than {NESTING_MAX} deep")
        try:
            if self.next == "-":
                self.take()
                return Negative(self.sign())
            return self.power()
        finally:
            self._depth -= 1

    def power(self) -> Node:
        node = self.operand()
        if self.next == "^":
            return Binary(self.operator(), node, self.sign())
        return node

    def operand(self) -> Node:
        word = self.take()
        if word == "(":
            node = self.any_of(LOGICAL_OR)
            self.expect(")")
            return node
        if word == "[":
            return Several(self.items("]"))
        if word[0] in "'\"":
            return Text(word[1:-1])
        if word[0].isdigit() or word[0] == ".":
            return Number(float(word))
        if not (word[0].isalpha() or word[0] == "_") or word in ("AND", "OR"):
            raise BadExpression(f"Unexpected token '{word}'")
        if self.next == "(":
            self.take()
            return Apply(word.upper(), self.items(")"))
        return Name(word)

    def items(self, end: str) -> tuple[Node, ...]:
        """Read what stands between commas, up to the closing bracket."""
        found: list[Node] = []
        while self.next != end:
            if found:
                self.expect(",")
            found.append(self.any_of(LOGICAL_OR))
        self.expect(end)
        return tuple(found)
