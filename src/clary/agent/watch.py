"""Staying with a running program: its lines, its pings, its time, its disk, its credentials."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

from clary.agent.container import Box, checkpoint_names, metric_rules
from clary.agent.lines import LogShipper, MetricShipper, size
from clary.agent.measures import Measures, note_setup
from clary.agent.places import S3Place
from clary.agent.rooms import type_of
from clary.agent.tools import Tools
from clary.agent.uploads import Mirror, Uploader
from clary.compute import images
from clary.compute.admission import share
from clary.compute.backend import Observed, State
from clary.compute.health import ping
from clary.resources.instance import Instance, Phase

LOOK_S = 2.0
"""A program's end and its lines ring a bell; time-outs and pings are looked after this often."""
READY_LOOK_S = 0.005
READY_LOOK_S_MAX = 0.1
READY_LOOK_SHARE = 0.05
"""How soon to ask a server again that does not answer yet, which is all that stands before `InService`: by its age."""
READY_LINES_S = 0.2
"""How often its lines are shipped meanwhile."""
PING_EVERY_S = 5.0
PINGS_FAILED_MAX = 3
MEASURE_EVERY_S = 60.0
DISK_EVERY_S = 2.0
CHECKPOINT_EVERY_S = 10.0
CREDENTIALS_EVERY_S = 3600.0
CREDENTIALS_S = 6 * 3600


class Watch:
    """Looks after one program from its start, or from where a killed agent left it, to its end."""

    def __init__(self, tools: Tools, instance: Instance, box: Box, write: Callable[..., Instance]) -> None:
        self._tools = tools
        self._instance = instance
        self._write = write
        reached = instance.status.reached
        self._began = reached.get(Phase.RUNNING) or reached.get(Phase.STARTING) or tools.clock()
        self._done: dict[str, float] = {}
        self._failed_pings = 0
        self._kill_at = float("inf")
        self._log_size = -1
        self.error = ""
        self._lines = self._log_shipper()
        self._metrics = self._metric_shipper()
        self._mirror = self._checkpoints(box)
        self._measures = self._measured()
        self._measures.begin()

    def look(self) -> Observed | None:
        """Look once, and do what is due; return what the program looks like."""
        observed = self._tools.backend.observe(self._instance.name)
        if observed is None or observed.ended:
            return observed
        if observed.state is State.RUNNING:
            self._ask(observed)
            self._look_after()
        if not self._comes_up() or self._due("lines", READY_LINES_S):
            self._ship(observed, ended=False)
        return observed

    def pause_s(self) -> float:
        """Return how long to leave the program alone."""
        spec, now = self._instance.spec, self._tools.clock()
        if self._comes_up():
            return min(READY_LOOK_S_MAX, max(READY_LOOK_S, READY_LOOK_SHARE * (now - self._began)))
        limit = self._began + spec.training.runtime_s_max if spec.training is not None else float("inf")
        return max(READY_LOOK_S, min(LOOK_S, self._kill_at - now, limit - now if limit > now else LOOK_S))

    def time_is_over(self) -> bool:
        """Say whether the program had all the time that it may have."""
        spec = self._instance.spec
        if spec.training is not None:
            return self._tools.clock() > self._began + spec.training.runtime_s_max
        return False

    def must_die(self) -> bool:
        """Say whether the program was asked to stop, or is unfit, for long enough."""
        return self._tools.clock() >= self._kill_at or bool(self.error)

    def ask_to_stop(self, grace_s: float) -> None:
        """Send SIGTERM, once; SIGKILL follows after the grace."""
        if self._kill_at == float("inf"):
            self._kill_at = self._tools.clock() + grace_s
            self._tools.backend.signal(self._instance.name, signal.SIGTERM)

    def finish(self) -> None:
        """Ship the last lines."""
        observed = self._tools.backend.observe(self._instance.name)
        if observed is not None:
            self._ship(observed, ended=True)

    def final_metrics(self) -> list[dict[str, Any]]:
        """Return the last value of each metric, as FinalMetricDataList has them."""
        return [
            {"MetricName": name, "Value": value, "Timestamp": at} for name, (value, at) in self._metrics.final.items()
        ]

    def _ship(self, observed: Observed, *, ended: bool) -> None:
        now = size(observed.log)
        if now == self._log_size and not ended:
            return
        self._log_size = now
        self._lines.ship(observed.log, ended=ended)
        self._metrics.ship(observed.log, ended=ended)

    def _ask(self, observed: Observed) -> None:
        """Ping a model server: often until it answers, then for life."""
        serving = self._instance.spec.serving
        if serving is None or (self._instance.status.ready and not self._due("ping", PING_EVERY_S)):
            return
        well = ping(observed.serve_socket)
        self._failed_pings = 0 if well else self._failed_pings + 1
        if well and not self._instance.status.ready:
            reached = {**self._instance.status.reached, Phase.RUNNING: self._tools.clock()}
            told = {"ready": True, "socket": str(observed.serve_socket), "reached": reached}
            self._instance = self._write(self._instance, Phase.RUNNING, **told)
            note_setup(self._tools.store, self._instance)
        elif self._instance.status.ready and self._failed_pings >= PINGS_FAILED_MAX:
            self._instance = self._write(self._instance, ready=False)
            self.error = "The container did not pass its ping health checks."
        elif not self._instance.status.ready and self._tools.clock() > self._began + serving.startup_s_max:
            self.error = (
                f"The primary container for production variant {serving.variant} did not pass the ping health check. "
                "Please check CloudWatch logs for this endpoint."
            )

    def _comes_up(self) -> bool:
        """Say whether this is a model server that does not answer yet."""
        return self._instance.spec.serving is not None and not self._instance.status.ready

    def _look_after(self) -> None:
        if self._mirror is not None and self._due("checkpoints", CHECKPOINT_EVERY_S):
            self._mirror.sync()
        if self._due("disk", DISK_EVERY_S):
            self._measure_disk()
        if self._due("measure", MEASURE_EVERY_S):
            self._measures.take()
        if not self._instance.spec.isolated and self._due("credentials", CREDENTIALS_EVERY_S):
            role = self._instance.spec.role_arn
            credentials = self._tools.roles.credentials(role, "SageMaker", CREDENTIALS_S)
            self._tools.backend.give_credentials(self._instance.name, credentials)

    def _measure_disk(self) -> None:
        usage = self._tools.backend.usage(self._instance.name)
        if usage is not None and usage.disk_bytes > self._instance.spec.volume_bytes:
            self.error = "No space left on the instance's volume. Please use a larger VolumeSizeInGB."

    def _measured(self) -> Measures:
        name, spec, tools = self._instance.name, self._instance.spec, self._tools
        may = share(type_of(self._instance), tools.capacity, tools.policy, serves=spec.serving is not None)
        return Measures(
            series=self._series(),
            namespace=spec.metrics.namespace,
            dimensions=self._host_dimensions(),
            memory_bytes=may.memory_bytes,
            volume_bytes=spec.volume_bytes,
            usage=lambda: tools.backend.usage(name),
            clock=tools.clock,
        )

    def _host_dimensions(self) -> tuple[tuple[str, str], ...]:
        spec = self._instance.spec
        if spec.training is not None:
            return (("Host", f"{spec.training.job_name}/{spec.host_name}"),)
        return tuple(sorted(spec.metrics.dimensions.items()))

    def _due(self, what: str, every_s: float) -> bool:
        now = self._tools.clock()
        if now < self._done.get(what, self._began) + every_s:
            return False
        self._done[what] = now
        return True

    def _log_shipper(self) -> LogShipper:
        record, log = self._instance.record, self._instance.spec.log
        logs = self._tools.store.logs(record.account, record.region)
        return LogShipper(logs, log.group, log.stream, f"{record.uid}/log", self._tools.clock)

    def _metric_shipper(self) -> MetricShipper:
        spec = self._instance.spec
        runtime = images.resolve(spec.image, self._tools.home)
        return MetricShipper(
            series=self._series(),
            namespace=spec.metrics.namespace,
            dimensions=tuple(sorted(spec.metrics.dimensions.items())),
            source=f"{self._instance.uid}/metrics",
            clock=self._tools.clock,
            rules=metric_rules(spec.metrics, runtime, spec.training),
        )

    def _checkpoints(self, box: Box) -> Mirror | None:
        training = self._instance.spec.training
        if training is None or not training.checkpoint:
            return None
        record, spec = self._instance.record, self._instance.spec
        s3 = self._tools.roles.client("s3", record.region, spec.role_arn, "SageMaker")
        place = S3Place.parse(training.checkpoint["S3Uri"])
        return Mirror(Uploader(s3, box.opt_ml), checkpoint_names(training), place)

    def _series(self) -> Any:
        return self._tools.store.series(self._instance.record.account, self._instance.record.region)
