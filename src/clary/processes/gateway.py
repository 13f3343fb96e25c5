"""A gateway worker."""

from __future__ import annotations

from clary.core.settings import Settings
from clary.gateway import worker as gateway_worker
from clary.gateway.desk import Sockets
from clary.store.store import open_store
from clary.supervisor.listeners import Listeners


def gateway(settings: Settings, listeners: Listeners, worker: str) -> None:
    """Be a gateway worker until SIGTERM."""
    store = open_store(settings, migrated=True)  # by `prepare`
    sockets = Sockets(tcp=listeners.tcp, platform=listeners.platform, invocations=listeners.invocations)
    gateway_worker.run(settings, store, worker, sockets)
    store.close()
