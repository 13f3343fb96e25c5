"""Who may be killed: instances that serve, and that fit all that was asked for."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from clary.cli.victims import Choice, Server, chosen


def server(instance: str, variant: str, zone: str) -> Server:
    return Server("1" * 12, "us-east-1", "e", variant, zone, instance)


ALL = [server("one", "A", "us-east-1a"), server("two", "B", "us-east-1b"), server("three", "B", "us-east-1a")]


def last(found: Sequence[Server]) -> Server:
    return found[-1]


@pytest.mark.parametrize(
    ("choice", "names"),
    [
        (Choice(endpoint="e"), ["three"]),
        (Choice(endpoint="e", variant="A"), ["one"]),
        (Choice(instance="two"), ["two"]),
        (Choice(zone="us-east-1a"), ["one", "three"]),
        (Choice(zone="us-east-1a", variant="B"), ["three"]),
        (Choice(zone="us-east-1c"), []),
        (Choice(endpoint="other"), []),
        (Choice(endpoint="e", account="2" * 12), []),
    ],
)
def test_one_instance_is_picked_or_a_whole_zone(choice: Choice, names: list[str]) -> None:
    assert [each.instance for each in chosen(choice, ALL, last)] == names
