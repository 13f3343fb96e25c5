"""The language of event patterns, case by case."""

from __future__ import annotations

import json
from typing import Any

import pytest

from clary.resources.event_conditions import BadPattern
from clary.resources.event_patterns import compile_pattern, read_event, sources_of


def fits(pattern: Any, event: Any) -> bool:
    told = event if isinstance(event, str) else json.dumps(event)
    return compile_pattern(json.dumps(pattern))(read_event(told))


@pytest.mark.parametrize(
    ("conditions", "values", "others"),
    [
        (["a", "b"], ["a", "b", ["x", "b"]], ["A", "", 1, None, ["x"], [], {"a": "a"}]),
        ([""], [""], ["a", None]),
        ([1, "x"], [1, "x", [2, 1]], ["1", 1.0, True]),
        ([300], [300], [300.0, "300"]),
        ([True], [True], ["true", 1, False]),
        ([None], [None, ["a", None]], ["null", 0, ""]),
        ([{"prefix": "us-"}], ["us-east-1", "us-", ["x", "us-2"]], ["eu-us-", "US-east", 1]),
        ([{"prefix": {"equals-ignore-case": "Us-"}}], ["us-1", "US-1"], ["eu-1"]),
        ([{"suffix": ".png"}], ["a.png", ".png"], ["a.PNG", "png"]),
        ([{"suffix": {"equals-ignore-case": ".png"}}], ["a.PNG"], ["a.jpg"]),
        ([{"equals-ignore-case": "alice"}], ["alice", "ALICE"], ["alice ", 1]),
        ([{"wildcard": "dir/*.png"}], ["dir/a.png", "dir/.png"], ["dir/a.jpg", "x/dir/a.png"]),
        ([{"wildcard": "*a*b*"}], ["ab", "xaxbx", "aab"], ["ba", "a"]),
        ([{"wildcard": "aXa*aXa"}], ["aXaaXa", "aXa-aXa"], ["aXa", "aXaXa"]),
        ([{"wildcard": "a\\*b\\\\*"}], ["a*b\\", "a*b\\c"], ["aXb\\"]),
        ([{"wildcard": "plain"}], ["plain"], ["plainer", 1]),
        ([{"numeric": ["=", 5]}], [5, 5.0, [1, 5]], [6, "5", None]),
        ([{"numeric": [">", 0, "<=", 5]}], [0.1, 5, 5e0], [0, 5.01, "3", True]),
        ([{"numeric": ["<", -1.5]}], [-2], [-1.5]),
        ([{"cidr": "10.0.0.0/24"}], ["10.0.0.255"], ["10.0.1.0", "x", "::1", 10]),
        ([{"cidr": "2001:db8::/32"}], ["2001:db8::1"], ["2001:db9::1", "10.0.0.1"]),
        ([{"exists": True}], ["a", 0, None, ["a"]], [[], {"deeper": 1}]),
        ([{"exists": False}], [[], {"deeper": 1}], ["a", None]),
        ([{"anything-but": "a"}], ["b", 1, None, ["a", "b"]], ["a", ["a", "a"], []]),
        ([{"anything-but": ["a", "b"]}], ["c"], ["a", "b"]),
        ([{"anything-but": [1, 2]}], [3, "1"], [1, 2]),
        ([{"anything-but": {"prefix": "init"}}], ["run", 1], ["init-1"]),
        ([{"anything-but": {"prefix": ["a", "b"]}}], ["c"], ["a1", "b1"]),
        ([{"anything-but": {"suffix": ".png"}}], ["a.jpg"], ["a.png"]),
        ([{"anything-but": {"equals-ignore-case": ["a", "b"]}}], ["c"], ["A", "b"]),
        ([{"anything-but": {"wildcard": "*/lib/*"}}], ["/bin/x"], ["/usr/lib/x"]),
        (["x", {"prefix": "y"}, {"exists": False}], ["x", "yes", []], ["z"]),
    ],
)
def test_conditions_hold_for_some_values_and_not_for_others(
    conditions: list[Any], values: list[Any], others: list[Any]
) -> None:
    for value in values:
        assert fits({"k": conditions}, {"k": value}), value
    for value in others:
        assert not fits({"k": conditions}, {"k": value}), value


def test_a_number_is_told_by_how_it_is_written() -> None:
    assert fits({"k": [300]}, '{"k": 300}')
    assert not fits({"k": [300]}, '{"k": 3.0e2}')
    assert fits({"k": [{"numeric": ["=", 300]}]}, '{"k": 3.0e2}')


def test_all_fields_must_hold_however_deep() -> None:
    pattern = {"source": ["aws.sagemaker"], "detail": {"status": {"name": ["Failed"]}}}
    assert fits(pattern, {"source": "aws.sagemaker", "detail": {"status": {"name": "Failed", "more": 1}}})
    assert not fits(pattern, {"source": "aws.sagemaker", "detail": {"status": {"name": "Completed"}}})
    assert not fits(pattern, {"source": "aws.sagemaker", "detail": {"status": "Failed"}})
    assert not fits(pattern, {"source": "aws.sagemaker"})


def test_what_is_not_there_can_be_asked_for_below_what_is_not_there() -> None:
    pattern = {"detail": {"error": {"code": [{"exists": False}]}}}
    assert fits(pattern, {"detail": {}})
    assert fits(pattern, {})
    assert not fits(pattern, {"detail": {"error": {"code": 1}}})


def test_conditions_below_one_key_hold_in_the_same_element_of_an_array() -> None:
    pattern = {"users": {"name": ["a"], "role": ["admin"]}}
    assert fits(pattern, {"users": [{"name": "b"}, {"name": "a", "role": "admin"}]})
    assert fits(pattern, {"users": [[{"name": "a", "role": "admin"}]]})
    assert not fits(pattern, {"users": [{"name": "a"}, {"role": "admin"}]})


def test_or_takes_any_of_its_ways() -> None:
    pattern = {"s": ["x"], "$or": [{"a": [1]}, {"b": {"c": [2]}}, {"$or": [{"d": [3]}, {"e": [4]}]}]}
    for more in ({"a": 1}, {"b": {"c": 2}}, {"d": 3}, {"e": 4}):
        assert fits(pattern, {"s": "x", **more})
        assert not fits(pattern, {"s": "y", **more})
    assert not fits(pattern, {"s": "x", "a": 2})


def test_a_field_may_be_called_or() -> None:
    assert fits({"$or": ["a"]}, {"$or": "a"})
    assert fits({"$or": [{"prefix": "a"}, {"suffix": "b"}]}, {"$or": "xb"})


@pytest.mark.parametrize(
    "pattern",
    [
        '"text"', "[]", "{}", "{", '{"a": NaN}', '{"a": "b"}', '{"a": []}', '{"a": {}}', '{"a": [[1]]}',
        '{"a": [{}]}', '{"a": [{"prefix": "a", "suffix": "b"}]}', '{"a": [{"prefix": 1}]}', '{"a": [{"suffix": 1}]}',
        '{"a": [{"sounds-like": "b"}]}', '{"a": [{"prefix": {"wildcard": "b"}}]}', '{"a": [{"exists": "yes"}]}',
        '{"a": [{"numeric": 5}]}', '{"a": [{"numeric": ["=", "5"]}]}', '{"a": [{"numeric": ["~", 5]}]}',
        '{"a": [{"numeric": [">", 5, "<", 3]}]}', '{"a": [{"numeric": ["=", 5, "<", 7]}]}',
        '{"a": [{"numeric": ["<", 6e9]}]}', '{"a": [{"cidr": "10.0.0.0/99"}]}', '{"a": [{"wildcard": "a**b"}]}',
        '{"a": [{"wildcard": "a\\\\b"}]}', '{"a": [{"wildcard": "a\\\\"}]}', '{"a": [{"wildcard": 1}]}',
        '{"a": [{"anything-but": []}]}', '{"a": [{"anything-but": [1, "b"]}]}', '{"a": [{"anything-but": null}]}',
        '{"a": [{"anything-but": {"exists": true}}]}', '{"a": [{"anything-but": {"prefix": 1}}]}',
        '{"a": [{"equals-ignore-case": 1}]}', '{"$or": [{"a": []}, {"b": [1]}]}',
    ],
)  # fmt: skip
def test_what_breaks_the_language_is_refused(pattern: str) -> None:
    with pytest.raises(BadPattern):
        compile_pattern(pattern)


def test_a_pattern_of_too_many_combinations_is_refused() -> None:
    ways = [{f"k{way}": [1]} for way in range(11)]
    compile_pattern(json.dumps({"$or": ways, "a": {"$or": ways}}))
    with pytest.raises(BadPattern, match="too complex"):
        compile_pattern(json.dumps({"$or": ways, "a": {"$or": ways}, "b": {"$or": ways}}))


def test_what_is_nested_beyond_all_sense_is_refused_and_not_stumbled_over() -> None:
    with pytest.raises(BadPattern):
        compile_pattern('{"a":' * 5000 + "[1]" + "}" * 5000)
    with pytest.raises(BadPattern):
        compile_pattern('{"a":' * 200 + "[1]" + "}" * 200)
    assert fits({"a": [1]}, '{"a":' + "[" * 300 + "1" + "]" * 300 + "}")


@pytest.mark.parametrize(
    ("pattern", "sources"),
    [
        ({"source": ["a", "b"], "detail": {"x": [1]}}, {"a", "b"}),
        ({"source": ["a", {"prefix": "b"}]}, None),
        ({"source": {"x": [1]}}, None),
        ({"detail": {"source": ["a"]}}, None),
        ({"$or": [{"source": ["a"]}, {"x": [1]}]}, None),
    ],
)
def test_the_only_sources_that_a_pattern_can_want_are_told(pattern: Any, sources: set[str] | None) -> None:
    assert sources_of(json.dumps(pattern)) == sources
