"""Filter patterns: a table of what matches what."""

from __future__ import annotations

import pytest

from clary.core.errors import ServiceError
from clary.services.logs.patterns import parse

APACHE = '127.0.0.1 - frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534'
EVENT = '{"type": "UpdateTrail", "code": 401, "ok": true, "gone": null, "tags": ["a", {"k": "v"}], "a.b": {"c-d": "5"}}'


@pytest.mark.parametrize(
    ("pattern", "message", "expected"),
    [
        ("", "anything", True),
        ("ERROR", "[ERROR] fatal", True),
        ("ERROR", "Exiting with ERRORCODE: -1", True),
        ("ERROR", "an error", False),
        ("ERROR Exception", "ERROR only", False),
        ("ERROR Exception", "Exception after ERROR", True),
        ('"internal error"', "an internal error", True),
        ('"internal error"', "internal  error", False),
        ('"say \\"hi\\""', 'they say "hi" again', True),
        ("ERROR -Exiting", "ERROR Exiting", False),
        ("ERROR -Exiting", "ERROR staying", True),
        ('-"health check"', "GET health check", False),
        ("?ERROR ?WARN", "WARN x", True),
        ("?ERROR ?WARN", "INFO x", False),
        ("?ERROR REQUEST", "REQUEST only", True),
        (r"%\d{3}-\d{4}%", "call 555-1234", True),
        (r"%\d{3}-\d{4}%", "call 5551234", False),
    ],
)
def test_terms(pattern: str, message: str, expected: bool) -> None:
    assert parse(pattern)(message) is expected


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ('{ $.type = "UpdateTrail" }', True),
        ('{ $.type = "Update*" }', True),
        ('{ $.type = "*Trail*" && $.code >= 400 }', True),
        ('{ $.type != "UpdateTrail" }', False),
        ('{ $.none != "x" }', False),
        ("{ $.code = 401 }", True),
        ("{ $.code = 4* }", False),
        ("{ $.code > 4.01e2 }", False),
        ("{ $.code < 402 }", True),
        ("{ $.type = Update* }", True),
        ("{ $.ok IS TRUE }", True),
        ("{ $.ok IS FALSE }", False),
        ("{ $.gone IS NULL }", True),
        ("{ $.none IS NULL }", False),
        ("{ $.none NOT EXISTS }", True),
        ("{ $.type NOT EXISTS }", False),
        ('{ $.tags[0] = "a" }', True),
        ('{ $.tags[1].k = "v" }', True),
        ('{ $.tags[2] = "v" }', False),
        ("{ $.['a.b'].c-d = 5 }", True),
        ('{ ($.code = 1 || $.code = 401) && $.type = "*" }', True),
        ("{ $.code = 401 || $.code = 1 && $.code = 2 }", True),
        ("{ $.type = %^Update.*$% }", True),
        ("{ $.type = %^Delete% }", False),
    ],
)
def test_json(pattern: str, expected: bool) -> None:
    assert parse(pattern)(EVENT) is expected


def test_json_patterns_pass_over_what_is_no_object() -> None:
    matches = parse("{ $.code NOT EXISTS }")
    assert [matches(each) for each in ("text", "[1]", "{broken", '{"a": 1}')] == [False, False, False, True]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("[ip, id, user, at, request, status, bytes]", True),
        ("[ip, id, user, at, request, status]", False),
        ("[ip, id, user, at, request, status = 404, bytes]", True),
        ("[ip, id, user, at, request, status = 4*, bytes > 1000]", True),
        ("[ip, id, user, at, request, status = 4*, bytes > 2000]", False),
        ('[ip, id, user, at, request = "*html*", ...]', True),
        ("[..., status = 404, bytes]", True),
        ("[ip = 127*, ..., bytes < 2000]", True),
        ("[..., status = 200 || status = 404, bytes]", True),
        ("[..., status != 404, bytes]", False),
        ("[..., status >= 400 && status < 500, bytes]", True),
        ("[ip = %127\\.0%, ...]", True),
    ],
)
def test_fields(pattern: str, expected: bool) -> None:
    assert parse(pattern)(APACHE) is expected


@pytest.mark.parametrize(
    "pattern",
    [
        "foo:bar", '"open', "{ $.a = }", "{ $.a = 1", "{ a = 1 }", "{ ($.a = 1 }", '{ $.a > "x" }', "[a, b",
        "[..., a, ...]", "[a =]", "%(%", "{ " + "(" * 50 + "$.a = 1" + ")" * 50 + " }",
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused(pattern: str) -> None:
    with pytest.raises(ServiceError) as caught:
        parse(pattern)
    assert caught.value.code == "InvalidParameterException"
    assert caught.value.message.startswith("Invalid filter pattern")


def test_an_expression_that_takes_too_long_matches_nothing() -> None:
    assert not parse("%(a|aa)+$%")("a" * 60 + "b")
