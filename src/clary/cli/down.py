"""`clary down`: ends Clary and everything it runs, also what a killed supervisor left behind."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress

from clary.cli.flags import with_settings
from clary.cli.screen import leave
from clary.core.settings import Settings
from clary.supervisor import lock

PATIENCE_S = 120.0
POLL_S = 0.02


@with_settings("home")
def down(settings: Settings) -> None:
    """End Clary, and with it every job and endpoint instance that runs."""
    holder = lock.holder(settings)
    if holder is not None:
        _ask_to_end(settings, holder)
    if not settings.run.is_dir():
        print(f"Clary has never run on {settings.home}.")
        return
    left = _end_what_is_left(settings)
    if holder is not None:
        print("Clary has stopped.")
    elif left:
        print(f"Clary was not running; {left} instances that it had left have ended.")
    else:
        print("Clary is not running.")


def _ask_to_end(settings: Settings, holder: lock.Holder) -> None:
    """Ask the supervisor to end, and wait until the last of its processes is gone."""
    if holder.alive and holder.pid:
        with suppress(ProcessLookupError):
            os.kill(holder.pid, signal.SIGTERM)
    deadline = time.monotonic() + PATIENCE_S
    while lock.holder(settings) is not None or (holder.pid and lock.started_ticks(holder.pid) is not None):
        if time.monotonic() > deadline:
            leave(
                f"Clary (process {holder.pid}) has not stopped within {PATIENCE_S:.0f} s; see `clary logs supervisor`."
            )
        time.sleep(POLL_S)


def _end_what_is_left(settings: Settings) -> int:
    """End instances that nobody looks after, and return how many there were."""
    from clary.supervisor import instances

    try:
        held = lock.take(settings)
    except lock.HomeTaken as error:
        leave(f"Clary was started again meanwhile (process {error.holder.pid}).")
    try:
        return instances.end_all(settings)
    finally:
        os.close(held)


COMMANDS = {"down": down}
