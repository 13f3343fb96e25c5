"""Filter policies: which messages a subscription wants, in the language of event patterns. Pure.

SNS developer guide, «Subscription filter policies»: all keys must hold, of a key's conditions one. Numbers are equal
by what they are worth.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from clary.core.errors import ServiceError
from clary.resources.event_conditions import BadPattern, Number
from clary.resources.event_patterns import compile_document, is_choice, read_event

KEYS_MAX = 5
COMBINATIONS_MAX = 150
BYTES_MAX = 256 * 1024
DECIMALS = 6
"""How exact numbers are."""
Policy = Mapping[str, Any]


def check(text: str, *, nested: bool) -> None:
    """Raise a ServiceError unless a text is a filter policy; one on the body may be nested."""
    try:
        policy = _read(text)
    except ValueError:
        raise _invalid("failed to parse JSON.") from None
    if not isinstance(policy, dict) or len(text) > BYTES_MAX:
        raise _invalid("Filter policy must be an object of 256 KB at most.")
    try:
        compile_document(policy)
    except BadPattern as wrong:
        raise _invalid(str(wrong)) from None
    if not nested and any(isinstance(rule, dict) for rule in _rules(policy)):
        raise _invalid("Filter policy scope MessageAttributes does not support nested filter policy")
    if sum(1 for _ in _leaves(policy)) > KEYS_MAX or _combinations(policy) > COMBINATIONS_MAX:
        raise ServiceError(
            f"Filter policy is too complex: {KEYS_MAX} keys and {COMBINATIONS_MAX} combinations are the most",
            code="FilterPolicyLimitExceeded",
            status=403,
        )


def wants_attributes(policy: str, attributes: Mapping[str, Mapping[str, Any]]) -> bool:
    """Tell whether a message with these attributes is wanted."""
    return compile_document(_read(policy))({name: _values_of(each) for name, each in attributes.items()})


def wants_body(policy: str, body: str) -> bool:
    """Tell whether a message with this body, which must be a JSON object, is wanted."""
    try:
        told = _read(body)
    except ValueError:
        return False
    return isinstance(told, dict) and compile_document(_read(policy))(told)


def _read(text: str) -> Any:
    return read_event(text, _number)


def _number(text: str) -> Number:
    return Number(repr(round(float(text), DECIMALS)))


def _values_of(attribute: Mapping[str, Any]) -> Any:
    kind, text = attribute["DataType"], attribute.get("StringValue", "")
    if kind == "Number":
        return _number(text)
    if kind == "String.Array":
        try:
            return _read(text)
        except ValueError:
            return text
    return text if kind.startswith("String") else []


def _rules(policy: Policy) -> Iterator[Any]:
    """Give the rule of each key, also of those that stand in a choice."""
    for key, rule in policy.items():
        if is_choice(key, rule):
            for each in rule:
                yield from _rules(each)
        else:
            yield rule


def _leaves(policy: Policy) -> Iterator[Any]:
    for rule in _rules(policy):
        if isinstance(rule, dict):
            yield from _leaves(rule)
        else:
            yield rule


def _combinations(policy: Policy) -> int:
    count = 1
    for key, rule in policy.items():
        if is_choice(key, rule):
            count *= sum(map(_combinations, rule))
        else:
            count *= _combinations(rule) if isinstance(rule, dict) else len(rule)
    return count


def _invalid(text: str) -> ServiceError:
    return ServiceError(f"Invalid parameter: FilterPolicy: {text}", code="InvalidParameter", status=400)
