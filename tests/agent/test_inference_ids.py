"""What workers noted becomes events that anybody reads who may read logs."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from clary.agent.inference_ids import GROUP, RETENTION_DAYS, InferenceIds
from clary.store.inference_ids import Notes
from clary.store.log_events import Bounds, Span
from clary.store.log_queries import StreamQuery
from clary.store.store import Store

ACCOUNT, REGION = "111111111111", "us-east-1"


def test_each_variant_has_a_stream_of_the_ids_that_it_answered(store: Store, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    notes, taker = Notes(tmp_path, "gateway-0", now.timestamp), InferenceIds(store, tmp_path)
    for variant, number in (("a", 1), ("b", 2), ("a", 3)):
        notes.note(ACCOUNT, REGION, "e", variant, f"id-{number}", f"r-{number}")
    taker.take()
    taker.take()
    notes.note(ACCOUNT, REGION, "f", "a", "id-4", "r-4")
    notes.close()
    taker.take()
    assert list(tmp_path.glob("*.ids")) == []
    logs = store.logs(ACCOUNT, REGION)
    assert logs.group(GROUP + "e").retention_days == RETENTION_DAYS
    streams = [each.name for each in logs.streams(GROUP + "e", StreamQuery(), 10)]
    assert sorted(streams) == ["a", "b"]
    told = [json.loads(each.message) for each in logs.events(GROUP + "e", "a", Span(), Bounds(10, 10_000))]
    assert [each["eventMetadata"]["inferenceId"] for each in told] == ["id-1", "id-3"]
    metadata = {"eventId": "r-1", "inferenceId": "id-1", "inferenceTime": now.strftime("%Y-%m-%dT%H:%M:%SZ")}
    assert told[0] == {"eventMetadata": metadata, "eventVersion": "0"}


def test_a_group_that_is_there_keeps_its_retention(store: Store, tmp_path: Path) -> None:
    logs = store.logs(ACCOUNT, REGION)
    logs.create_group(GROUP + "e")
    logs.retain(GROUP + "e", 1)
    notes = Notes(tmp_path, "gateway-0", store.clock)
    notes.note(ACCOUNT, REGION, "e", "a", "i", "r")
    InferenceIds(store, tmp_path).take()
    assert logs.group(GROUP + "e").retention_days == 1
    notes.close()
