from __future__ import annotations

import json

import pytest

from clary.access.policy import parse

HERE = {
    "aws:username": "bob",
    "aws:sourceip": "10.1.2.3",
    "aws:currenttime": "2026-05-01T12:00:00Z",
    "aws:epochtime": "1777636800",
    "aws:securetransport": "false",
    "aws:principalarn": "arn:aws:iam::123456789012:role/team/r",
    "aws:tagkeys": ["team", "cost"],
    "sagemaker:instancetypes": ["ml.m5.large", "ml.m5.xlarge"],
    "sagemaker:maxruntimeinseconds": "3600",
    "s3:prefix": "home/bob/x",
    "s3:blob": "QUJD",
}


def holds(operator: str, key: str, values: object) -> bool:
    document = {
        "Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {operator: {key: values}}},
    }
    return parse(json.dumps(document)).statements[0].applies("a:b", "r", HERE)


@pytest.mark.parametrize(
    ("operator", "key", "values", "expected"),
    [
        ("StringEquals", "aws:username", "bob", True),
        ("StringEquals", "AWS:UserName", ["eve", "bob"], True),
        ("StringEquals", "aws:username", "Bob", False),
        ("StringEqualsIgnoreCase", "aws:username", "BOB", True),
        ("StringNotEquals", "aws:username", "eve", True),
        ("StringNotEquals", "aws:username", ["eve", "bob"], False),
        ("StringNotEqualsIgnoreCase", "aws:username", "BOB", False),
        ("StringLike", "s3:prefix", "home/${aws:username}/*", True),
        ("StringLike", "s3:prefix", "home/${aws:nobody}/*", False),
        ("StringNotLike", "s3:prefix", "home/*", False),
        ("NumericLessThanEquals", "sagemaker:MaxRuntimeInSeconds", 3600, True),
        ("NumericLessThan", "sagemaker:MaxRuntimeInSeconds", "3600", False),
        ("NumericEquals", "sagemaker:MaxRuntimeInSeconds", "3600.0", True),
        ("NumericNotEquals", "sagemaker:MaxRuntimeInSeconds", "1", True),
        ("NumericGreaterThan", "sagemaker:MaxRuntimeInSeconds", "3599", True),
        ("NumericGreaterThanEquals", "sagemaker:MaxRuntimeInSeconds", "nonsense", False),
        ("DateGreaterThan", "aws:CurrentTime", "2026-04-30T00:00:00Z", True),
        ("DateLessThan", "aws:CurrentTime", "2026-05-01T14:00:00+02:00", False),
        ("DateLessThanEquals", "aws:CurrentTime", "2026-05-01T14:00:00+02:00", True),
        ("DateEquals", "aws:CurrentTime", "2026-05-01T12:00:00Z", True),
        ("DateNotEquals", "aws:CurrentTime", "2026-05-01T12:00:00Z", False),
        ("DateGreaterThanEquals", "aws:EpochTime", "1777636800", True),
        ("Bool", "aws:SecureTransport", False, True),
        ("Bool", "aws:SecureTransport", "true", False),
        ("BinaryEquals", "s3:blob", "QUJD", True),
        ("IpAddress", "aws:SourceIp", ["192.168.0.0/16", "10.0.0.0/8"], True),
        ("IpAddress", "aws:SourceIp", "10.1.2.3", True),
        ("NotIpAddress", "aws:SourceIp", "10.0.0.0/8", False),
        ("IpAddress", "aws:SourceIp", "nonsense", False),
        ("ArnLike", "aws:PrincipalArn", "arn:aws:iam::*:role/team/*", True),
        ("ArnEquals", "aws:PrincipalArn", "arn:aws:iam::*:role/other/*", False),
        ("ArnNotLike", "aws:PrincipalArn", "arn:aws:iam::*:role/team/*", False),
        ("ArnNotEquals", "aws:PrincipalArn", "arn:aws:iam::*:user/*", True),
        ("Null", "aws:username", "false", True),
        ("Null", "aws:username", True, False),
        ("Null", "aws:MultiFactorAuthAge", "true", True),
        ("ForAllValues:StringEquals", "aws:TagKeys", ["team", "cost", "other"], True),
        ("ForAllValues:StringEquals", "aws:TagKeys", ["team"], False),
        ("ForAllValues:StringEquals", "aws:Missing", ["team"], True),
        ("ForAnyValue:StringEquals", "aws:TagKeys", ["team"], True),
        ("ForAnyValue:StringEquals", "aws:TagKeys", ["other"], False),
        ("ForAnyValue:StringEquals", "aws:Missing", ["other"], False),
        ("ForAllValues:StringLike", "sagemaker:InstanceTypes", ["ml.m5.*"], True),
        ("ForAnyValue:StringNotLike", "sagemaker:InstanceTypes", ["ml.m5.large"], True),
        ("StringEquals", "aws:Missing", "x", False),
        ("StringEqualsIfExists", "aws:Missing", "x", True),
        ("StringEqualsIfExists", "aws:username", "x", False),
        ("StringNotEquals", "aws:Missing", "x", True),
    ],
)
def test_every_operator_answers_as_the_user_guide_says(operator, key, values, expected) -> None:
    assert holds(operator, key, values) is expected


def test_all_operators_and_keys_of_a_block_have_to_hold() -> None:
    block = {"StringEquals": {"aws:username": "bob"}, "Bool": {"aws:SecureTransport": "true"}}
    document = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": block}],
    }
    assert not parse(json.dumps(document)).statements[0].applies("a:b", "r", HERE)
