from __future__ import annotations

from pathlib import Path

import regex

from clary.agent.lines import BATCH_BYTES_MAX, LogShipper, MetricShipper, found, read_lines
from clary.store.log_events import Bounds, Span
from clary.store.logs import Logs
from clary.store.points import Range
from clary.store.series import Metric
from clary.store.store import Store

ACCOUNT, REGION = "111111111111", "us-east-1"
RULES = [("loss", regex.compile(r"loss=([0-9.e+-]+)"))]


def shipper(store: Store) -> LogShipper:
    return LogShipper(store.logs(ACCOUNT, REGION), "/g", "s", "i/log", store.clock)


def test_lines_are_whole_until_the_end(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"one\ntwo\nhal")
    assert [line.text for line in read_lines(log, 0, ended=False)] == ["one", "two"]
    assert [line.text for line in read_lines(log, 8, ended=True)] == ["hal"]
    assert read_lines(log, 11, ended=True) == []
    assert read_lines(tmp_path / "none", 0, ended=True) == []


def test_a_line_without_an_end_is_cut_not_kept_forever(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"x" * (BATCH_BYTES_MAX + 10))
    (line,) = read_lines(log, 0, ended=False)
    assert line.end == BATCH_BYTES_MAX


def test_a_log_that_begins_with_a_hole_is_read_behind_it(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("wb") as file:
        file.truncate(2**20)
        file.seek(2**20)
        file.write(b"late\n")
    lines = read_lines(log, 0, ended=True)
    assert lines[-1].text.strip("\0") == "late"
    assert len(lines) == 1


def test_a_killed_shipper_neither_loses_a_line_nor_ships_one_twice(store: Store, tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("one\ntwo\n")
    shipper(store).ship(log, ended=False)
    log.write_text("one\ntwo\nthree\n")
    shipper(store).ship(log, ended=False)  # a new process: it knows nothing
    shipper(store).ship(log, ended=True)
    assert store.logs(ACCOUNT, REGION).shipped("i/log") == log.stat().st_size
    assert _texts(store.logs(ACCOUNT, REGION)) == ["one", "two", "three"]


def _texts(logs: Logs) -> list[str]:
    return [each.message for each in logs.events("/g", "s", Span(), Bounds(100, 10_000))]


def test_metrics_are_found_once_and_the_last_value_survives_a_restart(store: Store, tmp_path: Path) -> None:
    log = tmp_path / "log"

    def metrics() -> MetricShipper:
        series = store.series(ACCOUNT, REGION)
        return MetricShipper(series, "/ns", (("TrainingJobName", "j"),), "i/metrics", store.clock, RULES)

    log.write_text("loss=3\nnothing\nloss=2\n")
    first = metrics()
    first.ship(log, ended=False)
    assert first.final["loss"][0] == 2.0
    log.write_text("loss=3\nnothing\nloss=2\nmore\n")
    second = metrics()
    second.ship(log, ended=True)
    assert second.final["loss"][0] == 2.0
    now = int(store.clock()) // 60 * 60
    metric = Metric.of("/ns", "loss", (("TrainingJobName", "j"),))
    points = store.series(ACCOUNT, REGION).read(metric, Range(now - 3600, now + 120, 60))
    assert sum(point.summary.count for point in points) == 2


def test_an_expression_that_runs_away_finds_nothing_and_stops_nobody() -> None:
    rules = [("bad", regex.compile(r"(a+)+b(x)")), *RULES]
    assert list(found(rules, "a" * 40 + " loss=1.5")) == [("loss", 1.5)]
    assert list(found([("text", regex.compile("(loss)"))], "loss")) == []
    assert list(found([("no group", regex.compile("loss"))], "loss")) == []
