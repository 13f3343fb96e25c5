"""Families as Prometheus reads them: its text format, version 0.0.4."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from clary.server.telemetry.families import BOUNDS_S, Distribution, Family, Labels, Sort

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SUFFIXES = {Sort.TOTAL: "_total", Sort.DISTRIBUTION: "_seconds", Sort.NUMBER: ""}
ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


def text(families: Sequence[Family]) -> str:
    """Return what a scrape is answered."""
    return "".join(f"{line}\n" for family in families for line in _lines(family))


def _lines(family: Family) -> Iterator[str]:
    name = f"clary_{family.name.replace('.', '_')}{SUFFIXES[family.sort]}"
    yield f"# HELP {name} {family.help}"
    yield f"# TYPE {name} {family.sort}"
    for labels, value in family.samples:
        if isinstance(value, Distribution):
            yield from _distribution(name, labels, value)
        else:
            yield f"{name}{_braced(labels)} {value:g}" if value < 1e6 else f"{name}{_braced(labels)} {value:.0f}"


def _distribution(name: str, labels: Labels, value: Distribution) -> Iterator[str]:
    for bound, count in zip([*map(repr, BOUNDS_S), "+Inf"], value.up_to(), strict=True):
        yield f"{name}_bucket{_braced({**labels, 'le': bound})} {count}"
    yield f"{name}_sum{_braced(labels)} {value.sum_s!r}"
    yield f"{name}_count{_braced(labels)} {value.count}"


def _braced(labels: Labels) -> str:
    return "{" + ",".join(f'{name}="{value.translate(ESCAPES)}"' for name, value in labels.items()) + "}"
