"""The history of alarms: states, actions and configurations, kept after the alarm itself is gone."""

from __future__ import annotations

from typing import Any

from clary.core.errors import ValidationError
from clary.resources.alarm import ALARM_HISTORY, AlarmType
from clary.services.cloudwatch.data import time_of
from clary.services.cloudwatch.faults import InvalidToken
from clary.services.operation import Call, Operations, Params, Result, operation
from clary.store.query import Query
from clary.store.records import Record

PAGE = 100
INSTANT_S = 1e-6


class AlarmHistories(Operations):
    """What happened to alarms."""

    @operation("DescribeAlarmHistory")
    def describe(self, call: Call, request: Params) -> Result:
        """Return items, the newest first unless asked otherwise; of metric alarms only unless AlarmTypes says more."""
        try:
            page = call.store.records.page(ALARM_HISTORY, _query(request))
        except ValidationError:
            raise InvalidToken from None
        items = [_shown(record) for record in page.items]
        return {"AlarmHistoryItems": items, **({"NextToken": page.next_token} if page.next_token else {})}


def _query(request: Params) -> Query:
    types = set(request.get("AlarmTypes", [AlarmType.METRIC]))
    filters = {"alarm": request.get("AlarmName"), "item": request.get("HistoryItemType"),
               "type": next(iter(types)) if len(types) == 1 else None}  # fmt: skip
    start, end = request.get("StartDate"), request.get("EndDate")
    return Query(
        limit=request.get("MaxRecords", PAGE),
        token=request.get("NextToken", ""),
        sort="created",
        descending=request.get("ScanBy") != "TimestampAscending",
        created_after=None if start is None else start.timestamp() - INSTANT_S,
        created_before=None if end is None else end.timestamp() + INSTANT_S,
        attributes={name: value for name, value in filters.items() if value is not None},
    )


def _shown(record: Record) -> dict[str, Any]:
    return {
        "AlarmName": record.spec["alarm"],
        "AlarmType": record.spec["type"],
        "Timestamp": time_of(record.spec["at"]),
        "HistoryItemType": record.spec["item"],
        "HistorySummary": record.spec["summary"],
        "HistoryData": record.spec["data"],
    }
