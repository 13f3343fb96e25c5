"""Retention: after how many days the events of a group expire."""

from __future__ import annotations

from clary.services.logs.faults import InvalidParameter, told
from clary.services.operation import Call, Operations, Params, Result, operation

DAYS = (
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
)  # fmt: skip


class Retention(Operations):
    """The retention policy of a log group."""

    @operation("PutRetentionPolicy")
    def put(self, call: Call, request: Params) -> Result:
        """Let events expire after one of AWS's numbers of days."""
        days = request["retentionInDays"]
        if days not in DAYS:
            raise InvalidParameter(
                f"1 validation error detected: Value '{days}' at 'retentionInDays' failed to satisfy constraint: "
                f"Member must satisfy enum value set: {list(DAYS)}"
            )
        with told():
            call.store.logs.retain(request["logGroupName"], days)
        return None

    @operation("DeleteRetentionPolicy")
    def delete(self, call: Call, request: Params) -> Result:
        """Let events never expire."""
        with told():
            call.store.logs.retain(request["logGroupName"], None)
        return None
