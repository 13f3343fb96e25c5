"""What people see of a report, and programs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from clary.cli.ab.comparison import Sample, compare
from clary.cli.ab.ground_truth import place_for
from clary.cli.ab.page import show
from clary.cli.ab.report import Against, Report, Variant
from clary.cli.ab.span import span
from clary.cli.ab.traffic import Traffic

SPAN = span("10m", datetime(2026, 11, 22, 3, 0, tzinfo=UTC))


def variant(name: str, rewards: list[float] | None = None, **more: Any) -> Variant:
    traffic = Traffic(12345, 6, 7, {"p50": 1234.0, "p90": 25_000.0, "p99": 1_500_000.0})
    told = {"role": "production", "weight": 1.0, "traffic": traffic, **more}
    return Variant(name, rewards=Sample.of(rewards) if rewards else None, **told)


def report(*variants: Variant, **more: Any) -> Report:
    a, b = variants[:2]
    told = compare(a.rewards, b.rewards, 0.95) if a.rewards and b.rewards else None
    place = place_for("churn", "111111111111", "us-east-1")
    left_out = {"unmatched": 0, "ambiguous": 0, "unreadable": 0, **more}
    return Report("churn", SPAN, 0.95, variants, [Against(a.name, b.name, told)], place, **left_out)


def test_the_page_shows_every_variant_and_who_is_better(capsys: pytest.CaptureFixture[str]) -> None:
    quiet = variant("old", role="gone", weight=None, traffic=Traffic(0, 0, 0, {}))
    show(report(variant("a", [1.0] * 20 + [0.0] * 80), variant("b", [1.0] * 15 + [0.0] * 85), quiet, unmatched=1234))
    page = capsys.readouterr().out
    assert "Endpoint churn, from 2026-11-22 02:50 to 2026-11-22 03:00 UTC" in page
    lines = [line.split("  ") for line in page.splitlines() if line.startswith("a ")]
    shown = [cell.strip() for cell in lines[0] if cell.strip()]
    assert shown == ["a", "1", "12 345", "6", "7", "1.23 ms", "25 ms", "1.5 s", "100", "0.2"]
    assert "old (gone)" in page
    assert "Reward of b against a: -0.05 (between -0.1555 and +0.05631 with 95 % confidence)." in page
    assert "a is better with a probability of 82.1 %." in page
    assert "Left out: 1 234 rewards of inference ids that nobody answered in this time." in page


def test_without_rewards_the_page_says_how_to_send_them(capsys: pytest.CaptureFixture[str]) -> None:
    show(report(variant("a"), variant("b"), ambiguous=2, unreadable=3))
    page = capsys.readouterr().out
    assert "b against a: too few rewards to tell." in page
    assert "`clary reward churn INFERENCE_ID VALUE`" in page
    assert "below s3://sagemaker-us-east-1-111111111111/ground-truth/churn" in page
    assert "2 rewards of inference ids that several variants answered" in page
    assert "3 lines of s3://" in page


def test_nobody_is_said_to_be_better_for_certain(capsys: pytest.CaptureFixture[str]) -> None:
    show(report(variant("a", [0.0] * 500), variant("b", [1.0] * 500)))
    assert "b is better with a probability of more than 99.95 %." in capsys.readouterr().out


def test_programs_get_every_figure() -> None:
    told = report(variant("a", [0.5, 1.5, 2.5]), variant("b", [1.0, 2.0, 3.5])).to_json()
    assert (told["since"], told["until"]) == ("2026-11-22T02:50:00+00:00", "2026-11-22T03:00:00+00:00")
    assert told["variants"][0] == {
        "name": "a", "role": "production", "weight": 1.0, "requests": 12345, "errors_4xx": 6, "errors_5xx": 7,
        "latency_us": {"p50": 1234.0, "p90": 25_000.0, "p99": 1_500_000.0}, "rewards": 3, "mean_reward": 1.5,
    }  # fmt: skip
    (against,) = told["comparisons"]
    assert (against["baseline"], against["variant"], against["method"]) == ("a", "b", "Welch's t")
    assert against["interval"][0] < against["difference"] < against["interval"][1]
    assert report(variant("a"), variant("b")).to_json()["comparisons"][0]["probability_better"] is None
