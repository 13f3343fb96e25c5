"""What grows without end is trimmed now and then: changes, transitions, old events and datapoints, orphaned blobs."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence

from sqlalchemy.exc import SQLAlchemyError

log = logging.getLogger(__name__)

EVERY_S = 3600.0
FIRST_S = 60.0
"""Not at once: a start is waited for."""


def keep_house(chores: Sequence[Callable[[], object]], stop: threading.Event, every_s: float = EVERY_S) -> None:
    """Do the chores every so often until told to stop; one that fails is done again next time."""
    pause = min(FIRST_S, every_s)
    while not stop.wait(pause):
        pause = every_s
        for chore in chores:
            try:
                chore()
            except (OSError, SQLAlchemyError):
                log.exception("a chore failed")
