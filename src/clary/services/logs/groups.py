"""Log groups: made, listed, protected and deleted."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

from clary.services.logs.faults import InvalidParameter, told
from clary.services.logs.names import group_arn, group_of
from clary.services.operation import Call, Operations, Params, Result, operation
from clary.services.page_tokens import place_of, token_of
from clary.store.log_queries import GroupQuery
from clary.store.logs import LogGroup, Missing

DESCRIBE_MAX = 50
BATCH = 500


class LogGroups(Operations):
    """What holds the streams that share retention, tags and permissions."""

    @operation("CreateLogGroup")
    def create(self, call: Call, request: Params) -> Result:
        """Make a group."""
        if request.get("kmsKeyId"):
            raise InvalidParameter("Log groups cannot be encrypted with a KMS key yet; leave kmsKeyId out.")
        with told("log group"):
            call.store.logs.create_group(
                request["logGroupName"],
                storage_class=request.get("logGroupClass", "STANDARD"),
                protected=request.get("deletionProtectionEnabled", False),
                tags=request.get("tags"),
            )
        return None

    @operation("DeleteLogGroup")
    def delete(self, call: Call, request: Params) -> Result:
        """Forget a group with all its events."""
        with told("log group"):
            call.store.logs.delete_group(request["logGroupName"])
        return None

    @operation("PutLogGroupDeletionProtection")
    def protect(self, call: Call, request: Params) -> Result:
        """Guard a group from deletion, or let it go."""
        with told("log group"):
            name = group_of(call, request["logGroupIdentifier"])
            call.store.logs.protect(name, protected=request["deletionProtectionEnabled"])
        return None

    @operation("DescribeLogGroups")
    def describe(self, call: Call, request: Params) -> Result:
        """Return groups by name, filtered by prefix, substring, class or a list of them."""
        if request.get("logGroupNamePrefix") and request.get("logGroupNamePattern"):
            raise InvalidParameter("LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.")
        if identifiers := request.get("logGroupIdentifiers"):
            return {"logGroups": [_described(call, group) for group in _existing(call, identifiers)]}
        bound_to = {name: value for name, value in request.items() if name not in ("nextToken", "limit")}
        query = GroupQuery(
            prefix=request.get("logGroupNamePrefix", ""),
            contains=request.get("logGroupNamePattern", ""),
            storage_class=request.get("logGroupClass", ""),
            after=_after(bound_to, request),
        )
        limit = request.get("limit", DESCRIBE_MAX)
        groups = call.store.logs.groups(query, limit + 1)
        answer: dict[str, Any] = {"logGroups": [_described(call, group) for group in groups[:limit]]}
        if len(groups) > limit:
            answer["nextToken"] = token_of(bound_to, [groups[limit - 1].name])
        return answer

    @operation("ListLogGroups")
    def list(self, call: Call, request: Params) -> Result:
        """Return short descriptions of groups whose name matches a pattern and whose tags match filters."""
        for unbuilt in ("dataSources", "fieldIndexNames"):
            if request.get(unbuilt):
                raise InvalidParameter(f"Filtering by {unbuilt} is not supported yet; leave it out.")
        bound_to = {name: value for name, value in request.items() if name not in ("nextToken", "limit")}
        query = GroupQuery(storage_class=request.get("logGroupClass", ""), after=_after(bound_to, request))
        limit = request.get("limit", DESCRIBE_MAX)
        groups = [*islice(_listed(call, query, request), limit + 1)]
        answer: dict[str, Any] = {"logGroups": [_summary(call, group) for group in groups[:limit]]}
        if len(groups) > limit:
            answer["nextToken"] = token_of(bound_to, [groups[limit - 1].name])
        return answer


def _after(bound_to: Params, request: Params) -> str:
    if "nextToken" not in request:
        return ""
    with told():
        return str(place_of(bound_to, request["nextToken"])[0])


def _existing(call: Call, identifiers: list[str]) -> Iterator[LogGroup]:
    for identifier in identifiers:
        try:
            yield call.store.logs.group(group_of(call, identifier))
        except Missing:
            continue


def _listed(call: Call, query: GroupQuery, request: Params) -> Iterator[LogGroup]:
    pattern = re.compile(request.get("logGroupNamePattern", "").replace(".", r"\."))
    filters = request.get("logGroupTags", [])
    more = True
    while more:
        groups = call.store.logs.groups(query, BATCH)
        for group in groups:
            if pattern.search(group.name) and all(_tagged(group, each) for each in filters):
                yield group
        more = len(groups) == BATCH
        if more:
            query = GroupQuery(storage_class=query.storage_class, after=groups[-1].name)


def _tagged(group: LogGroup, tag_filter: Params) -> bool:
    value = group.tags.get(tag_filter["key"])
    wanted = tag_filter.get("values", [])
    return value is not None and (not wanted or any(_fits(value, each) for each in wanted))


def _fits(value: str, wanted: str) -> bool:
    """Say whether a tag's value is what a filter wants: `!` negates, `*` at either end is anything."""
    negated = wanted.startswith("!")
    text = re.escape(wanted.removeprefix("!")).replace(r"\*", ".*")
    return negated != bool(re.fullmatch(text, value, re.DOTALL))


def _described(call: Call, group: LogGroup) -> dict[str, Any]:
    arn = group_arn(call, group.name)
    described = {
        "logGroupName": group.name,
        "creationTime": group.created_ms,
        "metricFilterCount": 0,
        "arn": f"{arn}:*",
        "logGroupArn": arn,
        "storedBytes": group.stored_bytes,
        "logGroupClass": group.storage_class,
        "deletionProtectionEnabled": group.protected,
    }
    if group.retention_days is not None:
        described["retentionInDays"] = group.retention_days
    return described


def _summary(call: Call, group: LogGroup) -> dict[str, Any]:
    return {
        "logGroupName": group.name,
        "logGroupArn": group_arn(call, group.name),
        "logGroupClass": group.storage_class,
    }
