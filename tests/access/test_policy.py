from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clary.access.policy import MalformedPolicy, parse

GOOD = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}


def document(version: str = "2012-10-17", **statement: object) -> str:
    told = {name: value for name, value in {**GOOD, **statement}.items() if value is not None}
    return json.dumps({"Version": version, "Statement": [told]})


def test_a_good_document_is_read() -> None:
    policy = parse(document(Sid="One", Action=["S3:GetObject", "s3:List*"]))
    assert [statement.sid for statement in policy.statements] == ["One"]
    assert policy.statements[0].applies("s3:getobject", "arn:aws:s3:::b/k", {})
    assert not policy.statements[0].applies("s3:putobject", "arn:aws:s3:::b/k", {})


def test_not_action_and_not_resource_are_the_rest() -> None:
    text = document(Action=None, NotAction="iam:*", Resource=None, NotResource="arn:aws:s3:::secret/*")
    statement = parse(text).statements[0]
    assert statement.applies("s3:getobject", "arn:aws:s3:::b/k", {})
    assert not statement.applies("iam:getuser", "arn:aws:s3:::b/k", {})
    assert not statement.applies("s3:getobject", "arn:aws:s3:::secret/k", {})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "This policy contains invalid Json"),
        ("[]", "Syntax errors in policy."),
        ('{"Version":"2012-10-17"}', "Syntax errors in policy."),
        ('{"Version":"2012-10-17","Statement":[]}', "Syntax errors in policy."),
        ('{"Version":"2012-10-17","Statement":[],"Extra":1}', "Syntax errors in policy."),
        ('{"Version":"2012-10-17","Version":"2012-10-17","Statement":[{}]}', "Syntax errors in policy."),
        (document("2020-01-01"), "Syntax errors in policy."),
        (document("2008-10-17"), "Policy document must be version 2012-10-17 or greater."),
        (document(Effect="Perhaps"), "Syntax errors in policy."),
        (document(Action=None), "Policy statement must contain actions."),
        (document(Action="GetObject"), "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."),
        (document(NotAction="s3:*"), "Syntax errors in policy."),
        (document(Resource=None), "Policy statement must contain resources."),
        (document(Resource="bucket"), 'Resource bucket must be in ARN format or "*".'),
        (document(Resource=7), "Syntax errors in policy."),
        (document(Principal="*"), "Policy document should not specify a principal."),
        (document(Condition={"Sounds": {"a:b": "c"}}), "Invalid Condition type : Sounds."),
        (document(Condition={"StringEquals": {"b": "c"}}), "Actions/Conditions must be prefaced by a vendor"),
        (document(Condition={"StringEquals": {"a:b": {}}}), "Syntax errors in policy."),
        (document(Sid="no spaces"), "Statement IDs (SID) must be alpha-numeric."),
        (json.dumps({"Version": "2012-10-17", "Statement": [{**GOOD, "Sid": "A"}] * 2}), "must be unique"),
    ],
)
def test_what_iam_would_refuse_is_refused_in_its_words(text, message) -> None:
    with pytest.raises(MalformedPolicy) as refused:
        parse(text)
    assert message in str(refused.value)


def test_a_trust_policy_names_principals_and_no_resources() -> None:
    good = document(Action="sts:AssumeRole", Resource=None, Principal={"Service": "sagemaker.amazonaws.com"})
    assert parse(good, "trust").statements[0].principals == {"Service": ("sagemaker.amazonaws.com",)}
    with pytest.raises(MalformedPolicy, match="Has prohibited field Resource"):
        parse(document(Principal="*"), "trust")
    with pytest.raises(MalformedPolicy, match="Missing required field Principal"):
        parse(document(Resource=None), "trust")
    with pytest.raises(MalformedPolicy, match='Invalid principal in policy: "AWS":"bob"'):
        parse(document(Resource=None, Principal={"AWS": "bob"}), "trust")


KEYS = ["Version", "Statement", "Effect", "Action", "Resource", "Principal", "Condition", "StringEquals"]
LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
CONTENTS = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=12,
)


@given(CONTENTS, st.sampled_from(["identity", "trust", "resource"]))
def test_nothing_makes_the_parser_fail_otherwise(content, sort) -> None:
    with suppress(MalformedPolicy):
        assert parse(json.dumps(content), sort).statements


@pytest.mark.parametrize("key", ["aws:ResourceTag/team", "aws\\u003aResourceTag/team"])
def test_a_policy_mentions_a_key_however_it_is_written(key: str) -> None:
    document = f'''{{"Version": "2012-10-17", "Statement": [{{"Effect": "Deny", "Action": "*", "Resource": "*",
                   "Condition": {{"StringEquals": {{"{key}": "a"}}}}}}]}}'''
    assert parse(document).mentions(":resourcetag/")
    assert not parse(document).mentions("existingobjecttag")
