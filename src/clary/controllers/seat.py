"""The seat of a home's controller, held for life: who can take it knows that the one before is dead.

A lease alone would have the successor of a killed controller wait until it runs out. The seat
says only when that is needless; what keeps two controllers apart is the fence of the lease.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


def take(path: Path) -> int | None:
    """Return the descriptor that holds the seat until its process ends, or None while another lives."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor
