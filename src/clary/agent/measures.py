"""What an instance uses, and how long it took to come up, as CloudWatch's metrics of SageMaker have it.

Namespaces, names, dimensions and units are those of the SageMaker developer guide, «Metrics for monitoring Amazon
SageMaker AI with Amazon CloudWatch». There are no metrics of GPUs, since no back end has any.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from clary.compute.backend import Usage
from clary.core.clock import Clock
from clary.resources.instance import Instance
from clary.store.series import Datum, Dimensions, Series
from clary.store.store import Store

ENDPOINT_NAMESPACE = "AWS/SageMaker"


@dataclass
class Measures:
    """Sends CPU, memory and disk utilisation, in percent of one vCPU, of the memory and of the volume."""

    series: Series
    namespace: str
    dimensions: Dimensions
    memory_bytes: int  # that it may use
    volume_bytes: int
    usage: Callable[[], Usage | None]
    clock: Clock
    _before: tuple[float, float] | None = field(default=None, repr=False)

    def begin(self) -> None:
        """Note what was used by now, so that the first measure has a beginning."""
        usage = self.usage()
        self._before = None if usage is None else (usage.cpu_s, self.clock())

    def take(self) -> None:
        """Measure once and send it; nothing is sent of an instance that is gone."""
        usage, now = self.usage(), self.clock()
        if usage is None:
            return
        values = {
            "MemoryUtilization": 100.0 * usage.memory_bytes / self.memory_bytes,
            "DiskUtilization": 100.0 * usage.disk_bytes / self.volume_bytes,
        }
        before, self._before = self._before, (usage.cpu_s, now)
        if before is not None and now > before[1]:
            values["CPUUtilization"] = 100.0 * (usage.cpu_s - before[0]) / (now - before[1])
        data = [Datum(name, self.dimensions, now, (value,), unit="Percent") for name, value in values.items()]
        self.series.put(self.namespace, data)


def note_setup(store: Store, instance: Instance) -> None:
    """Send how long a model server took from being wanted until it answered (ModelSetupTime)."""
    record, now = instance.record, store.clock()
    dimensions = tuple(sorted(instance.spec.metrics.dimensions.items()))
    setup_us = 1e6 * (now - record.created)
    data = [Datum("ModelSetupTime", dimensions, now, (setup_us,), unit="Microseconds", high_resolution=True)]
    store.series(record.account, record.region).put(ENDPOINT_NAMESPACE, data)
