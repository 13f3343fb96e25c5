"""When an instance is set aside, and for how long."""

from __future__ import annotations

from clary.gateway.health import ASIDE_S_MAX, ERRORS_MAX, Health


def test_errors_in_a_row_set_an_instance_aside_and_single_ones_do_not():
    health = Health()
    for _ in range(ERRORS_MAX - 1):
        assert not health.erred()
    health.well()
    assert [health.erred() for _ in range(ERRORS_MAX)] == [False] * (ERRORS_MAX - 1) + [True]


def test_each_time_is_twice_the_one_before_until_it_answers_well():
    health, times = Health(), []
    for _ in range(10):
        times.append(health.put_aside())
        health.take_back()
        assert health.erred(), "one that is back shows at its first error that it is not well"
    assert times[:4] == [1.0, 2.0, 4.0, 8.0]
    assert times[-1] == ASIDE_S_MAX
    health.well()
    assert health.put_aside() == 1.0


def test_an_answer_that_was_under_way_does_not_speak_for_one_that_is_set_aside():
    health = Health()
    health.put_aside()
    health.well()
    health.take_back()
    assert health.put_aside() == 2.0
