"""When rules and schedules are due: each is brought up to now by steps that no crash and no other controller repeats.

A step is taken in the same transaction as what it leads to is stored. What was due while nobody led happens once, late.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from clary.store.event_positions import EventPositions, Move, Moved

NEVER_MS = 2**62
"""Where something is that is never due again."""
Happen = Callable[[float, Move], None]
"""Stores what is due at a time, together with the step; raises Moved if that was done already."""


class Times(Protocol):
    """When something is due."""

    def first(self) -> float | None:
        """Return when it is due for the first time."""

    def after(self, at: float) -> float | None:
        """Return when it is due next after a time."""

    def called_at(self, due: float) -> float:
        """Return when it is to happen that is due at a time."""


def bring_up(positions: EventPositions, name: str, times: Times, now: float, happen: Happen) -> float | None:
    """Have happen what is due; return in how many seconds to look again, None if it is never due again."""
    try:
        due_ms = _next_ms(positions, name, times, now, happen)
    except Moved:
        return 0.0
    return None if due_ms == NEVER_MS else max(0.0, times.called_at(due_ms / 1000) - now)


def _next_ms(positions: EventPositions, name: str, times: Times, now: float, happen: Happen) -> int:
    due_ms = positions.find(name)
    if due_ms is None:
        due_ms = _in_ms(times.first())
        positions.take(Move(name, None, due_ms))
    if due_ms == NEVER_MS or times.called_at(due_ms / 1000) > now:
        return due_ms
    next_ms = _in_ms(times.after(max(now, due_ms / 1000)))
    happen(due_ms / 1000, Move(name, due_ms, next_ms))
    return next_ms


def _in_ms(at: float | None) -> int:
    return NEVER_MS if at is None else int(at * 1000)
