"""Filter policies, each operator of SNS's developer guide."""

from __future__ import annotations

import json
from typing import Any

import pytest

from clary.core.errors import ServiceError
from clary.services.sns.filters import check, wants_attributes, wants_body


def wants(condition: Any, value: Any) -> bool:
    policy = json.dumps({"key": [condition]})
    check(policy, nested=True)
    return wants_body(policy, json.dumps({} if value is ... else {"key": value}))


@pytest.mark.parametrize(
    ("condition", "wanted", "unwanted"),
    [
        ("a", "a", "b"),
        ("a", ["b", "a"], []),
        (1, 1.0, "1"),
        (None, None, "null"),
        (True, True, 1),
        ({"exists": True}, "x", ...),
        ({"exists": False}, ..., "x"),
        ({"prefix": "ab"}, "abc", "ba"),
        ({"prefix": {"equals-ignore-case": "AB"}}, "abc", "ba"),
        ({"suffix": "bc"}, "abc", "bca"),
        ({"suffix": {"equals-ignore-case": "BC"}}, "abc", "bca"),
        ({"equals-ignore-case": "ABC"}, "aBc", "ab"),
        ({"wildcard": "a*c[?"}, "abbc[?", "abbc[x"),
        ({"numeric": ["=", 3]}, 3, 4),
        ({"numeric": [">", 0, "<=", 5]}, 5, 0),
        ({"numeric": [">", 0]}, 1, "1"),
        ({"cidr": "10.0.0.0/24"}, "10.0.0.9", "10.0.1.9"),
        ({"anything-but": "a"}, "b", "a"),
        ({"anything-but": ["a", "b"]}, "c", "b"),
        ({"anything-but": [1, 2]}, 3, 2.0),
        ({"anything-but": "a"}, "b", ...),
        ({"anything-but": {"prefix": "a"}}, "ba", "ab"),
        ({"anything-but": {"suffix": "a"}}, "ab", "ba"),
        ({"anything-but": {"equals-ignore-case": ["A", "B"]}}, "c", "b"),
        ({"anything-but": {"wildcard": "a*"}}, "ba", "ab"),
    ],
)
def test_a_condition_holds_for_what_it_says(condition: Any, wanted: Any, unwanted: Any) -> None:
    assert wants(condition, wanted)
    assert not wants(condition, unwanted)


def test_all_keys_must_hold_and_of_an_or_one() -> None:
    policy = '{"a": ["1"], "$or": [{"b": ["2"]}, {"c": [{"numeric": [">", 2]}]}]}'
    check(policy, nested=False)

    def attributes(**values: str) -> dict[str, dict[str, str]]:
        return {
            name: {"DataType": "Number" if name == "c" else "String", "StringValue": each}
            for name, each in values.items()
        }

    assert wants_attributes(policy, attributes(a="1", b="2"))
    assert wants_attributes(policy, attributes(a="1", c="3"))
    assert not wants_attributes(policy, attributes(a="1", c="2"))
    assert not wants_attributes(policy, attributes(b="2"))


def test_an_attribute_may_be_called_or() -> None:
    check('{"$or": ["a"]}', nested=False)
    assert wants_attributes('{"$or": ["a"]}', {"$or": {"DataType": "String", "StringValue": "a"}})


def test_an_array_attribute_counts_as_each_of_its_elements() -> None:
    policy = '{"a": ["x", 3]}'
    check(policy, nested=False)
    for text, wanted in (('["y", "x"]', True), ("[3]", True), ("[]", False), ("x", True)):
        assert wants_attributes(policy, {"a": {"DataType": "String.Array", "StringValue": text}}) is wanted


def test_a_body_may_be_nested_and_what_is_no_object_is_unwanted() -> None:
    policy = '{"a": {"b": {"c": [1]}}, "d": [{"exists": false}]}'
    check(policy, nested=True)
    assert wants_body(policy, '{"a": [{"b": {"c": 2}}, {"b": [{"c": [0, 1]}]}]}')
    assert not wants_body(policy, '{"a": {"b": {"c": 1}}, "d": 1}')
    for text in ("[]", "1", "no json", "{}"):
        assert not wants_body(policy, text)


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "{",
        '{"a": "b"}',
        '{"a": []}',
        '{"a": {"b": ["c"]}}',
        '{"a": [{"unknown": 1}]}',
        '{"a": [{"numeric": ["=>", 1]}]}',
        '{"a": [{"numeric": [">"]}]}',
        '{"a": [{"cidr": "10.0.0/99"}]}',
        '{"a": [{"exists": 1}]}',
        '{"a": [{"prefix": "a", "suffix": "b"}]}',
        '{"$or": [{"a": ["b"]}]}',
    ],
)
def test_a_policy_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ServiceError, match="FilterPolicy"):
        check(text, nested=False)


def test_a_policy_of_too_many_combinations_is_refused() -> None:
    for policy in ({str(n): ["a"] for n in range(6)}, {"a": [str(n) for n in range(151)]}):
        with pytest.raises(ServiceError) as caught:
            check(json.dumps(policy), nested=False)
        assert caught.value.code == "FilterPolicyLimitExceeded"
