"""Log groups, streams and events on a real file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from clary.store.database import Database
from clary.store.log_archive import DELETE_EVENTS, LogArchive
from clary.store.log_events import Bounds, LogEvent, Position, Span
from clary.store.log_queries import GroupQuery, Search, StreamQuery
from clary.store.logs import EVENT_BYTES_MAX, Logs, Missing, Protected, Taken

NOW = 1_800_000_000.0
NOW_MS = int(NOW * 1000)
DAY_MS = 24 * 3600 * 1000
PAGE = Bounds(events_max=10_000, bytes_max=1024 * 1024)


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[LogArchive]:
    database = Database(tmp_path, "logs")
    database.migrate()
    archive = LogArchive(database, lambda: NOW)
    yield archive
    archive.close()


@pytest.fixture
def logs(archive: LogArchive) -> Logs:
    return archive.of("111111111111", "us-east-1")


def lines(count: int, at_ms: int = NOW_MS) -> list[tuple[int, str]]:
    return [(at_ms + number, f"line {number}") for number in range(count)]


def everything(logs: Logs, group: str, stream: str) -> list[str]:
    return [event.message for event in logs.events(group, stream, Span(), PAGE)]


def test_put_makes_the_group_and_the_stream(logs: Logs) -> None:
    logs.put("/aws/sagemaker/TrainingJobs", "job/algo-1", lines(3))
    assert everything(logs, "/aws/sagemaker/TrainingJobs", "job/algo-1") == ["line 0", "line 1", "line 2"]
    stream = logs.stream("/aws/sagemaker/TrainingJobs", "job/algo-1")
    assert (stream.first_ms, stream.last_ms, stream.ingested_ms) == (NOW_MS, NOW_MS + 2, NOW_MS)


def test_a_batch_that_was_stored_already_is_skipped(logs: Logs) -> None:
    logs.put("g", "s", lines(2), mark=("algo-1.log", 20))
    logs.put("g", "s", lines(2), mark=("algo-1.log", 20))
    assert len(everything(logs, "g", "s")) == 2
    assert logs.shipped("algo-1.log") == 20
    assert logs.shipped("algo-2.log") == 0
    logs.put("g", "s", lines(1), mark=("algo-1.log", 30))
    assert len(everything(logs, "g", "s")) == 3


def test_a_batch_that_fails_moves_no_mark(logs: Logs) -> None:
    with pytest.raises(TypeError):
        logs.put("g", "s", [(NOW_MS, "good"), ("now", "bad")], mark=("algo-1.log", 20))  # type: ignore[list-item]
    assert logs.shipped("algo-1.log") == 0
    with pytest.raises(Missing):
        logs.group("g")


def test_lines_of_the_platform_are_cut_and_empty_ones_dropped(logs: Logs) -> None:
    logs.put("g", "s", [(NOW_MS, ""), (NOW_MS, "é" * EVENT_BYTES_MAX)])
    (message,) = everything(logs, "g", "s")
    assert EVENT_BYTES_MAX - 2 < len(message.encode()) <= EVENT_BYTES_MAX
    assert set(message) == {"é"}


def test_what_is_no_text_does_not_hold_a_batch_up(logs: Logs) -> None:
    logs.put("g", "s", [(NOW_MS, "half \ud83d of a pair"), (NOW_MS, "nul \0 and é")])
    assert everything(logs, "g", "s") == ["half ? of a pair", "nul \0 and é"]


def test_lines_of_one_moment_keep_their_order(logs: Logs) -> None:
    logs.put("g", "s", [(NOW_MS, "a"), (NOW_MS, "b")])
    logs.put("g", "s", [(NOW_MS, "c"), (NOW_MS - 1, "before")])
    assert everything(logs, "g", "s") == ["before", "a", "b", "c"]


def test_pages_join_without_gap_or_overlap_in_both_directions(logs: Logs) -> None:
    logs.put("g", "s", [(NOW_MS + number // 7, f"{number}") for number in range(1000)])
    forward: list[str] = []
    start = Position(0)
    while page := logs.events("g", "s", Span(start=start), Bounds(33, 10**6)):
        forward += [event.message for event in page]
        start = page[-1].behind
    backward: list[str] = []
    end = Position(NOW_MS + 10**6)
    while page := logs.events("g", "s", Span(end=end, backward=True), Bounds(33, 10**6)):
        backward += [event.message for event in page]
        end = page[-1].position
    assert forward == [str(number) for number in range(1000)]
    assert backward == forward[::-1]


def test_a_page_holds_a_bounded_number_of_bytes_but_always_an_event(logs: Logs) -> None:
    logs.put("g", "s", [(NOW_MS, "x" * 1000), (NOW_MS, "y" * 1000), (NOW_MS, "z" * 1000)])
    assert len(logs.events("g", "s", Span(), Bounds(10, 2052))) == 2
    assert len(logs.events("g", "s", Span(), Bounds(10, 10))) == 1


def test_a_search_interleaves_streams_and_pages_in_both_directions(logs: Logs) -> None:
    for stream in range(5):
        logs.put(
            "g", f"s{stream}", [(NOW_MS + (number * 7 + stream) // 3, f"{stream}.{number}") for number in range(250)]
        )
    whole = found(logs, Search(), 10_000)
    assert len(whole) == 1250
    order = [(event.at_ms, event.stream_id, event.seq) for event in whole]
    assert order == sorted(order)
    assert found(logs, Search(), 17) == whole
    assert found(logs, Search(Span(backward=True)), 17) == whole[::-1]


def found(logs: Logs, search: Search, page: int) -> list[LogEvent]:
    events: list[LogEvent] = []
    while True:
        result = logs.search("g", search, lambda message: True, Bounds(page, 10**9))
        events += result.events
        if result.stopped_at is None:
            return events
        last = result.stopped_at
        search = Search(search.span, after=(last.at_ms, last.stream_id, last.seq))


def test_a_search_looks_at_the_named_streams_and_times_only(logs: Logs) -> None:
    logs.put("g", "job-a/algo-1", lines(3))
    logs.put("g", "job-b/algo-1", lines(3))
    logs.put("g", "job-b/algo-2", lines(3))

    def streams(search: Search) -> list[str]:
        result = logs.search("g", search, lambda message: message == "line 1", PAGE)
        return [result.names[event.stream_id] for event in result.events]

    assert streams(Search(prefixes=["job-b/"])) == ["job-b/algo-1", "job-b/algo-2"]
    assert streams(Search(names=["job-a/algo-1"])) == ["job-a/algo-1"]
    assert streams(Search(Span(start=Position(NOW_MS + 2)))) == []
    assert streams(Search(Span(end=Position(NOW_MS + 1)))) == []


def test_streams_are_listed_by_name_and_by_the_time_of_their_last_event(logs: Logs) -> None:
    for name, at_ms in (("b", 3), ("a", 2), ("c", 1)):
        logs.put("g", name, [(NOW_MS + at_ms, "x")])
    logs.create_stream("g", "empty")

    def names(query: StreamQuery, limit: int = 50) -> list[str]:
        return [stream.name for stream in logs.streams("g", query, limit)]

    assert names(StreamQuery()) == ["a", "b", "c", "empty"]
    assert names(StreamQuery(descending=True), 2) == ["empty", "c"]
    assert names(StreamQuery(by_time=True)) == ["empty", "c", "a", "b"]
    assert names(StreamQuery(by_time=True, descending=True, after=(NOW_MS + 2, "a"))) == ["c", "empty"]
    assert names(StreamQuery(prefix="e")) == ["empty"]


def test_names_are_taken_once_and_missed_by_kind(logs: Logs) -> None:
    logs.create_group("g")
    with pytest.raises(Taken):
        logs.create_group("g")
    logs.create_stream("g", "s")
    with pytest.raises(Taken):
        logs.create_stream("g", "s")
    with pytest.raises(Missing) as caught:
        logs.append("g", "other", lines(1))
    assert caught.value.noun == "log stream"
    with pytest.raises(Missing) as caught:
        logs.append("other", "s", lines(1))
    assert caught.value.noun == "log group"


def test_a_group_belongs_to_one_account_and_region(archive: LogArchive, logs: Logs) -> None:
    logs.create_group("g")
    assert archive.of("222222222222", "us-east-1").groups(GroupQuery(), 10) == []
    assert archive.of("111111111111", "eu-west-1").groups(GroupQuery(), 10) == []


def test_a_protected_group_is_not_deleted(logs: Logs) -> None:
    logs.create_group("g", protected=True)
    with pytest.raises(Protected):
        logs.delete_group("g")
    logs.protect("g", protected=False)
    logs.delete_group("g")
    with pytest.raises(Missing):
        logs.group("g")


def test_trim_removes_what_expired_and_counts_its_bytes(archive: LogArchive, logs: Logs) -> None:
    logs.put("g", "s", lines(DELETE_EVENTS + 5, NOW_MS - 3 * DAY_MS))
    logs.put("g", "s", [(NOW_MS, "fresh")])
    logs.put("forever", "s", lines(1, NOW_MS - 3 * DAY_MS))
    logs.retain("g", 1)
    assert everything(logs, "g", "s") == ["fresh"], "what expired is hidden before it is gone"
    assert archive.trim(NOW) == DELETE_EVENTS + 5
    assert logs.stream("g", "s").first_ms == NOW_MS
    assert logs.group("g").stored_bytes == len("fresh") + 26
    assert len(everything(logs, "forever", "s")) == 1
    assert archive.trim(NOW) == 0


def test_a_stream_whose_events_all_expired_takes_new_ones(archive: LogArchive, logs: Logs) -> None:
    logs.put("g", "s", lines(2, NOW_MS - 3 * DAY_MS))
    logs.retain("g", 1)
    archive.trim(NOW)
    logs.put("g", "s", [(NOW_MS, "fresh")])
    assert logs.stream("g", "s").first_ms == NOW_MS
    assert everything(logs, "g", "s") == ["fresh"]


def test_what_was_deleted_leaves_the_disk_with_the_next_trim(archive: LogArchive, logs: Logs) -> None:
    logs.put("g", "s", lines(4))
    logs.put("g", "t", lines(3))
    logs.delete_stream("g", "s")
    assert logs.group("g").stored_bytes == 3 * (len("line 0") + 26)
    logs.delete_group("g")
    assert archive.trim(NOW) == 7
    logs.put("g", "s", lines(1))
    assert len(everything(logs, "g", "s")) == 1


def test_a_purge_leaves_nothing_of_an_account_and_all_of_the_others(archive: LogArchive, logs: Logs) -> None:
    other = archive.of("222222222222", "us-east-1")
    for each in (logs, other):
        each.put("g", "s", lines(2), mark=("log", 2))
    archive.purge("111111111111")
    assert logs.groups(GroupQuery(), 10) == []
    assert logs.shipped("log") == 0
    assert len(everything(other, "g", "s")) == 2
