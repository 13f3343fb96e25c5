"""Everything durable, opened once a process and handed down."""

from __future__ import annotations

from dataclasses import dataclass

from clary.core.clock import Clock, system_clock
from clary.core.settings import Settings
from clary.store.activity import Activity
from clary.store.audit import Audit
from clary.store.blobs import Blobs
from clary.store.bound import BoundStore
from clary.store.changes import Bell, Feed
from clary.store.database import Database
from clary.store.deliveries import Deliveries
from clary.store.event_archives import EventArchives
from clary.store.event_positions import EventPositions
from clary.store.gateways import Gateways
from clary.store.leases import Leases
from clary.store.log_archive import LogArchive
from clary.store.logs import Logs
from clary.store.notary import Notary
from clary.store.objects import Objects
from clary.store.outbox import Outbox
from clary.store.queues import QueueArchive, Queues
from clary.store.records import Fence, Records
from clary.store.sealing import Sealer
from clary.store.series import Series
from clary.store.series_archive import SeriesArchive
from clary.store.tokens import Tokens
from clary.store.uploads import Uploads
from clary.store.words import Words
from clary.store.world import World

DATABASES = ("records", "audit")
ORPHAN_S = 600.0
"""How old a file must be before it is taken for one that nobody will name any more."""


@dataclass(frozen=True, slots=True)
class Store:
    """All stores of one Clary."""

    clock: Clock
    database: Database
    bell: Bell
    world: World
    feed: Feed
    outbox: Outbox
    leases: Leases
    gateways: Gateways
    audit: Audit
    log_archive: LogArchive
    series_archive: SeriesArchive
    queue_archive: QueueArchive
    deliveries: Deliveries
    activity: Activity
    event_deliveries: Deliveries
    event_archives: EventArchives
    event_positions: EventPositions
    words: Words
    objects: Objects
    uploads: Uploads
    blobs: Blobs
    sealer: Sealer
    notary: Notary

    def records(self, account: str, region: str, *, fence: Fence | None = None) -> Records:
        """Return the records of an account in a region."""
        return Records(self.database, self.clock, self.bell, account, region, fence)

    def logs(self, account: str, region: str) -> Logs:
        """Return the logs of an account in a region."""
        return self.log_archive.of(account, region)

    def series(self, account: str, region: str) -> Series:
        """Return the metrics of an account in a region."""
        return self.series_archive.of(account, region)

    def queues(self, account: str, region: str) -> Queues:
        """Return the queues of an account in a region."""
        return self.queue_archive.of(account, region)

    def bind(self, account: str, region: str) -> BoundStore:
        """Return what a call may touch."""
        return BoundStore(
            account=account,
            region=region,
            records=self.records(account, region),
            logs=self.logs(account, region),
            series=self.series(account, region),
            tokens=Tokens(self.database, self.clock, account, region),
            objects=self.objects,
            uploads=self.uploads,
            blobs=self.blobs,
            sealer=self.sealer,
        )

    def objects_purge(self, account: str) -> None:
        """Remove every object of an account, old versions and open uploads too."""
        while (freed := self.objects.purge(account)) is not None:
            for blob in freed:
                self.blobs.remove([blob])

    def blobs_sweep(self) -> None:
        """Remove what crashed writers left, and parts that were being read when their object was deleted."""
        self.blobs.sweep(self.objects.referenced, ORPHAN_S)

    def close(self) -> None:
        """Write what is queued and close every file."""
        self.audit.close()
        self.log_archive.close()
        self.series_archive.close()
        self.queue_archive.close()
        self.event_positions.database.close()
        self.objects.database.close()
        self.database.close()


def open_store(settings: Settings, *, clock: Clock = system_clock, migrated: bool = False) -> Store:
    """Open the store under a home, made and migrated where needed; that is looked at unless it is known to be."""
    for folder in (settings.home, settings.databases, settings.blobs, settings.run):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    database = Database(settings.databases, "records")
    trail = Database(settings.databases, "audit", synchronous="NORMAL")
    logs = Database(settings.databases, "logs")
    series = Database(settings.databases, "series", synchronous="NORMAL")
    queues = Database(settings.databases, "queues")
    events = Database(settings.databases, "events")
    objects = Database(settings.databases, "objects")
    for each in () if migrated else (database, trail, logs, series, queues, events, objects):
        each.migrate()
    words = Words(settings.run / "words")
    sealer = Sealer.at(settings.home / "root.key")
    return Store(
        clock=clock,
        database=database,
        bell=Bell(settings.run / "bells"),
        world=World(database),
        feed=Feed(database),
        outbox=Outbox(database),
        leases=Leases(database, clock),
        gateways=Gateways(database, clock),
        audit=Audit(trail),
        log_archive=LogArchive(logs, clock),
        series_archive=SeriesArchive(series, clock),
        queue_archive=QueueArchive(queues, clock, words),
        deliveries=Deliveries(queues, words, sealer),
        activity=Activity(queues),
        event_deliveries=Deliveries(events, words, sealer, "events"),
        event_archives=EventArchives(events, sealer),
        event_positions=EventPositions(events),
        words=words,
        objects=Objects(objects),
        uploads=Uploads(objects),
        blobs=Blobs(settings.blobs),
        sealer=sealer,
        notary=Notary(settings.home / "sns.json", sealer, clock),
    )
