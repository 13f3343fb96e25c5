"""Groups of schedules; the default one is made when it is first asked for."""

from __future__ import annotations

from typing import Any

from clary.resources.event_schedules import DEFAULT_GROUP, SCHEDULE_GROUP, group_arn
from clary.services.operation import Call, Operations, Params, Result, operation
from clary.services.record_tags import tag_attributes
from clary.services.scheduler.faults import Conflict, Invalid, NotFound, QuotaExceeded
from clary.store.query import Query
from clary.store.records import NameTaken, Record, Records

GROUPS_MAX = 500
PAGE_DEFAULT = 100


class ScheduleGroups(Operations):
    """CreateScheduleGroup and its siblings."""

    @operation("CreateScheduleGroup")
    def create(self, call: Call, request: Params) -> Result:
        """Make a group."""
        name = request["Name"]
        tags = tag_attributes(request.get("Tags", ()))
        group_named(call.store.records, DEFAULT_GROUP)
        with call.store.records.together() as records:
            if len(records.page(SCHEDULE_GROUP, Query(limit=GROUPS_MAX)).items) == GROUPS_MAX:
                raise QuotaExceeded(f"The quota of {GROUPS_MAX} schedule groups has been reached.")
            try:
                group = records.create(SCHEDULE_GROUP, name, {}, attributes=tags)
            except NameTaken:
                raise Conflict(f"Schedule group {name} already exists.") from None
        return {"ScheduleGroupArn": _arn(group)}

    @operation("GetScheduleGroup")
    def get(self, call: Call, request: Params) -> Result:
        """Return a group."""
        return _view(group_named(call.store.records, request["Name"]))

    @operation("ListScheduleGroups")
    def list(self, call: Call, request: Params) -> Result:
        """Return a page of groups by name."""
        group_named(call.store.records, DEFAULT_GROUP)
        query = Query(
            limit=request.get("MaxResults", PAGE_DEFAULT),
            token=request.get("NextToken", ""),
            name_prefix=request.get("NamePrefix", ""),
        )
        page = call.store.records.page(SCHEDULE_GROUP, query)
        more = {"NextToken": page.next_token} if page.next_token else {}
        return {"ScheduleGroups": [_view(each) for each in page.items], **more}

    @operation("DeleteScheduleGroup")
    def delete(self, call: Call, request: Params) -> Result:
        """Forget a group and its schedules, in one transaction."""
        if request["Name"] == DEFAULT_GROUP:
            raise Invalid("The default schedule group cannot be deleted.")
        with call.store.records.together() as records:
            group = group_named(records, request["Name"])
            for schedule in records.children(group.uid):
                records.remove(schedule)
            records.remove(group)
        return {}


def group_named(records: Records, name: str) -> Record:
    """Return a group, or raise NotFound."""
    group = records.find(SCHEDULE_GROUP, name)
    if group is not None:
        return group
    if name != DEFAULT_GROUP:
        raise NotFound(f"Schedule group {name} does not exist.")
    try:
        return records.create(SCHEDULE_GROUP, name, {})
    except NameTaken as taken:
        return taken.record


def _arn(group: Record) -> str:
    return group_arn(group.account, group.region, group.name)


def _view(group: Record) -> dict[str, Any]:
    return {
        "Arn": _arn(group),
        "Name": group.name,
        "State": "ACTIVE",
        "CreationDate": group.created,
        "LastModificationDate": group.modified,
    }
