from __future__ import annotations

import os

from clary.controllers import seat


def test_a_seat_is_one_processs_until_it_ends(tmp_path) -> None:
    held = seat.take(tmp_path / "seat")
    assert held is not None
    assert seat.take(tmp_path / "seat") is None
    os.close(held)
    again = seat.take(tmp_path / "seat")
    assert again is not None
    os.close(again)
