"""Rewards find the variant that earned them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from clary.cli.ab import answered as module
from clary.cli.ab.answered import answered, attributed
from clary.cli.ab.span import span

SPAN = span("1h", datetime(2026, 11, 22, 3, 0, tzinfo=UTC))


class Logs:
    def __init__(self, *events: tuple[str, str], error: str = "") -> None:
        self.events, self.error = events, error

    def get_paginator(self, operation: str) -> Logs:
        assert operation == "filter_log_events"
        return self

    def paginate(self, **request: Any) -> Iterator[dict[str, Any]]:
        assert request == {
            "logGroupName": "/aws/sagemaker/InferenceIds/e", "startTime": int(SPAN.start.timestamp() * 1000)
        }  # fmt: skip
        if self.error:
            raise ClientError({"Error": {"Code": self.error}}, "FilterLogEvents")
        for variant, inference_id in self.events:
            message = json.dumps({"eventMetadata": {"inferenceId": inference_id}})
            yield {"events": [{"logStreamName": variant, "message": message}]}


def test_each_inference_id_has_its_variant_and_a_repeated_note_is_the_same() -> None:
    logs = Logs(("a", "1"), ("b", "2"), ("a", "1"), ("a", "3"), ("b", "3"))
    assert answered(logs, "e", SPAN) == {"1": "a", "2": "b", "3": ""}


def test_an_endpoint_that_was_never_asked_with_an_inference_id_has_none() -> None:
    assert answered(Logs(error="ResourceNotFoundException"), "e", SPAN) == {}
    with pytest.raises(ClientError):
        answered(Logs(error="AccessDeniedException"), "e", SPAN)


def test_more_ids_than_fit_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "IDS_MAX", 1)
    with pytest.raises(ValueError, match="more than 1 inference ids"):
        answered(Logs(("a", "1"), ("a", "2")), "e", SPAN)


def test_rewards_that_nobody_or_several_earned_are_left_out() -> None:
    found = attributed({"1": 1.0, "2": 0.0, "3": 1.0, "4": 1.0}, {"1": "a", "2": "a", "3": ""})
    assert (found.rewards, found.unmatched, found.ambiguous) == ({"a": [1.0, 0.0]}, 1, 1)
