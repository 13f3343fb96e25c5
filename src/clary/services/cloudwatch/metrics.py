"""Metrics: their values put and their names listed."""

from __future__ import annotations

from typing import Any

from clary.services.cloudwatch.data import data_of
from clary.services.cloudwatch.faults import InvalidToken, InvalidValue
from clary.services.operation import Call, Operations, Params, Result, operation
from clary.services.page_tokens import BadToken, place_of, token_of
from clary.store.series import Metric, MetricQuery

PAGE_MAX = 500
LISTED_S = 14 * 24 * 3600
RECENT_S = 3 * 3600
RESERVED = "AWS/"


class Metrics(Operations):
    """What is measured."""

    @operation("PutMetricData")
    def put(self, call: Call, request: Params) -> Result:
        """Store values; entities that come with them are not kept, their values are."""
        namespace = request["Namespace"]
        if namespace.startswith(RESERVED):
            raise InvalidValue(f"The value {RESERVED} for parameter Namespace is invalid.")
        call.store.series.put(namespace, data_of(request, call.now))
        return None

    @operation("ListMetrics")
    def list(self, call: Call, request: Params) -> Result:
        """Return metrics that got values in the past two weeks, or three hours; all dimension filters must hold."""
        bound_to = {name: value for name, value in request.items() if name != "NextToken"}
        query = MetricQuery(
            namespace=request.get("Namespace", ""),
            name=request.get("MetricName", ""),
            dimensions=[(each["Name"], each.get("Value")) for each in request.get("Dimensions", ())],
            seen_after=call.now - (RECENT_S if "RecentlyActive" in request else LISTED_S),
            after=_after(bound_to, request.get("NextToken")),
        )
        metrics = call.store.series.metrics(query, PAGE_MAX + 1)
        answer: dict[str, Any] = {"Metrics": [_described(metric) for metric in metrics[:PAGE_MAX]]}
        if len(metrics) > PAGE_MAX:
            last = metrics[PAGE_MAX - 1]
            answer["NextToken"] = token_of(bound_to, [last.namespace, last.name, last.dimensions])
        if request.get("IncludeLinkedAccounts"):
            answer["OwningAccounts"] = [call.account] * len(answer["Metrics"])
        return answer


def _after(bound_to: Params, token: str | None) -> Metric | None:
    if token is None:
        return None
    try:
        namespace, name, dimensions = place_of(bound_to, token)
    except BadToken:
        raise InvalidToken from None
    return Metric(namespace, name, tuple((key, value) for key, value in dimensions))


def _described(metric: Metric) -> dict[str, Any]:
    return {
        "Namespace": metric.namespace,
        "MetricName": metric.name,
        "Dimensions": [{"Name": name, "Value": value} for name, value in metric.dimensions],
    }
