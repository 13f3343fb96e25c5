"""The grammar of expressions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clary.services.cloudwatch.metric_math.syntax import (
    Apply,
    BadExpression,
    Binary,
    Name,
    Negative,
    Node,
    Number,
    Several,
    Text,
    parse,
)

NAMES = st.from_regex(r"[a-z][A-Za-z0-9_]{0,8}", fullmatch=True)
LEAVES: st.SearchStrategy[Node] = st.one_of(
    st.floats(0, 1e12).map(Number), NAMES.map(Name), st.from_regex(r"[^'\"\n]{0,9}", fullmatch=True).map(Text)
)
OPERATORS = st.sampled_from(["+", "-", "*", "/", "^", "==", "!=", "<", "<=", ">", ">=", "AND", "OR"])


def grown(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    several = st.lists(inner, max_size=3).map(tuple)
    return st.one_of(
        inner.map(Negative),
        st.builds(Binary, OPERATORS, inner, inner),
        st.builds(Apply, st.sampled_from(["MAX", "IF", "FILL", "LOG10"]), several),
        several.map(Several),
    )


def written(node: Node) -> str:
    """Return an expression that reads as this tree."""
    match node:
        case Number(value):
            return repr(value)
        case Text(value):
            return f"'{value}'"
        case Name(name):
            return name
        case Negative(operand):
            return f"(-{written(operand)})"
        case Binary(operator, left, right):
            return f"({written(left)} {operator} {written(right)})"
        case Apply(function, items):
            return f"{function}({', '.join(map(written, items))})"
        case Several(items):
            return f"[{', '.join(map(written, items))}]"


@given(st.recursive(LEAVES, grown, max_leaves=12))
def test_what_is_written_down_reads_as_it_was(tree: Node) -> None:
    assert parse(written(tree)) == tree


@given(st.text(alphabet="ab1.2()[],+-*/^<>=&|'\" ORANDIF", max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        tree = parse(text)
    except BadExpression:
        return
    assert parse(written(tree)) == tree


@pytest.mark.parametrize(
    ("loose", "explicit"),
    [
        ("1 + 2 * 3", "1 + (2 * 3)"),
        ("1 - 2 - 3", "(1 - 2) - 3"),
        ("2 ^ 3 ^ 2", "2 ^ (3 ^ 2)"),
        ("-a ^ 2", "-(a ^ 2)"),
        ("2 * -a", "2 * (-a)"),
        ("a > 1 AND b < 2 OR c", "((a > 1) AND (b < 2)) OR c"),
        ("a + 1 >= b && c || d", "(((a + 1) >= b) AND c) OR d"),
        ("if(a, 1.5e3, .5)", "IF(a, 1500, 0.5)"),
    ],
)
def test_operators_bind_as_documented(loose: str, explicit: str) -> None:
    assert parse(loose) == parse(explicit)


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("", "Unexpected end"),
        ("a b", "Unexpected token 'b'"),
        ("(a", r"Expected '\)'"),
        ("MAX(a b)", "Expected ',' but found 'b'"),
        ("a $ b", r"Unexpected character '\$'"),
        ("'a", "Unexpected character"),
        ("AND a", "Unexpected token 'AND'"),
        ("(" * 500, "nested more than"),
        ("1" + "+1" * 1000, "more than 300 operators"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(expression: str, message: str) -> None:
    with pytest.raises(BadExpression, match=message):
        parse(expression)
