"""An api process."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable

from clary.core.settings import Settings
from clary.processes.performing import caller_of
from clary.server.access import Authenticator
from clary.server.handle import Front
from clary.server.http import Doors, Server
from clary.server.internal import InternalCaller
from clary.server.telemetry.door import Door
from clary.server.telemetry.families import Readings
from clary.server.telemetry.otlp import Exporter
from clary.server.waits import Waits
from clary.store.store import Store, open_store
from clary.supervisor.listeners import Listeners
from clary.wire.message import Request, Response


def api(settings: Settings, listeners: Listeners) -> None:
    """Be an api process until SIGTERM."""
    store = open_store(settings, migrated=True)  # by `prepare`
    caller = caller_of(settings, store)
    front = Front(
        performer=caller.performer,
        authenticator=Authenticator(caller.principals, store.clock),
        caller=caller,
        body_bytes_max=settings.request_bytes_max,
        metrics=_metrics(settings, store, caller),
    )
    doors = Doors(listeners.handoffs, settings.run / "invocations.sock")
    Server(front.handle, doors, Waits(store.words, store.clock)).run()
    store.close()


def _metrics(settings: Settings, store: Store, caller: InternalCaller) -> Callable[[Request], Response | None]:
    """Return what answers scrapes, and have metrics sent to a collector if there is one."""
    readings = Readings(store, settings.run / "counters")
    if settings.otlp_endpoint:
        exporter = Exporter(
            families=lambda: readings.families(None),
            endpoint=settings.otlp_endpoint,
            every_s=settings.otlp_interval_s,
            clock=store.clock,
            instance=f"{socket.gethostname()}:{settings.home}",
        )
        threading.Thread(target=exporter.run, args=(threading.Event(),), name="metrics", daemon=True).start()
    return Door(readings, caller, settings.region).answer
