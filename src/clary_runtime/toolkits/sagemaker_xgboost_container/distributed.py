"""Training on the hosts of a job; one host so far."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any


def rabit_run(
    exec_fun: Callable[..., Any],
    args: Mapping[str, Any],
    include_in_training: bool,  # noqa: FBT001 - AWS's signature
    hosts: Sequence[str],
    current_host: str,
    **ports: Any,
) -> None:
    """Run a training function on this host; several hosts are refused, since each would train a model of its own."""
    if len(hosts) > 1:
        raise NotImplementedError("Distributed training is not supported by this runtime: set InstanceCount to 1")
    if include_in_training:
        exec_fun(**args)
