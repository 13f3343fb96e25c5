"""Figures of a run as a table and a plot, for people to read and to put into the README."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from inference.load import CONNECTIONS, Burst, Bursts

COLOURS = ("#4c78a8", "#f58518", "#54a24b", "#b279a2", "#e45756", "#72b7b2")
BAR, GAP, LEFT, WIDTH, FIGURE = 14, 8, 150, 720, 62
TOP, LEGEND, COLUMN = 36, 22, 110
LONGEST = 6.0
"""A bar longer than so many of the floor's is cut, and marked: the short ones are what the plot is for."""


@dataclass(frozen=True, slots=True)
class Summary:
    """One server at one number of connections: medians, and what it is beside another in the same rounds."""

    requests_s: float
    cpu_us: float
    p50_us: float
    p99_us: float
    failed: float  # of all requests
    cpu_ratio: float
    requests_ratio: float
    p99_ratio: float


def summary(bursts: Bursts, name: str, connections: int, beside: str) -> Summary:
    """Return the medians of a server's bursts; ratios are medians of the ratios of each round."""
    own = bursts[name, connections]
    pairs = list(zip(own, bursts[beside, connections], strict=True))
    failed, answered = sum(each.failed for each in own), sum(each.answered for each in own)
    return Summary(
        requests_s=_median(own, lambda each: each.requests_s),
        cpu_us=_median(own, lambda each: each.total_us),
        p50_us=_median(own, lambda each: each.p50_us),
        p99_us=_median(own, lambda each: each.p99_us),
        failed=failed / max(failed + answered, 1),
        cpu_ratio=statistics.median(a.total_us / b.total_us for a, b in pairs),
        requests_ratio=statistics.median(_ratio(a.requests_s, b.requests_s) for a, b in pairs),
        p99_ratio=statistics.median(a.p99_us / b.p99_us for a, b in pairs),
    )


def table(bursts: Bursts, names: Sequence[str], floor: str, further: Mapping[str, tuple[float, float]]) -> str:
    """Return a Markdown table; `further` holds memory in MiB and seconds to the first prediction."""
    lines = [
        "| system | connections | CPU us a request | of the floor's | requests/s | of the floor's | p50 ms | p99 ms "
        "| failed | PSS MiB | start s |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for name in names:
        for connections in CONNECTIONS:
            told = summary(bursts, name, connections, floor)
            memory_mib, start_s = further[name]
            lines.append(
                f"| {name} | {connections} | {_figure(told.cpu_us)} | {_figure(told.cpu_ratio, 2)} "
                f"| {_figure(told.requests_s)} | {_figure(told.requests_ratio, 2)} | {_figure(told.p50_us / 1e3, 1)} "
                f"| {_figure(told.p99_us / 1e3, 1)} | {f'{told.failed:.1%}' if told.failed else ''} "
                f"| {memory_mib:.0f} | {start_s:.2f} |"
            )
    return "\n".join(lines)


def plot(bursts: Bursts, names: Sequence[str], floor: str, connections: int, title: str) -> str:
    """Return an SVG: for each server a bar of its CPU a request, in the parts its processes play."""
    parts = {name: _parts(bursts[name, connections]) for name in names}
    parts = {name: each for name, each in parts.items() if math.isfinite(sum(each.values()))}
    colours = dict(zip(dict.fromkeys(part for each in parts.values() for part in each), COLOURS, strict=False))
    whole = {name: sum(each.values()) for name, each in parts.items()}
    longest = min(max(whole.values()), LONGEST * whole[floor])
    scale = (WIDTH - LEFT - FIGURE) / longest
    at, bottom = LEFT + whole[floor] * scale, TOP + len(parts) * (BAR + GAP) + LEGEND
    drawn = [_text(10, 20, title, "bold")]
    drawn.append(f'<path d="M{at:.1f} {TOP - 6}V{bottom - LEGEND}" stroke="#999" stroke-dasharray="3 3"/>')
    for row, (name, each) in enumerate(parts.items()):
        y = TOP + row * (BAR + GAP)
        drawn += [_text(10, y + BAR - 3, name), *_bar(each, y, scale, longest, colours)]
    for number, (part, colour) in enumerate(colours.items()):
        drawn.append(_rectangle(LEFT + number * COLUMN, bottom - 10, 10, 10, colour))
        drawn.append(_text(LEFT + number * COLUMN + 15, bottom, part))
    shape = f'width="{WIDTH}" height="{bottom + 12}" viewBox="0 0 {WIDTH} {bottom + 12}"'
    style = 'font-family="sans-serif" font-size="12" fill="#333"'
    ground = '<rect width="100%" height="100%" fill="white"/>'
    return "\n".join([f'<svg xmlns="http://www.w3.org/2000/svg" {shape} {style}>', ground, *drawn, "</svg>", ""])


def _bar(parts: Mapping[str, float], y: int, scale: float, longest: float, colours: Mapping[str, str]) -> list[str]:
    """Return a bar and its figure; of one that is too long the end is torn off."""
    drawn, told_us, whole_us = [], 0.0, sum(parts.values())
    for part, us in parts.items():
        shown = min(us, longest - told_us)
        drawn.append(_rectangle(LEFT + told_us * scale, y, shown * scale, BAR, colours[part]))
        told_us += shown
    end = LEFT + told_us * scale
    if whole_us > longest:
        drawn.append(f'<path d="M{end - 16:.1f} {y + BAR + 1}l5 -{BAR + 2}h5l-5 {BAR + 2}z" fill="white"/>')
    return [*drawn, _text(end + 6, y + BAR - 3, f"{whole_us:,.0f}")]


def _parts(bursts: Sequence[Burst]) -> dict[str, float]:
    return {part: statistics.median(each.cpu_us[part] for each in bursts) for part in bursts[0].cpu_us}


def _median(bursts: Sequence[Burst], figure: Callable[[Burst], float]) -> float:
    return statistics.median(map(figure, bursts))


def _ratio(own: float, beside: float) -> float:
    return own / beside if beside else math.inf


def _figure(number: float, digits: int = 0) -> str:
    return f"{number:,.{digits}f}" if math.isfinite(number) else ""


def _rectangle(x: float, y: float, width: float, height: float, colour: str) -> str:
    return f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{height}" fill="{colour}"/>'


def _text(x: float, y: float, text: str, weight: str = "normal") -> str:
    apart = 'paint-order="stroke" stroke="white" stroke-width="3"'
    return f'<text x="{x:.0f}" y="{y:.0f}" font-weight="{weight}" {apart}>{escape(text)}</text>'
