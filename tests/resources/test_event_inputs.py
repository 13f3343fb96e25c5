"""What targets are told of an event."""

from __future__ import annotations

import json
from typing import Any

import pytest

from clary.resources.event_inputs import BadInput, check_input, input_of

EVENT: dict[str, Any] = {
    "version": "0",
    "id": "1",
    "detail-type": "Job",
    "resources": ["arn:1", "arn:2"],
    "detail": {"name": 'a "b"', "state": "Failed", "count": 3, "tags": {"k": "v"}, "list": [{"x": 1}, {"x": 2}]},
}
GIVEN = {"aws.events.rule-name": "r", "aws.events.rule-arn": "arn:r"}


def told(**target: Any) -> str:
    target["Id"] = "t"
    check_input(target)
    return input_of(target, json.dumps(EVENT), GIVEN)


def transformed(template: str, **paths: str) -> str:
    return told(InputTransformer={"InputPathsMap": paths, "InputTemplate": template})


def test_without_a_word_it_is_the_event_itself() -> None:
    assert json.loads(told()) == EVENT


def test_a_constant_is_told_as_it_is() -> None:
    assert told(Input='{"a": 1}') == '{"a": 1}'


@pytest.mark.parametrize(
    ("path", "part"),
    [
        ("$", EVENT),
        ("$.detail.state", "Failed"),
        ("$.detail-type", "Job"),
        ("$.resources[1]", "arn:2"),
        ("$['detail']['count']", 3),
        ("$.detail.list[*].x", 1),
        ("$.detail.list[9]", {}),
        ("$.detail.state[0]", {}),
    ],
)
def test_a_path_leads_to_a_part(path: str, part: Any) -> None:
    assert json.loads(told(InputPath=path)) == part


@pytest.mark.parametrize(
    ("template", "filled"),
    [
        ('{"state": <state>, "count": <count>}', '{"state": "Failed", "count": 3}'),
        ('{"text": "is <state> <count> times"}', '{"text": "is Failed 3 times"}'),
        ('{"name": <name>, "in": "<name>"}', '{"name": "a \\"b\\"", "in": "a \\"b\\""}'),
        ('{"tags": <tags>, "in": "<tags>"}', '{"tags": {"k":"v"}, "in": "{\\"k\\":\\"v\\"}"}'),
        ('{"none": <none>, "in": "<none>"}', '{"none": "", "in": ""}'),
        ('"job is <state>, tagged <tags>"', '"job is Failed, tagged {k:v}"'),
        ('"one <count>"\n"two <state>"', '"one 3"\n"two Failed"'),
        ("<tags>", '{"k":"v"}'),
        ('{"rule": <aws.events.rule-name>, "by": "<aws.events.rule-arn>"}', '{"rule": "r", "by": "arn:r"}'),
    ],
)
def test_a_template_is_filled_in(template: str, filled: str) -> None:
    paths = {name: f"$.detail.{name}" for name in ("state", "count", "name", "tags", "none")}
    assert transformed(template, **paths) == filled


def test_a_template_can_hold_the_event_with_and_without_its_detail() -> None:
    assert json.loads(transformed("<aws.events.event.json>")) == EVENT
    assert json.loads(transformed("<aws.events.event>")) == {k: v for k, v in EVENT.items() if k != "detail"}


@pytest.mark.parametrize(
    "target",
    [
        {"Input": "{"},
        {"Input": "1", "InputPath": "$"},
        {"InputPath": "detail"},
        {"InputPath": "$.a..b"},
        {"InputTransformer": {"InputTemplate": "no quotes"}},
        {"InputTransformer": {"InputTemplate": '{"a": <b>}'}},
        {"InputTransformer": {"InputTemplate": '{"a": <b>', "InputPathsMap": {"b": "$.b"}}},
        {"InputTransformer": {"InputTemplate": "<b>", "InputPathsMap": {"b": "b"}}},
        {"InputTransformer": {"InputTemplate": "<aws.b>", "InputPathsMap": {"aws.b": "$.b"}}},
    ],
)
def test_what_could_never_be_told_is_refused(target: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        check_input({"Id": "t", **target})
