"""This machine's agent."""

from __future__ import annotations

import os
import threading

from clary.agent.agent import Agent
from clary.agent.counters import Collector
from clary.agent.inference_ids import InferenceIds
from clary.agent.packages import Packages
from clary.agent.tools import Tools
from clary.callers import ExecutionRoles
from clary.compute.admission import Policy, promisable, spare, this_machine
from clary.compute.process import ProcessBackend, ProcessSettings
from clary.core.settings import Settings
from clary.processes.performing import caller_of
from clary.processes.signals import stop_on_sigterm
from clary.store.store import open_store


def agent(settings: Settings) -> None:
    """Be this machine's agent until SIGTERM."""
    store = open_store(settings, migrated=True)  # by `prepare`
    stop = stop_on_sigterm(store.bell)
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
        roles=ExecutionRoles(caller_of(settings, store)),
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
