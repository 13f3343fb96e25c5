"""The report as a page for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from clary.cli.ab.comparison import Comparison
from clary.cli.ab.report import PRODUCTION, Against, Report, Variant
from clary.cli.ab.traffic import PERCENTILES
from clary.cli.screen import table

COLUMNS = ("variant", "weight", "requests", "4XX", "5XX", *PERCENTILES, "rewards", "mean")
TEXTS = 1
"""Columns that hold words; the others hold numbers, which stand below each other by their ends."""
CERTAIN = 0.9995
HINT = "Send rewards with `clary reward {} INFERENCE_ID VALUE`, or as Model Monitor's ground truth below {}."


def show(report: Report) -> None:
    """Print the report."""
    began, ended = (at.strftime("%Y-%m-%d %H:%M") for at in (report.span.start, report.span.end))
    print(f"Endpoint {report.endpoint}, from {began} to {ended} UTC\n")
    rows = [_row(each) for each in report.variants]
    widths = [max(len(column), *(len(row[number]) for row in rows)) for number, column in enumerate(COLUMNS)]
    table(_aligned(COLUMNS, widths), [_aligned(row, widths) for row in rows])
    print()
    for against in report.against:
        print("\n".join(_verdict(against, report.confidence)))
    if not any(each.rewards for each in report.variants):
        print(HINT.format(report.endpoint, report.place.uri()))
    for line in _left_out(report):
        print(line)


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> list[str]:
    return [
        cell if number < TEXTS else cell.rjust(width)
        for number, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]


def _row(variant: Variant) -> tuple[str, ...]:
    traffic, rewards = variant.traffic, variant.rewards
    return (
        variant.name if variant.role == PRODUCTION else f"{variant.name} ({variant.role})",
        "" if variant.weight is None else f"{variant.weight:g}",
        _count(traffic.requests),
        _count(traffic.errors_4xx),
        _count(traffic.errors_5xx),
        *(_latency(traffic.latency_us.get(name)) for name in PERCENTILES),
        "" if rewards is None else _count(rewards.count),
        "" if rewards is None else f"{rewards.mean:.4g}",
    )


def _verdict(against: Against, confidence: float) -> Iterator[str]:
    told = against.comparison
    if told is None:
        yield f"{against.variant} against {against.baseline}: too few rewards to tell."
        return
    yield (
        f"Reward of {against.variant} against {against.baseline}: {told.difference:+.4g} "
        f"(between {told.low:+.4g} and {told.high:+.4g} with {100 * confidence:g} % confidence)."
    )
    yield _better(against, told)
    yield f"Method: {told.method}."


def _better(against: Against, told: Comparison) -> str:
    """Say who is better, and how probably."""
    ahead, share = (against.variant, told.probability)
    if share < 0.5:
        ahead, share = against.baseline, 1 - share
    sure = "more than 99.95 %" if share > CERTAIN else f"{100 * share:.1f} %"
    return f"{ahead} is better with a probability of {sure}."


def _left_out(report: Report) -> Iterator[str]:
    if report.unmatched:
        yield f"Left out: {_count(report.unmatched)} rewards of inference ids that nobody answered in this time."
    if report.ambiguous:
        yield f"Left out: {_count(report.ambiguous)} rewards of inference ids that several variants answered."
    if report.unreadable:
        yield f"Left out: {_count(report.unreadable)} lines of {report.place.uri()} that are no reward."


def _count(number: int) -> str:
    return f"{number:,}".replace(",", " ")


def _latency(microseconds: float | None) -> str:
    if microseconds is None:
        return ""
    return f"{microseconds / 1e6:.3g} s" if microseconds >= 1e6 else f"{microseconds / 1e3:.3g} ms"
