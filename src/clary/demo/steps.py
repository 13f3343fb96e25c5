"""The demo's steps: planned at first, then timed as they are taken, several at a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(slots=True)
class Step:
    """One step: planned, running once `began` is set, over once `seconds` is; times of a monotonic clock."""

    title: str
    detail: str = ""
    began: float | None = None
    seconds: float | None = None
    failed: bool = False

    def taken_s(self, now: float) -> float | None:
        """Return the seconds it took, or has taken until now; None before its beginning."""
        if self.began is None:
            return None
        return now - self.began if self.seconds is None else self.seconds


class Steps:
    """The plan; `ended` hears of each step that is over."""

    def __init__(self, titles: Sequence[str], ended: Callable[[Step], None]) -> None:
        self.all = [Step(title) for title in titles]
        self._ended = ended

    @contextmanager
    def take(self, title: str) -> Iterator[Step]:
        """Take a planned step, which may say in `detail` how far it is and what came of it."""
        step = next(step for step in self.all if step.title == title)
        step.began = time.monotonic()
        try:
            yield step
        except BaseException:
            step.failed = True
            raise
        finally:
            step.seconds = time.monotonic() - step.began
            self._ended(step)
