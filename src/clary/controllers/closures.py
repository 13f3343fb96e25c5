"""Closes accounts: stops what runs, then takes away everything that the account has, and the account last."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from clary.core.errors import StaleRecord
from clary.resources.endpoint import ENDPOINT
from clary.resources.instance import INSTANCE
from clary.resources.training_job import TRAINING_JOB
from clary.store.records import Change, Kind, Record, Records
from clary.store.store import Store

LOOK_S = 0.2
LIVING = frozenset(str(kind) for kind in (TRAINING_JOB, ENDPOINT, INSTANCE))
"""Kinds whose own controllers take them down; their records go when the thing is gone."""
Purge = Callable[[str], None]
"""Removes what an account has outside its records."""


class Closures:
    """Brings accounts that are to be closed to their end."""

    def __init__(self, kind: Kind, store: Store, purges: Sequence[Purge]) -> None:
        self.kind = kind
        self._store = store
        self._purges = purges

    def reconcile(self, record: Record, records: Records) -> float | None:
        """Take the steps that are allowed now."""
        if not record.deleting:
            return None
        owned = [each for each in self._store.world.owned_by(record.name) if each.uid != record.uid]
        living = [each for each in owned if each.kind in LIVING]
        for each in living:
            self._take_down(each, records)
        if living:
            return LOOK_S
        for purge in self._purges:
            purge(record.name)
        for each in owned:
            self._bound(each, records).remove(each)
        records.remove(record)
        return None

    def _take_down(self, record: Record, records: Records) -> None:
        if not record.deleting:
            try:
                self._bound(record, records).update(record, Change(deleting=True))
            except StaleRecord:
                return  # It moved on: the next look finds it again.

    def _bound(self, record: Record, records: Records) -> Records:
        return self._store.records(record.account, record.region, fence=records.fence)
