"""Figures of a run as a table and a plot, for people to read and to put into the README."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from inference.load import CONNECTIONS, Burst

Bursts = Mapping[tuple[str, int], Sequence[Burst]]
COLOURS = ("#4c78a8", "#f58518", "#54a24b", "#b279a2", "#e45756", "#72b7b2")
BAR, GAP, LEFT, WIDTH = 16, 18, 170, 720


@dataclass(frozen=True, slots=True)
class Summary:
    """One server at one number of connections: medians, and what it is beside the floor in the same rounds."""

    requests_s: float
    cpu_us: float
    p50_us: float
    p99_us: float
    cpu_ratio: float
    requests_ratio: float


def summary(bursts: Bursts, name: str, connections: int, floor: str) -> Summary:
    """Return the medians of a server's bursts; ratios are medians of the ratios of each round."""
    own, beside = bursts[name, connections], bursts[floor, connections]
    pairs = list(zip(own, beside, strict=True))
    return Summary(
        requests_s=_median(own, lambda each: each.requests_s),
        cpu_us=_median(own, lambda each: each.total_us),
        p50_us=_median(own, lambda each: each.p50_us),
        p99_us=_median(own, lambda each: each.p99_us),
        cpu_ratio=statistics.median(a.total_us / b.total_us for a, b in pairs),
        requests_ratio=statistics.median(a.requests_s / b.requests_s for a, b in pairs),
    )


def table(bursts: Bursts, names: Sequence[str], floor: str, further: Mapping[str, tuple[float, float]]) -> str:
    """Return a Markdown table; `further` holds memory in MiB and seconds to the first prediction."""
    lines = [
        "| system | connections | CPU us a request | of the floor's | requests/s | of the floor's | p50 ms | p99 ms "
        "| PSS MiB | start s |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for name in names:
        for connections in CONNECTIONS:
            told = summary(bursts, name, connections, floor)
            memory_mib, start_s = further[name]
            lines.append(
                f"| {name} | {connections} | {told.cpu_us:.0f} | {told.cpu_ratio:.2f} | {told.requests_s:,.0f} "
                f"| {told.requests_ratio:.2f} | {told.p50_us / 1e3:.1f} | {told.p99_us / 1e3:.1f} "
                f"| {memory_mib:.0f} | {start_s:.2f} |"
            )
    return "\n".join(lines)


def plot(bursts: Bursts, names: Sequence[str], connections: int, title: str) -> str:
    """Return an SVG: for each server a bar of its CPU a request, in the parts its processes play."""
    parts = {name: _parts(bursts[name, connections]) for name in names}
    colours = dict(zip(dict.fromkeys(part for each in parts.values() for part in each), COLOURS, strict=False))
    scale = (WIDTH - LEFT - 80) / max(sum(each.values()) for each in parts.values())
    drawn = [_text(10, 20, title, "bold")]
    for row, name in enumerate(names):
        y, x = 40 + row * (BAR + GAP), float(LEFT)
        drawn.append(_text(10, y + BAR - 3, name))
        for part, us in parts[name].items():
            drawn.append(f'<rect x="{x:.1f}" y="{y}" width="{us * scale:.1f}" height="{BAR}" fill="{colours[part]}"/>')
            x += us * scale
        drawn.append(_text(x + 6, y + BAR - 3, f"{sum(parts[name].values()):.0f}"))
    bottom = 50 + len(names) * (BAR + GAP)
    for number, (part, colour) in enumerate(colours.items()):
        x = LEFT + number * 130
        drawn.append(f'<rect x="{x}" y="{bottom - 10}" width="10" height="10" fill="{colour}"/>')
        drawn.append(_text(x + 15, bottom, part))
    shape = f'width="{WIDTH}" height="{bottom + 15}" viewBox="0 0 {WIDTH} {bottom + 15}"'
    style = 'font-family="sans-serif" font-size="12" fill="#333"'
    ground = '<rect width="100%" height="100%" fill="white"/>'
    return "\n".join([f'<svg xmlns="http://www.w3.org/2000/svg" {shape} {style}>', ground, *drawn, "</svg>", ""])


def _parts(bursts: Sequence[Burst]) -> dict[str, float]:
    return {part: _median(bursts, lambda each, part=part: each.cpu_us[part]) for part in bursts[0].cpu_us}


def _median(bursts: Sequence[Burst], figure: Callable[[Burst], float]) -> float:
    return statistics.median(map(figure, bursts))


def _text(x: float, y: float, text: str, weight: str = "normal") -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" font-weight="{weight}">{escape(text)}</text>'
