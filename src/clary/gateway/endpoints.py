"""Endpoints as one worker serves them: whose turn it is among the variants, and what shadows get."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from clary.gateway import answers
from clary.gateway.lanes import Lane, Passenger
from clary.gateway.shadows import Shadow
from clary.gateway.turns import Turns
from clary.gateway.upstream import Pool
from clary.resources.route import Route

QUIET_S = 900.0
"""How long after its last request it is still told that an endpoint has none under way."""


class Endpoint:
    """One endpoint; a variant that is in the midst of a change has two lanes."""

    def __init__(self, route: Route, lanes: Sequence[Lane], shadows: Sequence[Shadow], before: Endpoint | None) -> None:
        self.route = route
        self.lanes = tuple(lanes)
        self.shadows = tuple(shadows)
        self._named: dict[str, tuple[Lane, ...]] = {}
        for lane in lanes:
            self._named[lane.name] = (*self._named.get(lane.name, ()), lane)
        weights = tuple(each.weight for each in route.variants)
        self.turns = Turns(weights)
        if before is not None and before.lanes == self.lanes and before.turns.weights == weights:
            self.turns = before.turns
        self._turns_of = {
            name: Turns([weight for lane, weight in zip(lanes, weights, strict=True) if lane.name == name])
            for name, several in self._named.items()
            if len(several) > 1
        }
        self._all = (*self.lanes, *(each.lane for each in shadows))
        self._counted = [
            [lane for lane in self._all if lane.name == name] for name in {each.name for each in self._all}
        ]
        for lane in self._all:
            lane.share_among(self._size(lane.name))
        self._sent = 0
        self._quiet_at = 0.0

    def choose(self, wanted: str) -> Lane:
        """Return the variant that the client wants, else the one whose turn it is, or raise the ValidationError."""
        lanes = self.lanes
        if wanted:
            return self._lane_of(wanted)
        return lanes[0] if len(lanes) == 1 else lanes[self.turns.next()]

    def enter_beside(self, lane: Lane, passenger: Passenger) -> Lane:
        """Send a request that nobody in a lane takes on another of the same variant, or raise NobodyThere."""
        for other in self._named.get(lane.name, ()):
            if other is not lane:
                with suppress(answers.NobodyThere):
                    other.enter(passenger)
                    return other
        raise answers.NobodyThere

    def has_other(self, lane: Lane, pool: Pool) -> bool:
        """Say whether the variant of a lane has another instance than this."""
        lanes = self._named.get(lane.name, (lane,))
        return any(each is not pool for other in lanes for each in other.pools)

    def all_lanes(self) -> Sequence[Lane]:
        """Return the lanes of variants and shadows."""
        return self._all

    def sample(self, now: float) -> None:
        """Note how many requests each variant has, those that wait included, until there have been none for long."""
        sent = sum([lane.sent for lane in self._all])
        if sent != self._sent:
            self._sent, self._quiet_at = sent, now + QUIET_S
        if now < self._quiet_at:
            for lanes in self._counted:  # those of one name are counted together
                slot = next((lane.slot for lane in lanes if lane.slot is not None), None)
                if slot is not None:
                    slot.sample(sum([lane.under_way + len(lane.waiting) for lane in lanes]))

    def _size(self, name: str) -> int:
        return len({id(pool) for lane in self._all if lane.name == name for pool in lane.pools})

    def _lane_of(self, wanted: str) -> Lane:
        lanes = self._named.get(wanted)
        if lanes is None:
            route = self.route
            raise answers.invalid(
                f"Variant {wanted} not found for endpoint {route.endpoint} of account {route.account}."
            )
        return lanes[0] if len(lanes) == 1 else lanes[self._turns_of[wanted].next()]
