from __future__ import annotations

import io

import pytest
from rich.console import Console

from clary.demo.screens import live, plain_line
from clary.demo.steps import Step, Steps


def _taken() -> Steps:
    steps = Steps(["Pack", "Travel", "Arrive"], ended=lambda step: None)
    with steps.take("Pack") as step:
        step.detail = "two bags"
    with pytest.raises(RuntimeError), steps.take("Travel"):
        raise RuntimeError
    return steps


def _screen(encoding: str) -> str:
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    console = Console(file=file, width=80, force_terminal=True, color_system=None)
    with live(console, _taken()):
        pass
    file.seek(0)
    return file.read()


def test_a_terminal_shows_what_is_done_what_failed_and_what_is_planned() -> None:
    screen = _screen("utf-8")
    for line in ("✓  Pack", "✗  Travel", "·  Arrive", "two bags"):
        assert line in screen


def test_a_terminal_that_knows_no_unicode_shows_the_same() -> None:
    screen = _screen("ascii")
    for line in ("+  Pack", "x  Travel", ".  Arrive"):
        assert line in screen


def test_elsewhere_a_step_is_a_line_of_text() -> None:
    assert plain_line(Step("Pack", "two bags", began=1.0, seconds=2.5)).split() == [
        "ok",
        "2.5",
        "s",
        "Pack",
        "two",
        "bags",
    ]
    assert plain_line(Step("Travel", began=1.0, seconds=0.1, failed=True)).startswith("failed ")
