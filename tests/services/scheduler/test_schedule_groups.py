"""Groups of schedules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from clary.resources.event_schedules import SCHEDULE_GROUP

Refused = Callable[[str], Any]


def test_groups_are_made_shown_listed_and_deleted_with_their_schedules(
    aws: Any, scheduler: Any, asked: dict[str, Any], refused: Refused
) -> None:
    told = scheduler("CreateScheduleGroup", Name="g")
    arn = f"arn:aws:scheduler:us-east-1:{aws.account}:schedule-group/g"
    assert told == {"ScheduleGroupArn": arn}
    shown = scheduler("GetScheduleGroup", Name="g")
    assert (shown["Arn"], shown["State"]) == (arn, "ACTIVE")
    scheduler("CreateSchedule", Name="s", GroupName="g", **asked)
    first = scheduler("ListScheduleGroups", MaxResults=1)
    rest = scheduler("ListScheduleGroups", MaxResults=1, NextToken=first["NextToken"])
    assert [each["Name"] for each in (*first["ScheduleGroups"], *rest["ScheduleGroups"])] == ["default", "g"]
    assert [each["Name"] for each in scheduler("ListScheduleGroups", NamePrefix="g")["ScheduleGroups"]] == ["g"]
    with refused("ConflictException"):
        scheduler("CreateScheduleGroup", Name="g")
    scheduler("DeleteScheduleGroup", Name="g")
    with refused("ResourceNotFoundException"):
        scheduler("GetScheduleGroup", Name="g")
    assert scheduler("ListSchedules")["Schedules"] == []


def test_the_default_group_stays(scheduler: Any, refused: Refused) -> None:
    with refused("ValidationException"):
        scheduler("DeleteScheduleGroup", Name="default")
    assert scheduler("GetScheduleGroup", Name="default")["Name"] == "default"


def test_an_account_has_five_hundred_groups_at_most(aws: Any, scheduler: Any, refused: Refused) -> None:
    with aws.store.records(aws.account, aws.region).together() as records:
        for number in range(499):
            records.create(SCHEDULE_GROUP, f"g{number}", {})
    with refused("ServiceQuotaExceededException"):
        scheduler("CreateScheduleGroup", Name="one-more")
