"""Log lines in the form of AWS's XGBoost image: `[2026-11-21:10:00:00:INFO] message`.

One place sets up logging, when a command starts; output is flushed at each line, since the platform ships it live.
"""

from __future__ import annotations

import io
import logging
import sys

LOG = logging.getLogger("clary_runtime")


def start(level: int = logging.INFO) -> None:
    """Send this process's log lines to standard output, line by line."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(logging.Formatter("[%(asctime)s:%(levelname)s] %(message)s", "%Y-%m-%d:%H:%M:%S"))
    LOG.handlers[:] = [handler]
    LOG.setLevel(level)
    LOG.propagate = False
