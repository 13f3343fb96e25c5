from __future__ import annotations

import threading

from sqlalchemy.exc import OperationalError

from clary.controllers import housekeeping


def test_a_chore_that_fails_keeps_no_other_from_being_done(monkeypatch) -> None:
    monkeypatch.setattr(housekeeping, "FIRST_S", 0.0)
    stop, done = threading.Event(), []

    def fail() -> None:
        done.append("failed")
        raise OperationalError("delete", {}, Exception("the disk is full"))

    def finish() -> None:
        done.append("done")
        stop.set()

    housekeeping.keep_house((fail, finish), stop)
    assert done == ["failed", "done"]
