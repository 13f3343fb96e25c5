"""The life of one instance on this machine, phase by phase, in a thread of its own.

Every phase may begin anew after a crash: it leaves its mark in the record when it
is done, and does again, harmlessly, what it had begun. What runs is found by name.
"""

from __future__ import annotations

import logging
import os
import shutil
import signal
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from clary.agent.container import SOURCE, Box, Provision, checkpoint_names, container_of
from clary.agent.downloads import Cancelled, Downloader
from clary.agent.packages import asked_for, pip_settings
from clary.agent.places import Mistake, S3Place
from clary.agent.rooms import Rooms
from clary.agent.strangers import text
from clary.agent.tools import Tools
from clary.agent.uploads import Uploader
from clary.agent.watch import Watch
from clary.compute import images
from clary.compute.backend import Observed, State
from clary.compute.images import Runtime
from clary.core.errors import ComputeError, ServiceError, StaleRecord
from clary.resources.instance import INSTANCE, Desired, Instance, Phase
from clary.resources.training_job import STOP_GRACE_S
from clary.store.records import Change

log = logging.getLogger(__name__)

FAILURE_BYTES_MAX = 4096
RETRY_S = 1.0
ROOM_S_MAX = 60.0
"""How long an instance of an endpoint may wait for room on a full machine."""
NO_CAPACITY = (
    "Unable to provision requested ML compute capacity due to InsufficientInstanceCapacity error. "
    "Please retry using a different ML instance type or after some time."
)
SWAPS_MAX = 20
CREDENTIALS_S = 6 * 3600


class Life:
    """Takes one instance from `Pending` to its end, and then forgets it."""

    def __init__(self, tools: Tools, rooms: Rooms, instance: Instance) -> None:
        self._tools = tools
        self._rooms = rooms
        self._name = instance.name
        self._uid = instance.uid
        self._records = tools.store.records(instance.record.account, instance.record.region)
        self._box = Box(tools.work / instance.name / "ml")
        self._woken = threading.Event()
        self._instance: Instance | None = instance

    def wake(self) -> None:
        """Look again: the record or the program may have changed."""
        self._woken.set()

    def run(self, stop: threading.Event) -> None:
        """Live until the instance is forgotten or the agent stops."""
        while not stop.is_set():
            try:
                pause = self._step()
            except StaleRecord:
                continue
            except Cancelled:
                pause = 0.0
            except Exception:
                log.exception("instance %s: trying again", self._name)
                pause = RETRY_S
            if pause is None:
                return
            self._woken.wait(pause)
            self._woken.clear()

    def _step(self) -> float | None:
        """Do what is next; return how long to wait at most, None when all is over."""
        instance = self._look()
        if instance is None or instance.deleting:
            self._forget(instance)
            return None
        try:
            return self._phases()[instance.phase](instance)
        except (Mistake, ComputeError) as error:
            if isinstance(error, ComputeError) and not error.permanent:
                raise
            self._end(instance, error=str(error), client_error=True)
            return 0.0

    def _phases(self) -> dict[Phase, Callable[[Instance], float]]:
        return {
            Phase.PENDING: self._wait_for_room,
            Phase.DOWNLOADING: self._download,
            Phase.STARTING: self._start,
            Phase.RUNNING: self._watch,
            Phase.UPLOADING: self._upload,
            Phase.ENDED: lambda _: 3600.0,
        }

    def _wait_for_room(self, instance: Instance) -> float:
        if instance.spec.desired is Desired.STOP:
            self._end(instance)
            return 0.0
        images.resolve(instance.spec.image, self._tools.home)
        refusal = self._rooms.take(instance)
        if refusal is None and instance.spec.serving is not None:
            return self._download(instance)  # nobody is shown a server's phases, and each costs a write
        if refusal is None:
            self._reach(instance, Phase.DOWNLOADING)
            return 0.0
        waited_s = self._tools.clock() - instance.record.created
        if refusal.permanent or (instance.spec.serving is not None and waited_s > ROOM_S_MAX):
            raise Mistake(f"{NO_CAPACITY} {refusal.reason}")
        if not instance.status.reached:  # a job waits as long as it takes, and says so
            self._reach(instance, Phase.PENDING)
        return RETRY_S

    def _download(self, instance: Instance) -> float:
        if instance.spec.desired is Desired.STOP:
            self._end(instance)
            return 0.0
        self._rooms.keep(instance)
        runtime = images.resolve(instance.spec.image, self._tools.home)
        downloader = Downloader(self._client(instance), instance.spec.volume_bytes, self._unwanted)
        self._box.fill(instance, runtime, downloader)
        self._reach(instance, Phase.STARTING)
        return 0.0

    def _start(self, instance: Instance) -> float:
        """Start the program; where it was started before, the back end finds it by its name."""
        runtime = images.resolve(instance.spec.image, self._tools.home)
        given = Provision(
            share=self._rooms.share(instance),
            credentials=None if instance.spec.isolated else self._credentials(instance),
            packages=self._packages(instance, runtime),
            environment=pip_settings(os.environ),
            egress=self._tools.egress,
        )
        self._tools.backend.start(container_of(instance, runtime, self._box, given))
        if instance.spec.serving is not None:
            return self._watch(instance)  # a server runs when it answers
        self._reach(instance, Phase.RUNNING)
        return 0.0

    def _packages(self, instance: Instance, runtime: Runtime) -> Path | None:
        """Return the folder of what the source archive requires; an isolated program has no way to any of it."""
        text = asked_for(self._box.opt_ml / SOURCE)
        if not text or instance.spec.isolated or not self._tools.egress:
            return None
        share = self._rooms.share(instance)
        account = instance.record.account
        site, said = self._tools.packages.provide(account, text, runtime, share, self._unwanted)
        if said:
            log_ = instance.spec.log
            events = [(int(self._tools.clock() * 1000), line) for line in said.splitlines()]
            self._tools.store.logs(account, instance.record.region).put(log_.group, log_.stream, events)
        return site

    def _watch(self, instance: Instance) -> float:
        """Stay with the program until it ends."""
        self._rooms.keep(instance)
        watch = Watch(self._tools, instance, self._box, self._write)
        while (observed := watch.look()) is not None and not observed.ended:
            if self._woken.wait(watch.pause_s()):
                self._woken.clear()
                instance = self._look() or instance
                if instance.deleting:
                    return 0.0
                if instance.spec.desired is Desired.STOP:
                    watch.ask_to_stop(STOP_GRACE_S)
            if watch.time_is_over() and not instance.status.timed_out:
                instance = self._write(instance, timed_out=True)
                watch.ask_to_stop(STOP_GRACE_S)
            if watch.must_die():
                self._tools.backend.signal(self._name, signal.SIGKILL)
        watch.finish()
        self._after(self._look() or instance, observed, watch)
        return 0.0

    def _after(self, instance: Instance, observed: Observed | None, watch: Watch) -> None:
        """Write down how the program ended, and go on to what it made."""
        lost = observed is None or observed.state is State.LOST
        told: dict[str, Any] = {
            "ready": False,
            "lost": lost,
            "exit_code": None if observed is None else observed.exit_code,
            "out_of_memory": observed is not None and observed.out_of_memory,
            "error": watch.error or (observed.error if observed is not None and observed.error else ""),
            "client_error": bool(watch.error),
            "final_metrics": watch.final_metrics(),
            "failure": text(self._box.opt_ml, "output", "failure", bytes_max=FAILURE_BYTES_MAX),
        }
        self._rooms.leave(self._name)
        if instance.spec.training is None or lost:
            self._end(instance, **told)
        else:
            self._reach(instance, Phase.UPLOADING, **told)

    def _upload(self, instance: Instance) -> float:
        training = instance.spec.training
        assert training is not None
        uploader = Uploader(self._client(instance), self._box.opt_ml)
        output = S3Place.parse(training.output_s3) / "output"
        artifact = ""
        whole = instance.status.exit_code == 0 or instance.status.timed_out or instance.spec.desired is Desired.STOP
        if training.checkpoint:
            uploader.tree(checkpoint_names(training), S3Place.parse(training.checkpoint["S3Uri"]))
        if uploader.holds(("output", "data")):
            uploader.archive(("output", "data"), output / "output.tar.gz")
        if whole and (instance.status.exit_code == 0 or uploader.holds(("model",))):
            artifact = str(output / ("model.tar.gz" if training.output_compressed else "model/"))
            if training.output_compressed:
                uploader.archive(("model",), S3Place.parse(artifact))
            else:
                uploader.tree(("model",), S3Place.parse(artifact))
        self._end(instance, artifact=artifact)
        return 0.0

    def _forget(self, instance: Instance | None) -> None:
        """Take away everything of the instance, then its record: nothing is forgotten before it is gone."""
        self._tools.backend.stop(self._name)
        self._tools.backend.remove(self._name)
        shutil.rmtree(self._box.opt_ml.parent, ignore_errors=True)
        self._rooms.leave(self._name)
        if instance is not None:
            self._records.remove(instance.record)

    def _end(self, instance: Instance, **told: Any) -> None:
        self._rooms.leave(self._name)
        self._reach(instance, Phase.ENDED, **told)

    def _reach(self, instance: Instance, phase: Phase, **told: Any) -> None:
        reached = {**instance.status.reached, phase: self._tools.clock()}
        self._write(instance, phase, **told, reached=reached)

    def _write(self, instance: Instance, phase: Phase | None = None, **told: Any) -> Instance:
        """Write a part of the status; the controller may write the spec meanwhile, so read again and repeat."""
        for _ in range(SWAPS_MAX):
            status = replace(instance.status, **told)
            try:
                change = Change(status=status.to_json(), state=phase or instance.phase)
                return Instance.read(self._records.update(instance.record, change))
            except StaleRecord:
                found = self._look()
                if found is None:
                    raise Cancelled from None
                instance = found
        raise StaleRecord(self._name)

    def _look(self) -> Instance | None:
        record = self._records.find(INSTANCE, self._name)
        return None if record is None or record.uid != self._uid else Instance.read(record)

    def _unwanted(self) -> bool:
        if not self._woken.is_set():
            return False
        self._woken.clear()
        found = self._look()
        return found is None or found.deleting or found.spec.desired is Desired.STOP

    def _client(self, instance: Instance) -> Any:
        region = instance.record.region
        try:
            return self._tools.roles.client("s3", region, instance.spec.role_arn, self._session)
        except ServiceError as error:
            raise Mistake(f"Could not assume role {instance.spec.role_arn}: {error.message}") from error

    def _credentials(self, instance: Instance) -> Any:
        return self._tools.roles.credentials(instance.spec.role_arn, self._session, CREDENTIALS_S)

    @property
    def _session(self) -> str:
        return "SageMaker"
