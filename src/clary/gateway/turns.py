"""Whose turn it is, by weight: smooth weighted round robin. Pure.

After any number of turns each has had its share to within one turn, and the turns of one are spread evenly.
"""

from __future__ import annotations

from collections.abc import Sequence


class Turns:
    """The turns of several, by their place; one without weight has none, unless nobody has weight."""

    def __init__(self, weights: Sequence[float]) -> None:
        self.weights = tuple(weights)
        self._total = sum(weights)
        self._owed = [0.0] * len(weights)

    def next(self) -> int:
        """Return the place of the one whose turn it is."""
        owed, most, chosen = self._owed, 0.0, 0
        for place, weight in enumerate(self.weights):
            owed[place] += weight
            if owed[place] > most:
                most, chosen = owed[place], place
        owed[chosen] -= self._total
        return chosen


class Share:
    """A part of what comes, from none of it (0) to all (1), spread evenly."""

    def __init__(self, part: float) -> None:
        self.part = part
        self._owed = 0.0

    def takes(self) -> bool:
        """Say whether the next one belongs to the part."""
        self._owed += self.part
        if self._owed < 1.0 - ROUNDING:
            return False
        self._owed -= 1.0
        return True


ROUNDING = 1e-9
"""What sums of parts may lack of a whole."""
