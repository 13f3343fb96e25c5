"""Filter policies: which messages a subscription wants. Pure.

SNS developer guide, «Subscription filter policies»: all keys must hold, of a key's conditions one.
"""

from __future__ import annotations

import fnmatch
import ipaddress
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from clary.core.errors import ServiceError

KEYS_MAX = 5
COMBINATIONS_MAX = 150
BYTES_MAX = 256 * 1024
OR = "$or"
COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "=": lambda value, bound: value == bound,
    "<": lambda value, bound: value < bound,
    "<=": lambda value, bound: value <= bound,
    ">": lambda value, bound: value > bound,
    ">=": lambda value, bound: value >= bound,
}
Policy = Mapping[str, Any]
Values = Sequence[Any]


def parse(text: str, *, nested: bool) -> Policy:
    """Return a policy, or raise a ServiceError; one on the body may be nested."""
    try:
        policy = json.loads(text)
    except ValueError:
        raise _invalid("failed to parse JSON.") from None
    if not isinstance(policy, dict) or len(text) > BYTES_MAX:
        raise _invalid("Filter policy must be an object of 256 KB at most.")
    combinations = _checked(policy, nested=nested)
    leaves = sum(1 for _ in _leaves(policy))
    if leaves > KEYS_MAX or combinations > COMBINATIONS_MAX:
        text = f"Filter policy is too complex: {KEYS_MAX} keys and {COMBINATIONS_MAX} combinations are the most"
        raise ServiceError(text, code="FilterPolicyLimitExceeded", status=403)
    return policy


def wants_attributes(policy: Policy, attributes: Mapping[str, Mapping[str, Any]]) -> bool:
    """Tell whether a message with these attributes is wanted."""
    return _wants(policy, {name: _values_of(each) for name, each in attributes.items()})


def wants_body(policy: Policy, body: str) -> bool:
    """Tell whether a message with this body, which must be a JSON object, is wanted."""
    try:
        told = json.loads(body)
    except ValueError:
        return False
    return isinstance(told, dict) and _wants_nested(policy, [told])


def _wants(policy: Policy, found: Mapping[str, Values]) -> bool:
    for key, conditions in policy.items():
        if key == OR:
            if not any(_wants(each, found) for each in conditions):
                return False
        elif not _any_holds(conditions, found.get(key)):
            return False
    return True


def _wants_nested(policy: Policy, nodes: Sequence[Any]) -> bool:
    """Hold a policy against objects of which some one has to fit: what stands in an array counts as several."""
    return any(isinstance(node, dict) and _fits(policy, node) for node in nodes)


def _fits(policy: Policy, node: Mapping[str, Any]) -> bool:
    for key, rule in policy.items():
        if key == OR:
            if not any(_fits(each, node) for each in rule):
                return False
            continue
        values = _flat(node[key]) if key in node else None
        if isinstance(rule, dict):
            if not _wants_nested(rule, values if values is not None else [{}]):
                return False
        elif not _any_holds(rule, values):
            return False
    return True


def _flat(value: Any) -> list[Any]:
    if isinstance(value, list):
        return [inner for each in value for inner in _flat(each)]
    return [value]


def _values_of(attribute: Mapping[str, Any]) -> Values:
    kind, text = attribute["DataType"], attribute.get("StringValue", "")
    if kind == "Number":
        return [float(text)]
    if kind == "String.Array":
        try:
            told = json.loads(text)
        except ValueError:
            return [text]
        return _flat(told)
    return [text] if kind.startswith("String") else []


def _any_holds(conditions: Sequence[Any], values: Values | None) -> bool:
    return any(_holds(condition, values) for condition in conditions)


def _holds(condition: Any, values: Values | None) -> bool:
    if isinstance(condition, dict):
        ((name, operand),) = condition.items()
        if name == "exists":
            return (values is not None) is operand
        return values is not None and any(_OPERATORS[name](operand, value) for value in values)
    return values is not None and any(_same(condition, value) for value in values)


def _same(wanted: Any, value: Any) -> bool:
    numbers = [isinstance(each, int | float) and not isinstance(each, bool) for each in (wanted, value)]
    if all(numbers):
        return math.isclose(wanted, value, rel_tol=0, abs_tol=1e-6)
    return type(wanted) is type(value) and wanted == value


def _prefix(operand: Any, value: Any) -> bool:
    if not isinstance(value, str):
        return False
    if isinstance(operand, dict):
        return value.lower().startswith(operand["equals-ignore-case"].lower())
    return value.startswith(operand)


def _suffix(operand: Any, value: Any) -> bool:
    if not isinstance(value, str):
        return False
    if isinstance(operand, dict):
        return value.lower().endswith(operand["equals-ignore-case"].lower())
    return value.endswith(operand)


def _ignore_case(operand: str, value: Any) -> bool:
    return isinstance(value, str) and value.lower() == operand.lower()


def _wildcard(operand: str, value: Any) -> bool:
    return isinstance(value, str) and fnmatch.fnmatchcase(value, operand.replace("[", "[[]").replace("?", "[?]"))


def _numeric(operand: Sequence[Any], value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return all(COMPARISONS[sign](value, bound) for sign, bound in zip(operand[::2], operand[1::2], strict=True))


def _cidr(operand: str, value: Any) -> bool:
    try:
        return ipaddress.ip_address(value) in ipaddress.ip_network(operand, strict=False)
    except ValueError:
        return False


def _anything_but(operand: Any, value: Any) -> bool:
    if isinstance(operand, dict):
        ((name, inner),) = operand.items()
        return not any(_OPERATORS[name](each, value) for each in (inner if isinstance(inner, list) else [inner]))
    return not any(_same(each, value) for each in (operand if isinstance(operand, list) else [operand]))


_OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "prefix": _prefix,
    "suffix": _suffix,
    "equals-ignore-case": _ignore_case,
    "wildcard": _wildcard,
    "numeric": _numeric,
    "cidr": _cidr,
    "anything-but": _anything_but,
}


def _leaves(policy: Policy) -> Iterator[str]:
    for key, rule in policy.items():
        if key == OR:
            for each in rule:
                yield from _leaves(each)
        elif isinstance(rule, dict):
            yield from _leaves(rule)
        else:
            yield key


def _checked(policy: Policy, *, nested: bool) -> int:
    """Return how many combinations a policy has, or raise what is wrong with it."""
    combinations = 1
    for key, rule in policy.items():
        if key == OR and isinstance(rule, list) and len(rule) > 1 and all(isinstance(each, dict) for each in rule):
            combinations *= sum(_checked(each, nested=nested) for each in rule)
        elif isinstance(rule, dict) and nested:
            combinations *= _checked(rule, nested=True)
        elif isinstance(rule, list) and rule:
            for condition in rule:
                _check_condition(condition)
            combinations *= len(rule)
        else:
            raise _invalid(f'"{key}" must be an object or an array')
    return combinations


def _check_condition(condition: Any) -> None:
    if not isinstance(condition, dict):
        if isinstance(condition, list):
            raise _invalid("Match value must be String, number, true, false, or null")
        return
    if len(condition) != 1:
        raise _invalid("Only one key allowed in match expression")
    ((name, operand),) = condition.items()
    if name not in _CHECKS:
        raise _invalid(f"Unrecognized match type {name}")
    if not _CHECKS[name](operand):
        raise _invalid(f"Value of {name} is not valid")


def _is_text(operand: Any) -> bool:
    return isinstance(operand, str)


def _is_text_or_folded(operand: Any) -> bool:
    return _is_text(operand) or (
        isinstance(operand, dict)
        and list(operand) == ["equals-ignore-case"]
        and _is_text(operand["equals-ignore-case"])
    )


def _is_numeric(operand: Any) -> bool:
    return (
        isinstance(operand, list)
        and len(operand) in (2, 4)
        and all(sign in COMPARISONS for sign in operand[::2])
        and all(isinstance(bound, int | float) and not isinstance(bound, bool) for bound in operand[1::2])
    )


def _is_network(operand: Any) -> bool:
    try:
        ipaddress.ip_network(operand, strict=False)
    except ValueError:
        return False
    return True


def _is_but(operand: Any) -> bool:
    if isinstance(operand, dict):
        return len(operand) == 1 and all(
            name in ("prefix", "suffix", "wildcard", "equals-ignore-case")
            and all(_is_text(each) for each in (inner if isinstance(inner, list) else [inner]))
            for name, inner in operand.items()
        )
    return bool(operand != []) and all(
        isinstance(each, str | int | float) for each in (operand if isinstance(operand, list) else [operand])
    )


_CHECKS: Mapping[str, Callable[[Any], bool]] = {
    "exists": lambda operand: isinstance(operand, bool),
    "prefix": _is_text_or_folded,
    "suffix": _is_text_or_folded,
    "equals-ignore-case": _is_text,
    "wildcard": _is_text,
    "numeric": _is_numeric,
    "cidr": _is_network,
    "anything-but": _is_but,
}


def _invalid(text: str) -> ServiceError:
    return ServiceError(f"Invalid parameter: FilterPolicy: {text}", code="InvalidParameter", status=400)
