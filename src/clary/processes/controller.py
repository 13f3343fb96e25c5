"""The controller: what compares what is wanted with what is, sees to what comes round by the clock, and delivers."""

from __future__ import annotations

import os
import shutil
import socket
import threading

from clary.callers import AlarmTopics, EventSenders, ExecutionRoles, ScalingClients
from clary.controllers import seat
from clary.controllers.alarm_actions import AlarmActions
from clary.controllers.alarms import Alarms, trim_history
from clary.controllers.closures import Closures
from clary.controllers.deliveries import Courier
from clary.controllers.endpoints import Endpoints
from clary.controllers.event_calls import CallCourier
from clary.controllers.event_couriers import EventCouriers
from clary.controllers.event_replays import Replays
from clary.controllers.event_schedules import Schedules
from clary.controllers.event_sources import Sources
from clary.controllers.event_targets import EventCourier
from clary.controllers.event_timetables import Timetables
from clary.controllers.event_upkeep import keep_events
from clary.controllers.expirations import Expirations
from clary.controllers.housekeeping import EVERY_S, keep_house
from clary.controllers.inference_experiments import InferenceExperiments
from clary.controllers.loop import LEASE, Loop, Reconciler
from clary.controllers.posts import post
from clary.controllers.queue_metrics import EVERY_S as SHIP_S
from clary.controllers.queue_metrics import ship_activity
from clary.controllers.rounds import Worker
from clary.controllers.scaling_actions import PolicyActions
from clary.controllers.scaling_plans import ScalingPlans
from clary.controllers.scaling_policies import ScalingPolicies
from clary.controllers.scaling_targets import ScalableTargets, trim_activities
from clary.controllers.training_jobs import TrainingJobs
from clary.core.settings import Settings
from clary.processes.performing import SERVICES, caller_of
from clary.processes.signals import stop_on_sigterm
from clary.server.internal import InternalCaller
from clary.services.cloudwatch.measurements import Measurements
from clary.services.events.intake import Intake
from clary.services.iam.kinds import ACCOUNT
from clary.store.store import Store, open_store

COURIERS = ("deliveries", "event deliveries")
"""Leases of those who deliver for topics, and for event buses."""


def controller(settings: Settings) -> None:
    """Be the controller until SIGTERM."""
    store = open_store(settings, migrated=True)  # by `prepare`
    stop = stop_on_sigterm(store.bell)
    purges = (
        store.objects_purge,
        store.log_archive.purge,
        store.series_archive.purge,
        store.queue_archive.purge,
        store.deliveries.purge,
        store.activity.purge,
        store.event_deliveries.purge,
        store.event_archives.purge,
        lambda account: shutil.rmtree(settings.packages / account, ignore_errors=True),
    )
    caller = caller_of(settings, store)
    scaling, windows = ScalingClients(caller), settings.scaling_windows
    reconcilers: tuple[Reconciler, ...] = (
        TrainingJobs(store.clock),
        Endpoints(store, store.clock, settings.zones),
        Alarms(Measurements(store), store.clock, scales=True),
        AlarmActions(AlarmTopics(caller), PolicyActions(store, scaling, store.clock, windows), store.clock),
        ScalableTargets(scaling, store.clock),
        ScalingPolicies(scaling, store.clock, windows),
        ScalingPlans(scaling, store.clock),
        InferenceExperiments(ExecutionRoles(caller), store.clock),
        Closures(ACCOUNT, store, purges),
        *_send_events(settings, store, caller, stop),
    )
    _keep_house(store, stop)
    _deliver(settings, store, stop)
    mine = f"{socket.gethostname()}:{settings.home}:"
    held = seat.take(settings.run / "controller.lock")
    if held is not None:
        for lease in (LEASE, *COURIERS):  # it was this home's last controller that had them, and it is dead
            store.leases.end(lease, mine)
    Loop(store, {str(each.kind): each for each in reconcilers}, f"{mine}{os.getpid()}", store.clock).run(stop)
    store.close()


def _keep_house(store: Store, stop: threading.Event) -> None:
    """Do what comes round by the clock, in threads."""
    chores = (
        store.feed.trim,
        lambda: store.outbox.trim(store.clock()),
        lambda: store.log_archive.trim(store.clock()),
        lambda: store.series_archive.roll_up(store.clock()),
        lambda: trim_history(store, store.clock()),
        lambda: trim_activities(store, store.clock()),
        lambda: store.queue_archive.trim(store.clock()),
        lambda: store.deliveries.trim(store.clock()),
        lambda: keep_events(store),
        Expirations(store).expire,
        store.blobs_sweep,
    )
    counts = (lambda: ship_activity(store),)
    for name, work, every_s in (("housekeeping", chores, EVERY_S), ("queue metrics", counts, SHIP_S)):
        threading.Thread(target=keep_house, args=(work, stop, every_s), name=name, daemon=True).start()


def _deliver(settings: Settings, store: Store, stop: threading.Event) -> None:
    """Deliver what topics publish, in a thread."""
    courier = Courier(
        store=store,
        caller=caller_of(settings, store),
        post=post,
        clock=store.clock,
        endpoint=f"http://{settings.host}:{settings.port}",
    )
    worker = Worker(courier, COURIERS[0], f"{socket.gethostname()}:{settings.home}:{os.getpid()}")
    listener = store.words.listen("deliveries")
    threading.Thread(target=worker.run, args=(stop, listener), name="deliveries", daemon=True).start()


def _send_events(
    settings: Settings, store: Store, caller: InternalCaller, stop: threading.Event
) -> tuple[Reconciler, ...]:
    """Tell buses what happens and deliver to targets, in threads; return what sees to schedules and replays."""
    intake, holder = Intake(store), f"{socket.gethostname()}:{settings.home}:{os.getpid()}"
    sources = Sources(store, intake)
    threading.Thread(target=sources.run, args=(stop,), name="event sources", daemon=True).start()
    senders = EventSenders(caller, SERVICES)
    courier = EventCouriers(EventCourier(store, senders, intake, store.clock), CallCourier(store, senders, store.clock))
    worker = Worker(courier, COURIERS[1], holder)
    listener = store.words.listen("event deliveries")
    threading.Thread(target=worker.run, args=(stop, listener), name="event deliveries", daemon=True).start()
    return (
        Schedules(store.event_positions, intake, store.clock),
        Timetables(store.event_positions, store.event_deliveries, store.clock),
        Replays(store.event_archives, store.event_positions, intake, store.clock),
    )
