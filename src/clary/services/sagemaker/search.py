"""Search: filters over what Describe shows, as one expression of ands and ors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import cmp_to_key
from typing import Any

from clary.core.errors import ValidationError
from clary.resources.training_job import TRAINING_JOB
from clary.services.operation import Call, Operations, Params, Result, operation
from clary.services.sagemaker.nouns import tags_of
from clary.services.sagemaker.training.training_jobs import view
from clary.store.query import PAGE_MAX, Query
from clary.store.records import Record

MATCHES_MAX = 10_000
PAGE_DEFAULT = 20
DEPTH_MAX = 20
Property = Any


class Search(Operations):
    """Search of the resources that are built."""

    @operation("Search")
    def search(self, call: Call, request: Params) -> Result:
        """Return a page of the resources that match, the newest change first unless sorted otherwise."""
        if request["Resource"] != "TrainingJob":
            raise ValidationError(f"Search of {request['Resource']} is not built in Clary yet.")
        expression = request.get("SearchExpression", {})
        found = [job for job in _jobs(call) if matches(job, expression)]
        name = request.get("SortBy", "LastModifiedTime")
        found.sort(key=cmp_to_key(_order(name)), reverse=request.get("SortOrder", "Descending") == "Descending")
        return _page(found, request)


def _page(found: list[dict[str, Any]], request: Params) -> dict[str, Any]:
    text = request.get("NextToken", "0")
    if not text.isdecimal():
        raise ValidationError("Invalid pagination token.")
    start, size = int(text), request.get("MaxResults", PAGE_DEFAULT)
    page: dict[str, Any] = {
        "Results": [{"TrainingJob": job} for job in found[start : start + size]],
        "TotalHits": {"Value": len(found), "Relation": "EqualTo"},
    }
    if start + size < len(found):
        page["NextToken"] = str(start + size)
    return page


def _jobs(call: Call) -> Iterator[dict[str, Any]]:
    token = ""
    for _ in range(MATCHES_MAX // PAGE_MAX):
        page = call.store.records.page(TRAINING_JOB, Query(limit=PAGE_MAX, token=token))
        for record in page.items:
            yield _searchable(call, record)
        token = page.next_token
        if not token:
            return


def _searchable(call: Call, record: Record) -> dict[str, Any]:
    return {**view(record), "Tags": tags_of(call.store.records.attributes(record.uid))}


def matches(resource: Mapping[str, Any], expression: Mapping[str, Any], depth: int = 0) -> bool:
    """Say whether a resource meets a search expression."""
    if depth > DEPTH_MAX:
        raise ValidationError("The search expression is nested too deeply.")
    told = [_holds(resource, each) for each in expression.get("Filters", ())]
    told += [_nested(resource, each) for each in expression.get("NestedFilters", ())]
    told += [matches(resource, each, depth + 1) for each in expression.get("SubExpressions", ())]
    return any(told) if told and expression.get("Operator") == "Or" else all(told)


def _nested(resource: Mapping[str, Any], nested: Mapping[str, Any]) -> bool:
    """Say whether one element of a list meets all the filters at once."""
    elements = resource.get(nested["NestedPropertyName"], ())
    prefix = nested["NestedPropertyName"] + "."
    filters = [{**each, "Name": each["Name"].removeprefix(prefix)} for each in nested["Filters"]]
    return any(all(_holds(element, each) for each in filters) for element in elements)


def _holds(resource: Mapping[str, Any], condition: Mapping[str, str]) -> bool:
    value = _property(resource, condition["Name"])
    operator = condition.get("Operator", "Equals")
    if operator == "Exists":
        return value is not None
    if operator == "NotExists":
        return value is None
    test = TESTS[operator]
    if value is None:
        return operator == "NotEquals"
    return test(value, condition.get("Value", ""))


def _property(resource: Mapping[str, Any], name: str) -> Property:
    if name.startswith("Tags."):
        return next((tag["Value"] for tag in resource.get("Tags", ()) if tag["Key"] == name[len("Tags.") :]), None)
    value: Any = resource
    for part in name.split("."):
        if not isinstance(value, Mapping) or part not in value:
            return None
        value = value[part]
    return value


def _compare(value: Property, text: str) -> int:
    """Compare a property with a filter's text: as numbers or times where the property is one."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        wanted = _number(text)
        return (value > wanted) - (value < wanted)
    told = str(value).lower() if isinstance(value, bool) else str(value)
    return (told > text) - (told < text)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        pass
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        raise ValidationError(f"The filter value {text!r} is neither a number nor a time.") from None


TESTS: Mapping[str, Callable[[Property, str], bool]] = {
    "Equals": lambda value, text: _compare(value, text) == 0,
    "NotEquals": lambda value, text: _compare(value, text) != 0,
    "GreaterThan": lambda value, text: _compare(value, text) > 0,
    "GreaterThanOrEqualTo": lambda value, text: _compare(value, text) >= 0,
    "LessThan": lambda value, text: _compare(value, text) < 0,
    "LessThanOrEqualTo": lambda value, text: _compare(value, text) <= 0,
    "Contains": lambda value, text: text in str(value),
    "In": lambda value, text: any(_compare(value, each.strip()) == 0 for each in text.split(",")),
}


def _order(name: str) -> Callable[[Mapping[str, Any], Mapping[str, Any]], int]:
    def order(one: Mapping[str, Any], other: Mapping[str, Any]) -> int:
        mine, theirs = _property(one, name), _property(other, name)
        if mine is None or theirs is None:
            return (mine is not None) - (theirs is not None)
        if isinstance(mine, str) or isinstance(theirs, str):
            mine, theirs = str(mine), str(theirs)
        return (mine > theirs) - (mine < theirs)

    return order
