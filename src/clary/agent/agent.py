"""One agent a machine: finds the instances that are meant for it and lives their lives.

It may be killed at any instruction: records say what is wanted, marks how far it
came, and the back end finds by name what runs.
"""

from __future__ import annotations

import logging
import select
import shutil
import socket
import threading

from clary.agent.counters import COLLECT_S, Collector
from clary.agent.life import Life
from clary.agent.rooms import Rooms
from clary.agent.tools import Tools
from clary.resources.instance import INSTANCE, Instance
from clary.store.changes import Behind, Ear

log = logging.getLogger(__name__)

RESYNC_S = 30.0
LIVES_MAX = 500
NAME_BYTES_MAX = 64


class Agent:
    """Runs the instances of this machine."""

    def __init__(self, tools: Tools, collector: Collector) -> None:
        self._tools = tools
        self._collector = collector
        self._rooms = Rooms(tools.capacity, tools.policy, tools.backend.close)
        self._lives: dict[str, tuple[Life, threading.Thread]] = {}
        self._seq = 0

    def run(self, stop: threading.Event) -> None:
        """Work until told to stop; what runs goes on running."""
        self._tools.doorbell.unlink(missing_ok=True)
        with (
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as keepers,
            self._tools.store.bell.listen("agent") as changes,
        ):
            keepers.bind(str(self._tools.doorbell))
            keepers.settimeout(0)
            resynced = float("-inf")
            while not stop.is_set():
                now = self._tools.clock()
                if now - resynced >= RESYNC_S:
                    self._resync(stop)
                    resynced = now
                if now >= self._collector.due:
                    self._collector.collect()
                self._follow(stop)
                self._listen(keepers, changes)
        for life, thread in list(self._lives.values()):
            life.wake()
            thread.join(timeout=1.0)

    def _listen(self, keepers: socket.socket, changes: Ear) -> None:
        patience_s = min(COLLECT_S, max(0.0, self._collector.due - self._tools.clock()))
        ready, _, _ = select.select([keepers.fileno(), changes.fileno()], [], [], patience_s)
        if keepers.fileno() in ready:
            for name in _rung(keepers):
                if name in self._lives:
                    self._lives[name][0].wake()
        if changes.fileno() in ready:
            changes.wait(0)

    def _resync(self, stop: threading.Event) -> None:
        self._seq = self._tools.store.feed.newest()
        wanted = set()
        for record in self._tools.store.world.all(INSTANCE):
            wanted.add(record.name)
            self._live(Instance.read(record), stop)
        self._sweep(wanted)

    def _sweep(self, wanted: set[str]) -> None:
        """Stop and forget what no record asks for."""
        for name in set(self._tools.backend.names()) - wanted - set(self._lives) - self._tools.packages.installing:
            log.warning("sweeping %s, which nobody owns", name)
            self._tools.backend.stop(name)
            self._tools.backend.remove(name)
        if self._tools.work.is_dir():
            for folder in self._tools.work.iterdir():
                if folder.name not in wanted and folder.name not in self._lives:
                    shutil.rmtree(folder, ignore_errors=True)

    def _follow(self, stop: threading.Event) -> None:
        try:
            while changes := self._tools.store.feed.since(self._seq):
                for change in changes:
                    if change.kind == str(INSTANCE):
                        self._hear(change.account, change.region, change.name, stop)
                self._seq = changes[-1].seq
        except Behind:
            self._resync(stop)

    def _hear(self, account: str, region: str, name: str, stop: threading.Event) -> None:
        known = self._lives.get(name)
        if known is not None and known[1].is_alive():
            known[0].wake()
            return
        record = self._tools.store.records(account, region).find(INSTANCE, name)
        if record is not None:
            self._live(Instance.read(record), stop)

    def _live(self, instance: Instance, stop: threading.Event) -> None:
        known = self._lives.get(instance.name)
        if known is not None and known[1].is_alive():
            known[0].wake()
            return
        self._lives = {name: life for name, life in self._lives.items() if life[1].is_alive()}
        if len(self._lives) >= LIVES_MAX:
            return  # The resync finds it when others have ended.
        life = Life(self._tools, self._rooms, instance)
        thread = threading.Thread(target=life.run, args=(stop,), name=instance.name, daemon=True)
        self._lives[instance.name] = (life, thread)
        thread.start()


def _rung(bell: socket.socket) -> set[str]:
    """Return the names of the instances that rang, and empty the bell."""
    names = set()
    try:
        while True:
            names.add(bell.recv(NAME_BYTES_MAX).decode("ascii", "replace"))
    except BlockingIOError:
        return names
