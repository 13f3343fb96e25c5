from __future__ import annotations

import pytest

from clary.cli.screen import duration, table


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0, "0 s"), (59.9, "59 s"), (61, "1 min 1 s"), (7_260, "2 h 1 min"), (273_600, "3 d 4 h"), (-1, "0 s")],
)
def test_a_span_of_time_is_told_in_its_two_largest_units(seconds, told):
    assert duration(seconds) == told


def test_a_program_gets_columns_without_boxes(capsys):
    table(("name", "state"), [("api", "running"), ("gateway-1", "waiting")])
    assert capsys.readouterr().out == "NAME       STATE\napi        running\ngateway-1  waiting\n"
