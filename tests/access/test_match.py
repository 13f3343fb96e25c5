from __future__ import annotations

import fnmatch
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clary.access.match import arn_like, expand, like, patterns

GLOBS = st.text(st.sampled_from("ab*?.[:"), max_size=8)
TEXTS = st.text(st.sampled_from("ab.[:"), max_size=8)


@given(GLOBS, TEXTS)
def test_wildcards_match_as_fnmatch_has_them(pattern, text) -> None:
    told = re.fullmatch(fnmatch.translate(pattern.replace("[", "[[]")), text) is not None
    assert like(pattern, text) is told


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("arn:aws:s3:::bucket/*", "arn:aws:s3:::bucket/a/b:c", True),
        ("arn:aws:sagemaker:*:*:model/*", "arn:aws:sagemaker:us-east-1:123456789012:model/a", True),
        ("arn:aws:sagemaker:*:123456789012:model/a", "arn:aws:sagemaker:x:y:123456789012:model/a", False),
        ("arn:aws:s3:::b?", "arn:aws:s3:::b1", True),
        ("arn:aws:s3:::b?", "arn:aws:s3:::b", False),
        ("arn:aws:s3:::B", "arn:aws:s3:::b", False),
    ],
)
def test_an_arn_matches_part_by_part(pattern, text, matches) -> None:
    assert arn_like(pattern, text) is matches
    assert patterns([pattern], arns=True).match(text, {}) is matches


def test_a_hostile_pattern_takes_no_longer_than_its_length() -> None:
    assert not like("a*" * 200 + "b", "a" * 5000)


def test_one_of_several_patterns_is_enough() -> None:
    some = patterns(["s3:get*", "s3:putobject"])
    assert some.match("s3:getobject", {})
    assert some.match("s3:putobject", {})
    assert not some.match("s3:putobjectacl", {})
    assert patterns(["x", "*"]).match("anything", {})
    assert not patterns([]).match("anything", {})


def test_a_variable_stands_for_the_requests_value_and_is_never_wild() -> None:
    home = patterns(["arn:aws:s3:::b/${aws:username}/*"], arns=True, variables=True)
    assert home.match("arn:aws:s3:::b/bob/x", {"aws:username": "bob"})
    assert not home.match("arn:aws:s3:::b/eve/x", {"aws:username": "bob"})
    assert not home.match("arn:aws:s3:::b/eve/x", {"aws:username": "*"})
    assert home.match("arn:aws:s3:::b/*/x", {"aws:username": "*"})
    assert not home.match("arn:aws:s3:::b/bob/x", {})


def test_a_variable_that_holds_colons_does_not_move_the_parts() -> None:
    role = patterns(["arn:aws:s3:::b/${aws:principalarn}"], arns=True, variables=True)
    arn = "arn:aws:iam::123456789012:role/r"
    assert role.match(f"arn:aws:s3:::b/{arn}", {"aws:principalarn": arn})


def test_variables_may_have_defaults_and_escape_wildcards() -> None:
    assert expand("${aws:PrincipalTag/team, 'all'}", {}) == "all"
    assert expand("${aws:PrincipalTag/team, 'all'}", {"aws:principaltag/team": "ml"}) == "ml"
    assert expand("${*}${?}${$}", {}) == "*?$"
    assert not patterns(["a${*}"], variables=True).match("ab", {})
    assert patterns(["a${*}"], variables=True).match("a*", {})


def test_old_policies_have_no_variables() -> None:
    assert patterns(["${aws:username}"]).match("${aws:username}", {"aws:username": "bob"})
