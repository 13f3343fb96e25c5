"""What SageMaker's nouns share: tags as attributes, lists, roles, and words for what is not built."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from clary.core.errors import ServiceError, ValidationError
from clary.services.operation import Call, Params
from clary.store.query import Query, Sort
from clary.store.records import Kind, Record

TAG = "tag:"
TAGS_MAX = 50
LIST_DEFAULT = 10
SORTS: Mapping[str, Sort] = {
    "Name": "name",
    "CreationTime": "created",
    "LastModifiedTime": "modified",
    "Status": "state",
}


def spec_of(request: Params) -> dict[str, Any]:
    """Return what of a Create request is kept as it came: all but the tags."""
    return {name: value for name, value in request.items() if name != "Tags"}


def tag_attributes(tags: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Return tags as attributes, or raise ValidationError."""
    keys = [tag["Key"] for tag in tags]
    if len(set(keys)) < len(keys):
        raise ValidationError("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
    if any(key.lower().startswith("aws:") for key in keys):
        raise ValidationError("Tag keys starting with aws: are reserved for system use.")
    return {TAG + tag["Key"]: tag["Value"] for tag in tags}


def tags_of(attributes: Mapping[str, str]) -> list[dict[str, str]]:
    """Return the tags among a record's attributes."""
    return [{"Key": name[len(TAG) :], "Value": value} for name, value in attributes.items() if name.startswith(TAG)]


def list_page(
    call: Call, request: Params, kind: Kind, summary: Callable[[Record], Mapping[str, Any]], *, descending: bool = True
) -> tuple[list[Mapping[str, Any]], dict[str, str]]:
    """Return the summaries of one page, and its NextToken if there are more.

    SageMaker's lists share their filters, and are sorted by creation time, newest first, unless the request says so.
    """
    order = request.get("SortOrder")
    page = call.store.records.page(
        kind,
        Query(
            limit=request.get("MaxResults", LIST_DEFAULT),
            token=request.get("NextToken", ""),
            sort=SORTS[request.get("SortBy", "CreationTime")],
            descending=descending if order is None else order == "Descending",
            name_contains=request.get("NameContains", ""),
            states=[request["StatusEquals"]] if "StatusEquals" in request else (),
            created_after=_epoch(request.get("CreationTimeAfter")),
            created_before=_epoch(request.get("CreationTimeBefore")),
            modified_after=_epoch(request.get("LastModifiedTimeAfter")),
            modified_before=_epoch(request.get("LastModifiedTimeBefore")),
        ),
    )
    return [summary(record) for record in page.items], {"NextToken": page.next_token} if page.next_token else {}


def require_role(call: Call, role_arn: str) -> None:
    """Raise ValidationError unless SageMaker may take the role on."""
    try:
        call.caller.as_role("sts", call.region, role_arn, "SageMaker")("GetCallerIdentity")
    except ServiceError as error:
        raise ValidationError(
            f"Could not assume role {role_arn}. Please ensure that the role exists and allows principal "
            "'sagemaker.amazonaws.com' to assume the role."
        ) from error


def refuse_unbuilt(request: Params, names: Sequence[str]) -> None:
    """Raise ValidationError for a feature that is not built, rather than leave it out in silence."""
    for name in names:
        if request.get(name):
            raise ValidationError(f"{name} is not built in Clary yet.")


def _epoch(at: Any) -> float | None:
    return None if at is None else at.timestamp()
