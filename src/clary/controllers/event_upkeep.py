"""Forgets what archives need not keep any longer, replays of long ago, and positions of what is gone."""

from __future__ import annotations

from clary.controllers.event_replays import PREFIX as REPLAYS
from clary.controllers.event_schedules import PREFIX as SCHEDULES
from clary.controllers.event_timetables import PREFIX as TIMETABLES
from clary.resources.event_rules import ARCHIVE, DAY_S, REPLAY, ReplayState
from clary.store.store import Store

REPLAYS_KEPT_S = 90 * DAY_S
"""EventBridge user guide: replays are deleted 90 days after they ended."""


def keep_events(store: Store) -> None:
    """Do all of it once."""
    now = store.clock()
    store.event_deliveries.trim(now)
    for archive in store.world.all(ARCHIVE):
        days = archive.spec["RetentionDays"]
        if days:
            store.event_archives.drop(archive.uid, int((now - days * DAY_S) * 1000))
    store.event_archives.drop_others(each.uid for each in store.world.all(ARCHIVE))
    for replay in store.world.all(REPLAY):
        if ReplayState(replay.state).final and replay.status["ended"] < now - REPLAYS_KEPT_S:
            store.records(replay.account, replay.region).remove(replay)
    _forget_positions(store)


def _forget_positions(store: Store) -> None:
    for prefix in (REPLAYS, SCHEDULES, TIMETABLES):
        names = store.event_positions.names(prefix)
        gone = [name for name in names if store.world.find_uid(name.removeprefix(prefix).partition("/")[0]) is None]
        store.event_positions.forget(gone)
