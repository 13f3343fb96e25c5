"""Archives of events."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

Refused = Callable[[str], Any]


def put(events: Any, source: str = "s") -> None:
    assert events("PutEvents", Entries=[{"Source": source, "DetailType": "d", "Detail": "{}"}])["FailedEntryCount"] == 0


@pytest.fixture
def bus(events: Any) -> str:
    return str(events("DescribeEventBus")["Arn"])


def test_an_archive_keeps_what_it_wants(aws: Any, events: Any, bus: str) -> None:
    pattern = json.dumps({"source": ["s"]})
    told = events("CreateArchive", ArchiveName="a", EventSourceArn=bus, EventPattern=pattern, RetentionDays=3)
    assert (told["State"], told["ArchiveArn"]) == (
        "ENABLED",
        f"arn:aws:events:us-east-1:{aws.account}:archive/a",
    )
    put(events)
    put(events, "other")
    told = events("DescribeArchive", ArchiveName="a")
    assert (told["EventCount"], told["RetentionDays"], told["EventPattern"]) == (1, 3, pattern)
    assert told["SizeBytes"] > 100


def test_archives_are_listed_changed_and_deleted(events: Any, bus: str, refused: Refused) -> None:
    for name in ("a1", "a2", "b"):
        events("CreateArchive", ArchiveName=name, EventSourceArn=bus)
    first = events("ListArchives", Limit=2)
    rest = events("ListArchives", NextToken=first["NextToken"])
    assert [each["ArchiveName"] for each in (*first["Archives"], *rest["Archives"])] == ["a1", "a2", "b"]
    assert len(events("ListArchives", NamePrefix="a")["Archives"]) == 2
    assert len(events("ListArchives", EventSourceArn=bus)["Archives"]) == 3
    assert events("ListArchives", State="DISABLED")["Archives"] == []
    events("UpdateArchive", ArchiveName="b", EventPattern=json.dumps({"source": ["other"]}), RetentionDays=9)
    put(events)
    assert [each["EventCount"] for each in events("ListArchives")["Archives"]] == [1, 1, 0]
    assert events("DescribeArchive", ArchiveName="b")["RetentionDays"] == 9
    events("DeleteArchive", ArchiveName="a1")
    with refused("ResourceNotFoundException"):
        events("DescribeArchive", ArchiveName="a1")


def test_what_is_no_archive_is_refused(events: Any, bus: str, refused: Refused) -> None:
    events("CreateArchive", ArchiveName="a", EventSourceArn=bus)
    with refused("ResourceAlreadyExistsException"):
        events("CreateArchive", ArchiveName="a", EventSourceArn=bus)
    with refused("ResourceNotFoundException"):
        events("CreateArchive", ArchiveName="b", EventSourceArn=f"{bus}-none")
    with refused("InvalidEventPatternException"):
        events("CreateArchive", ArchiveName="b", EventSourceArn=bus, EventPattern="{}")
    with refused("ValidationException"):
        events("ListArchives", NamePrefix="a", State="ENABLED")
    with refused("ValidationException"):
        events("UpdateArchive", ArchiveName="a", KmsKeyIdentifier="k")
