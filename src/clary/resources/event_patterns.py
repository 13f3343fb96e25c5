"""Event patterns: which events a rule wants, compiled to a function of the event. Pure.

EventBridge user guide, «Event patterns»: every field named must hold, of a field's conditions one. What stands in
an array counts as several; conditions below one key must hold in the same element.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from clary.resources.event_conditions import OPERATORS, BadPattern, Number, compile_conditions

OR = "$or"
COMBINATIONS_MAX = 1000
DEPTH_MAX = 100
Matcher = Callable[[Mapping[str, Any]], bool]


def read_event(text: str, number: Callable[[str], Number] = Number) -> Any:
    """Return a JSON document as matchers take it: its numbers as they are written. Raises ValueError."""
    try:
        return json.loads(text, parse_int=number, parse_float=number, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON")


def compile_pattern(text: str) -> Matcher:
    """Return what tells whether an event fits a pattern, or raise BadPattern."""
    try:
        document = read_event(text)
    except ValueError:
        raise BadPattern("Filter is not valid JSON") from None
    matcher = compile_document(document)
    if _combinations(document) > COMBINATIONS_MAX:
        raise BadPattern(f"Rule is too complex - {OR} makes more than {COMBINATIONS_MAX} combinations of it")
    return matcher


def compile_document(document: Any) -> Matcher:
    """Return what tells whether a document, read in the same way, fits this one, or raise BadPattern."""
    if not isinstance(document, dict):
        raise BadPattern("Filter is not an object")
    return _compile(document, 0)


def sources_of(text: str) -> frozenset[str] | None:
    """Return the only sources whose events a pattern can want, None if it could want any; a choice could."""
    conditions = read_event(text).get("source")
    if not isinstance(conditions, list) or not all(isinstance(each, str) for each in conditions):
        return None
    return frozenset(conditions)


def _compile(document: Mapping[str, Any], depth: int) -> Matcher:
    if not document:
        raise BadPattern("Empty objects are not allowed")
    if depth > DEPTH_MAX:
        raise BadPattern("Filter is nested too deeply")
    checks = tuple(_check(key, rule, depth) for key, rule in document.items())
    return lambda node: all(check(node) for check in checks)


def _check(key: str, rule: Any, depth: int) -> Matcher:
    if is_choice(key, rule):
        ways = tuple(_compile(each, depth + 1) for each in rule)
        return lambda node: any(way(node) for way in ways)
    if isinstance(rule, dict):
        inner = _compile(rule, depth + 1)
        return lambda node: any(inner(each) for each in _objects(node, key))
    if not isinstance(rule, list):
        raise BadPattern(f'"{key}" must be an object or an array')
    holds = compile_conditions(rule)
    return lambda node: holds(_leaves(node, key))


def _objects(node: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    """Return the objects under a key; an empty one stands for what is not there, which `exists` may ask for."""
    return [each for each in _flat(node.get(key)) if isinstance(each, dict)] or [{}]


def _leaves(node: Mapping[str, Any], key: str) -> list[Any] | None:
    if key not in node:
        return None
    value = node[key]
    if not isinstance(value, list | dict):
        return [value]
    return [each for each in _flat(value) if not isinstance(each, dict)] or None


def _flat(value: Any) -> Iterator[Any]:
    """Give what stands in arrays, however deep, in order."""
    left = [value]
    while left:
        each = left.pop()
        if isinstance(each, list):
            left.extend(reversed(each))
        else:
            yield each


def is_choice(key: str, rule: Any) -> bool:
    """Tell `$or` from a field of that name: a choice lists at least two objects, none of them a match expression."""
    return (
        key == OR
        and isinstance(rule, list)
        and len(rule) > 1
        and all(isinstance(each, dict) and not each.keys() & {"exists", *OPERATORS} for each in rule)
    )


def _combinations(document: Mapping[str, Any]) -> int:
    """Return how many patterns without `$or` say the same."""
    count = 1
    for key, rule in document.items():
        if is_choice(key, rule):
            count *= sum(_combinations(each) for each in rule)
        elif isinstance(rule, dict):
            count *= _combinations(rule)
    return count
