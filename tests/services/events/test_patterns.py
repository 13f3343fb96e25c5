"""Patterns held against events."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

Refused = Callable[[str], Any]
EVENT = {"id": "1", "account": "2", "source": "s", "time": "t", "region": "r", "resources": [], "detail-type": "d"}


def test_a_pattern_fits_or_not(events: Any) -> None:
    for source, fits in (("s", True), ("x", False)):
        pattern = json.dumps({"source": [source]})
        assert events("TestEventPattern", EventPattern=pattern, Event=json.dumps(EVENT)) == {"Result": fits}


def test_what_is_no_pattern_or_no_event_is_refused(events: Any, refused: Refused) -> None:
    with refused("InvalidEventPatternException"):
        events("TestEventPattern", EventPattern="[]", Event=json.dumps(EVENT))
    for event in ("{", "[]", '{"id": "1"}'):
        with refused("ValidationException"):
            events("TestEventPattern", EventPattern='{"source": ["s"]}', Event=event)
