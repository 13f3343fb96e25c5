"""A gateway worker: answers invocations, and hands every other connection to the api.

It accepts on sockets that the supervisor holds, serves from memory, and ends on SIGTERM
once what is under way is answered.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import random
import resource
import secrets
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import uvloop

from clary.access.context import resource_context
from clary.access.match import Context
from clary.core.settings import Settings
from clary.gateway.admission import Admission
from clary.gateway.deadlines import Deadlines
from clary.gateway.desk import Desk, Sockets
from clary.gateway.instances import Bounds, Instances
from clary.gateway.invocations import Plane, request_ids
from clary.gateway.routes import Follower, News
from clary.resources.endpoint import ENDPOINT
from clary.services.iam.principals import Principals
from clary.services.sagemaker.nouns import tags_of
from clary.store.counters import MINUTE_S, Meter
from clary.store.inference_ids import Notes
from clary.store.store import Store
from clary_runtime.memory import keep_freed

log = logging.getLogger(__name__)

LOOKUP_THREADS = 4
SWEEP_S = 1.0
DRAIN_S = 65.0
"""How long requests under way may go on after SIGTERM."""
FREED_BYTES_KEPT = 64 * 1024 * 1024
"""Memory that the process keeps for the next large bodies."""


def run(settings: Settings, store: Store, worker: str, sockets: Sockets) -> None:
    """Serve until SIGTERM."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    keep_freed(FREED_BYTES_KEPT)
    gc.freeze()  # what was imported lives on anyway: no collection need look at it again
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(settings, store, worker, sockets))


async def _serve(settings: Settings, store: Store, worker: str, sockets: Sockets) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    meter = Meter(settings.run / "counters", worker)
    notes = Notes(settings.run / "inference-ids", worker, store.clock)
    with ThreadPoolExecutor(LOOKUP_THREADS, "look-up") as executor:
        principals = await loop.run_in_executor(executor, Principals, store, store.clock)
        admission = Admission(loop, executor, principals.find, store.clock, partial(_tags_of, store))
        instances = Instances(loop, _bounds(settings), random.random, lambda: follower.report())
        follower = Follower(store, worker, _applier(loop, instances, admission), lambda: instances.holding)
        await loop.run_in_executor(executor, follower.start)
        plane = Plane(
            clock=store.clock,
            stopwatch=time.perf_counter,
            admission=admission,
            instances=instances,
            meter=meter,
            queue=Deadlines(loop, settings.variant_queue_timeout_s),
            deadlines=Deadlines(loop, settings.invocation_timeout_s),
            request_ids=request_ids(secrets.randbits(128)),
            notes=notes,
        )
        desk = Desk(loop, plane, settings, sockets)
        sweeping = loop.create_task(_sweep(plane, desk))
        log.info("%s serves", worker)
        await stop.wait()
        await desk.drain(DRAIN_S)
        sweeping.cancel()
        instances.close()
        await loop.run_in_executor(executor, follower.stop)
    meter.close()
    notes.close()


def _bounds(settings: Settings) -> Bounds:
    return Bounds(
        instance_requests_max=settings.instance_requests_max,
        waiting_max=settings.variant_queue_max,
        answer_bytes_max=settings.invocation_bytes_max,
        workers=settings.gateways,
    )


def _tags_of(store: Store, account: str, region: str, endpoint: str) -> Context:
    """Return the tags of an endpoint as condition keys, none if there is no such endpoint."""
    records = store.records(account, region)
    record = records.find(ENDPOINT, endpoint)
    tags = tags_of(records.attributes(record.uid)) if record else ()
    return resource_context({each["Key"]: each["Value"] for each in tags}, "sagemaker")


def _applier(loop: asyncio.AbstractEventLoop, instances: Instances, admission: Admission) -> Callable[[News], None]:
    """Return what brings news to the event loop, and returns once they are acted on."""

    def act(news: News, done: threading.Event) -> None:
        try:
            if news.routes_changed:
                instances.apply(news.routes)
            admission.forget(news.accounts, everyone=news.everyone)
        finally:
            done.set()

    def apply(news: News) -> None:
        done = threading.Event()
        loop.call_soon_threadsafe(act, news, done)
        done.wait()

    return apply


async def _sweep(plane: Plane, desk: Desk) -> None:
    while True:
        plane.meter.minute = int(plane.clock()) // MINUTE_S
        desk.sweep()
        plane.instances.sweep()
        plane.instances.sample(plane.clock())
        await asyncio.sleep(SWEEP_S)
