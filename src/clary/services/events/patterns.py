"""A pattern held against an event, to see whether it fits."""

from __future__ import annotations

from clary.resources.event_conditions import BadPattern
from clary.resources.event_patterns import compile_pattern, read_event
from clary.services.events.faults import Invalid, InvalidPattern
from clary.services.operation import Call, Operations, Params, Result, operation

FIELDS = ("id", "account", "source", "time", "region", "resources", "detail-type")


class Patterns(Operations):
    """TestEventPattern."""

    @operation("TestEventPattern")
    def test(self, call: Call, request: Params) -> Result:
        """Tell whether an event fits a pattern."""
        try:
            event = read_event(request["Event"])
        except ValueError:
            event = None
        if not isinstance(event, dict):
            raise Invalid("Parameter Event is not valid.")
        missing = [name for name in FIELDS if name not in event]
        if missing:
            raise Invalid(f"Parameter Event is not valid. Reason: it must have {', '.join(missing)}.")
        try:
            return {"Result": compile_pattern(request["EventPattern"])(event)}
        except BadPattern as wrong:
            raise InvalidPattern(wrong) from None
