"""Instances are spread over zones evenly, and always to the same one."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from clary.resources.zones import zone_of, zones


def test_zones_are_named_as_aws_names_them() -> None:
    assert zones("eu-west-1", 3) == ["eu-west-1a", "eu-west-1b", "eu-west-1c"]


@given(count=st.integers(1, 6), group=st.text(max_size=20), first=st.integers(0, 50), size=st.integers(0, 40))
def test_any_run_of_instances_is_spread_evenly(count: int, group: str, first: int, size: int) -> None:
    held = Counter(zone_of("us-east-1", count, group, index) for index in range(first, first + size))
    numbers = [held[zone] for zone in zones("us-east-1", count)]
    assert max(numbers) - min(numbers) <= 1
    assert sum(numbers) == size


def test_groups_of_one_instance_do_not_share_the_first_zone() -> None:
    held = Counter(zone_of("us-east-1", 3, f"endpoint-{number}/AllTraffic", 0) for number in range(300))
    assert min(held[zone] for zone in zones("us-east-1", 3)) > 50
