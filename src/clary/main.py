"""Where every object is built and handed down; nothing else constructs.

Each function below is the body of one process.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import threading
from collections.abc import Callable
from datetime import UTC, datetime

from clary.agent.agent import Agent
from clary.agent.counters import Collector
from clary.agent.inference_ids import InferenceIds
from clary.agent.packages import Packages
from clary.agent.tools import Tools
from clary.callers import AlarmTopics, EventSenders, ExecutionRoles, ScalingClients
from clary.compute.admission import Policy, promisable, spare, this_machine
from clary.compute.process import ProcessBackend, ProcessSettings
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
from clary.gateway import certificates
from clary.gateway import worker as gateway_worker
from clary.gateway.desk import Sockets
from clary.resources.quotas import limits_of
from clary.server.access import Authenticator
from clary.server.handle import Front
from clary.server.http import Doors, Server
from clary.server.internal import InternalCaller
from clary.server.perform import Performer
from clary.server.registry import Registry
from clary.server.telemetry.door import Door
from clary.server.telemetry.families import Readings
from clary.server.telemetry.otlp import Exporter
from clary.server.waits import Waits
from clary.services import (
    application_autoscaling,
    autoscaling_plans,
    cloudwatch,
    events,
    iam,
    logs,
    organizations,
    s3,
    sagemaker,
    scheduler,
    service_quotas,
    sns,
    sqs,
    sts,
)
from clary.services.cloudwatch.measurements import Measurements
from clary.services.events.intake import Intake
from clary.services.iam.bootstrap import bootstrap
from clary.services.iam.kinds import ACCOUNT
from clary.services.iam.principals import Principals
from clary.services.operation import Platform
from clary.store.changes import Bell
from clary.store.store import Store, open_store
from clary.supervisor.listeners import Listeners
from clary.wire.message import Request, Response
from clary.wire.models import Models
from clary.wire.service_index import ServiceIndex

COURIERS = ("deliveries", "event deliveries")
"""Leases of those who deliver for topics, and for event buses."""
SERVICES = {
    "application-autoscaling": application_autoscaling.operations,
    "autoscaling-plans": autoscaling_plans.operations,
    "cloudwatch": cloudwatch.operations,
    "events": events.operations,
    "iam": iam.operations,
    "logs": logs.operations,
    "organizations": organizations.operations,
    "s3": s3.operations,
    "sagemaker": sagemaker.operations,
    "scheduler": scheduler.operations,
    "service-quotas": service_quotas.operations,
    "sns": sns.operations,
    "sqs": sqs.operations,
    "sts": sts.operations,
}


def prepare(settings: Settings) -> None:
    """Make the stores, the root account and the certificate where they are not there yet.

    Raises SettingsError for quotas that are unknown, and for a certificate that cannot be used.
    """
    limits_of(settings.quotas)
    certificates.prepare(settings, datetime.now(UTC))
    store = open_store(settings)
    bootstrap(store, settings)
    store.close()


def gateway(settings: Settings, listeners: Listeners, worker: str) -> None:
    """Be a gateway worker until SIGTERM."""
    store = open_store(settings)
    sockets = Sockets(tcp=listeners.tcp, platform=listeners.platform, invocations=listeners.invocations)
    gateway_worker.run(settings, store, worker, sockets)
    store.close()


def api(settings: Settings, listeners: Listeners) -> None:
    """Be an api process until SIGTERM."""
    store = open_store(settings)
    caller = _caller(settings, store)
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


def controller(settings: Settings) -> None:
    """Be the controller until SIGTERM."""
    store = open_store(settings)
    stop = _stop_on_sigterm(store.bell)
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
    caller = _caller(settings, store)
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


def agent(settings: Settings) -> None:
    """Be this machine's agent until SIGTERM."""
    store = open_store(settings)
    stop = _stop_on_sigterm(store.bell)
    doorbell = settings.run / "keepers.sock"
    capacity = this_machine()
    policy = Policy(instances_max=settings.instances_max, instance_memory_bytes_max=settings.instance_memory_bytes_max)
    backend = ProcessBackend(
        settings.instances,
        ProcessSettings(
            api_socket=settings.platform_socket,
            doorbell=doorbell,
            memory_bytes_max=promisable(capacity, policy),
            unsandboxed=settings.unsandboxed,
            parents_max=settings.warm_parents,
            parents_bytes_max=spare(capacity, policy),
            parents_free_bytes_min=2 * policy.free_memory_bytes_min,
        ),
    )
    tools = Tools(
        store=store,
        backend=backend,
        roles=ExecutionRoles(_caller(settings, store)),
        clock=store.clock,
        home=settings.home,
        work=settings.work,
        capacity=capacity,
        policy=policy,
        egress=settings.egress,
        packages=Packages(backend, settings.packages, os.environ),
        doorbell=doorbell,
    )
    ids = InferenceIds(store, settings.run / "inference-ids")
    taker = threading.Thread(target=ids.run, args=(stop,), name="inference-ids", daemon=True)
    taker.start()
    Agent(tools, Collector(store, settings.run / "counters", store.clock)).run(stop)
    taker.join()
    store.close()


def _caller(settings: Settings, store: Store) -> InternalCaller:
    """Return the caller of a process: every service, on one path."""
    platform = Platform(store, settings)
    groups = {name: operations(platform) for name, operations in SERVICES.items()}
    registry = Registry(Models(), ServiceIndex.read(), groups)
    return InternalCaller(Performer(store, registry, store.clock), Principals(store, store.clock))


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
        caller=_caller(settings, store),
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


def _stop_on_sigterm(bell: Bell) -> threading.Event:
    """Return what SIGTERM sets; whoever sleeps meanwhile wakes at the bell."""
    stop = threading.Event()

    def end(number: int, frame: object) -> None:
        stop.set()
        bell.ring()

    signal.signal(signal.SIGTERM, end)
    return stop
