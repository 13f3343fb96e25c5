"""How an instance fares: when it is set aside, and for how long. Pure: whoever asks keeps the time.

One that cannot be reached is set aside at once; one that answers, but with errors of
its own, after several in a row. Each time is twice the one before, until it answers well.
"""

from __future__ import annotations

ERRORS_MAX = 5
"""Answers 5xx in a row, or none in time, before an instance is set aside."""
ASIDE_FIRST_S = 1.0
ASIDE_S_MAX = 60.0


class Health:
    """The health of one instance."""

    __slots__ = ("_times", "aside", "errors")

    def __init__(self) -> None:
        self.aside = False
        self.errors = 0  # in a row
        self._times = 0  # set aside since it answered well last

    def well(self) -> None:
        """Note an answer that speaks for the instance."""
        self.errors = 0
        if not self.aside:
            self._times = 0

    def erred(self) -> bool:
        """Note an error of its own; return whether it should be set aside for it."""
        self.errors += 1
        return self.errors >= ERRORS_MAX and not self.aside

    def put_aside(self) -> float:
        """Set it aside; return for how many seconds."""
        self.aside = True
        self._times += 1
        return min(ASIDE_FIRST_S * 2.0 ** min(self._times - 1, 32), ASIDE_S_MAX)

    def take_back(self) -> None:
        """Let it show that it is well again; at its first error it goes at once."""
        self.aside = False
        self.errors = ERRORS_MAX - 1
