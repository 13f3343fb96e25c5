"""Turns by weight: exact at every moment, evenly spread."""

from __future__ import annotations

from collections import Counter

import pytest

from clary.gateway.turns import Share, Turns


@pytest.mark.parametrize(
    "weights", [(1, 1), (3, 1), (0.9, 0.1), (5, 3, 2), (0.333, 0.333, 0.334), (1, 1000), (7, 0, 2)]
)
def test_each_has_its_share_to_within_one_turn_at_every_moment(weights):
    turns, had = Turns(weights), Counter()
    for number in range(1, 3000):
        had[turns.next()] += 1
        for place, weight in enumerate(weights):
            assert abs(had[place] - number * weight / sum(weights)) <= 1 + 1e-6


def test_turns_are_spread_evenly():
    turns = Turns((4, 1))
    assert [turns.next() for _ in range(10)] == [0, 0, 1, 0, 0, 0, 0, 1, 0, 0]


def test_without_any_weight_the_first_has_every_turn():
    turns = Turns((0, 0))
    assert {turns.next() for _ in range(10)} == {0}


@pytest.mark.parametrize("part", [0.0, 0.01, 0.1, 0.5, 0.7, 1.0])
def test_a_share_takes_its_part_of_what_comes(part):
    share = Share(part)
    assert sum(share.takes() for _ in range(1000)) == round(part * 1000)
