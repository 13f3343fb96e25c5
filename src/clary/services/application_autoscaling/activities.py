"""Scaling activities: what was done, and why; and what was not done."""

from __future__ import annotations

from typing import Any

from clary.core.errors import ValidationError
from clary.resources.scaling import SCALING_ACTIVITY
from clary.services.application_autoscaling.lookups import MANY, limit_of, read
from clary.services.operation import Call, Operations, Params, Result, operation
from clary.store.query import Query
from clary.store.records import Record

FILTERS = {"namespace": "ServiceNamespace", "resource": "ResourceId", "dimension": "ScalableDimension"}


class Activities(Operations):
    """DescribeScalingActivities."""

    @operation("DescribeScalingActivities")
    def describe(self, call: Call, request: Params) -> Result:
        """Return a page of activities, the newest first; those that did nothing only on request."""
        if "ScalableDimension" in request and "ResourceId" not in request:
            raise ValidationError("If you specify a scalable dimension, you must also specify a resource ID.")
        attributes = {name: request[member] for name, member in FILTERS.items() if member in request}
        if not request.get("IncludeNotScaledActivities", False):
            attributes["scaled"] = "yes"
        query = Query(
            limit=limit_of(request, MANY), token=request.get("NextToken", ""), descending=True, attributes=attributes
        )
        found, token = read(call.store.records, SCALING_ACTIVITY, query)
        return {"ScalingActivities": [_shown(each) for each in found], **({"NextToken": token} if token else {})}


def _shown(record: Record) -> dict[str, Any]:
    return {**record.spec, "StatusCode": record.state}
