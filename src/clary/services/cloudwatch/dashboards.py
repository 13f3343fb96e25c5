"""Dashboards: documents that the console draws, kept as they were put once they are found valid."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from clary.core.errors import ServiceError, ValidationError
from clary.core.ids import arn
from clary.services.cloudwatch.alarm_records import tag_attributes, tags_of
from clary.services.cloudwatch.data import time_of
from clary.services.cloudwatch.faults import InvalidToken, InvalidValue, NotFound
from clary.services.operation import Call, Operations, Params, Result, operation
from clary.store.query import Query
from clary.store.records import Change, Kind, Record, Unique

DASHBOARD = Kind("cloudwatch", "dashboard", Unique.ACCOUNT)
NAME = re.compile(r"[A-Za-z0-9_-]{1,255}")
PAGE = 1000
WIDGETS_MAX = 500
BODY_BYTES_MAX = 1024 * 1024
WIDTH_MAX, HEIGHT_MAX = 24, 1000
TYPES = ("alarm", "custom", "explorer", "log", "metric", "text")
KNOWN = frozenset({"widgets", "start", "end", "periodOverride", "variables"})
Finding = tuple[str, str]
"""A path in the document, and what is wrong there."""


class Dashboards(Operations):
    """Dashboards of an account, the same in every region."""

    @operation("PutDashboard")
    def put(self, call: Call, request: Params) -> Result:
        """Make a dashboard or replace one; what looks odd but does no harm comes back as messages."""
        name, body = request["DashboardName"], request["DashboardBody"]
        if not NAME.fullmatch(name):
            raise InvalidValue(f"The value {name} for field DashboardName contains invalid characters.")
        document = _document(body)
        wrong = list(_wrong(document))
        if wrong:
            raise _refused(wrong)
        with call.store.records.together() as records:
            found = records.find(DASHBOARD, name)
            if found is None:
                records.create(DASHBOARD, name, {"body": body}, attributes=tag_attributes(tags_of(request)))
            else:
                records.update(found, Change(spec={"body": body}))
        odd = [(f"/{key}", "Should NOT have additional properties") for key in document if key not in KNOWN]
        return {"DashboardValidationMessages": [{"DataPath": path, "Message": told} for path, told in odd]}

    @operation("GetDashboard")
    def get(self, call: Call, request: Params) -> Result:
        """Return a dashboard as it was put."""
        record = _found(call, request["DashboardName"])
        return {
            "DashboardArn": dashboard_arn(call.account, record.name),
            "DashboardBody": record.spec["body"],
            "DashboardName": record.name,
        }

    @operation("ListDashboards")
    def list(self, call: Call, request: Params) -> Result:
        """Return dashboards by name."""
        query = Query(
            limit=PAGE, token=request.get("NextToken", ""), name_prefix=request.get("DashboardNamePrefix", "")
        )
        try:
            page = call.store.records.page(DASHBOARD, query)
        except ValidationError:
            raise InvalidToken from None
        entries = [_entry(record) for record in page.items]
        return {"DashboardEntries": entries, **({"NextToken": page.next_token} if page.next_token else {})}

    @operation("DeleteDashboards")
    def delete(self, call: Call, request: Params) -> Result:
        """Delete dashboards: all of them, or none if one is not there."""
        with call.store.records.together() as records:
            for name in dict.fromkeys(request["DashboardNames"]):
                record = records.find(DASHBOARD, name)
                if record is None:
                    raise NotFound(f"Dashboard {name} does not exist")
                records.remove(record)
        return {}


def dashboard_arn(account: str, name: str) -> str:
    """Return the ARN of a dashboard, which has no region."""
    return arn("cloudwatch", "", account, f"dashboard/{name}")


def _found(call: Call, name: str) -> Record:
    record = call.store.records.find(DASHBOARD, name)
    if record is None:
        raise NotFound(f"Dashboard {name} does not exist")
    return record


def _entry(record: Record) -> dict[str, Any]:
    return {
        "DashboardName": record.name,
        "DashboardArn": dashboard_arn(record.account, record.name),
        "LastModified": time_of(record.modified),
        "Size": len(record.spec["body"].encode()),
    }


def _document(body: str) -> Mapping[str, Any]:
    if len(body.encode()) > BODY_BYTES_MAX:
        raise _refused([("", f"The body must not have more than {BODY_BYTES_MAX} bytes")])
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise _refused([("", "The body must be a JSON object")])
    return document


def _wrong(document: Mapping[str, Any]) -> Iterator[Finding]:
    widgets = document.get("widgets")
    if not isinstance(widgets, list):
        yield "", "Should have required property 'widgets'"
        return
    if len(widgets) > WIDGETS_MAX:
        yield "/widgets", f"Should NOT have more than {WIDGETS_MAX} items"
    for index, widget in enumerate(widgets):
        yield from _wrong_widget(f"/widgets/{index}", widget)


def _wrong_widget(path: str, widget: Any) -> Iterator[Finding]:
    if not isinstance(widget, dict):
        yield path, "Should be object"
        return
    for name in ("type", "properties"):
        if name not in widget:
            yield path, f"Should have required property '{name}'"
    if widget.get("type", TYPES[0]) not in TYPES:
        yield f"{path}/type", "Should be equal to one of the allowed values: " + ", ".join(TYPES)
    if not isinstance(widget.get("properties", {}), dict):
        yield f"{path}/properties", "Should be object"
    elif widget.get("type") == "metric" and not {"metrics", "annotations"} & set(widget.get("properties", {})):
        yield f"{path}/properties", "Should have required property 'metrics'"
    bounds = (("x", 0, WIDTH_MAX - 1), ("y", 0, None), ("width", 1, WIDTH_MAX), ("height", 1, HEIGHT_MAX))
    for name, least, most in bounds:
        value = widget.get(name, least)
        if isinstance(value, bool) or not isinstance(value, int):
            yield f"{path}/{name}", "Should be integer"
        elif value < least or (most is not None and value > most):
            yield f"{path}/{name}", f"Should be >= {least}" + ("" if most is None else f" and <= {most}")


def _refused(found: list[Finding]) -> ServiceError:
    messages = [{"DataPath": path, "Message": told} for path, told in found]
    shown = json.dumps([{"dataPath": path, "message": told} for path, told in found])
    return ServiceError(
        f"The dashboard body is invalid, there are {len(found)} validation errors: {shown}",
        code="InvalidParameterInput",
        status=400,
        dashboardValidationMessages=messages,
    )
