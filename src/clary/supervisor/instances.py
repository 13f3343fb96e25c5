"""Ends the instances of a home once no agent lives that could."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor

from clary.compute.process import ProcessBackend
from clary.core.errors import ComputeError
from clary.core.settings import Settings

log = logging.getLogger(__name__)

AT_ONCE = 16


def end_all(settings: Settings) -> int:
    """Stop and forget every instance, and return how many there were; one that resists is logged and left."""
    if not settings.instances.is_dir():
        return 0
    backend = ProcessBackend(settings.instances)
    names = backend.names()
    if names:
        with ThreadPoolExecutor(min(AT_ONCE, len(names))) as executor:
            list(executor.map(lambda name: _end(backend, name), names))
    return len(names)


def _end(backend: ProcessBackend, name: str) -> None:
    try:
        backend.stop(name)
        backend.remove(name)
    except (ComputeError, OSError) as error:
        log.error("instance %s does not end: %s", name, error)
