"""How processes hear that they are to end."""

from __future__ import annotations

import signal
import threading

from clary.store.changes import Bell


def stop_on_sigterm(bell: Bell) -> threading.Event:
    """Return what SIGTERM sets; whoever sleeps meanwhile wakes at the bell."""
    stop = threading.Event()

    def end(number: int, frame: object) -> None:
        stop.set()
        bell.ring()

    signal.signal(signal.SIGTERM, end)
    return stop
