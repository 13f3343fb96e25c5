"""What the person before the screen sees: a live list of steps on a terminal, a line a step elsewhere; then figures."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from clary.demo.steps import Step, Steps

if TYPE_CHECKING:
    from clary.demo.story import Outcome

FRAMES_A_SECOND = 12.5
TITLE_WIDTH = 30
TIME_WIDTH = 7
WORDS = 2
"""How many columns of the tables hold words; the others hold numbers."""
TITLE = "Two models, trained, deployed and asked through boto3"
LEGEND = """\
Right: of {} rows that no job has seen. Answer: the median call. Difference:
the largest between an endpoint's answers and its model.tar.gz scored offline."""


def plain_line(step: Step) -> str:
    """Return a step that is over as a line of plain text."""
    state = "failed" if step.failed else "ok"
    return f"{state:6}  {step.seconds:{TIME_WIDTH}.1f} s  {step.title:{TITLE_WIDTH}}  {step.detail}".rstrip()


@contextmanager
def live(console: Console, steps: Steps) -> Iterator[None]:
    """Show the steps as they go, and leave their list behind."""
    view = _View(steps, unicode=console.encoding.startswith("utf"))
    with Live(view, console=console, refresh_per_second=FRAMES_A_SECOND):
        yield


class _View:
    """The list of steps, drawn anew for each frame."""

    def __init__(self, steps: Steps, *, unicode: bool) -> None:
        self._steps = steps
        self._done, self._failed, self._planned = ("✓", "✗", "·") if unicode else ("+", "x", ".")
        self._spinner = Spinner("dots" if unicode else "line", style="cyan")

    def __rich__(self) -> RenderableType:
        grid = Table.grid(padding=(0, 2))
        grid.add_column(width=1)
        grid.add_column(min_width=TITLE_WIDTH, no_wrap=True)
        grid.add_column(width=TIME_WIDTH, justify="right", no_wrap=True)
        grid.add_column(no_wrap=True, overflow="ellipsis", style="dim")
        now = time.monotonic()
        for step in self._steps.all:
            taken_s = step.taken_s(now)
            duration = "" if taken_s is None else f"{taken_s:.1f} s"
            grid.add_row(self._mark(step), Text(step.title, style=_style(step)), duration, step.detail)
        return Group("", Text(TITLE, style="bold"), "", grid, "")

    def _mark(self, step: Step) -> RenderableType:
        if step.failed:
            return Text(self._failed, style="bold red")
        if step.seconds is not None:
            return Text(self._done, style="bold green")
        return Text(self._planned, style="dim") if step.began is None else self._spinner


def _style(step: Step) -> str:
    if step.failed:
        return "red"
    return "dim" if step.began is None else "bold" if step.seconds is None else ""


def print_outcomes(console: Console, outcomes: Sequence[Outcome]) -> None:
    """Print what came of each model, as its own answers and CloudWatch tell it."""
    models = _table("Model", "Data", "Rows", "Right", "Answer", "Difference")
    metrics = _table("Model", "Metric in CloudWatch", "Values", "Highest", "Lowest", "Last")
    for each in outcomes:
        figures = (f"{each.accuracy:.1%}", f"{each.answer_ms:.1f} ms", f"{each.difference:.1g}")
        models.add_row(each.model, each.data_set, f"{each.trained_rows:,}", *figures)
        bounds = (f"{value:.4f}" for value in (each.metric.maximum, each.metric.minimum, each.metric.last))
        metrics.add_row(each.model, each.metric.name, str(each.metric.values), *bounds)
    console.print(models, Text(LEGEND.format(outcomes[0].held_out_rows), style="dim"), "", metrics)
    for each in outcomes:
        console.print(Text(f"The end of the {each.model}'s log", style="bold"))
        for line in each.log:
            console.print(Text(f"  {line}", style="dim"), soft_wrap=True)
        console.print()


def _table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False)
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number < WORDS else "right", no_wrap=True)
    return table
