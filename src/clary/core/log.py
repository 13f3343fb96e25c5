r"""Clary's own logs: one line an event, into a file of bounded size a process.

A line is time, level, process, logger and message; a traceback stays on its line, its
newlines written as `\n`, so that neither grep nor a forged message can split an event.
"""

from __future__ import annotations

import logging
import logging.handlers
import os
import sys
import time
from pathlib import Path

FILE_BYTES_MAX = 8 * 1024 * 1024
"""Of the log that is written to; the one before it is kept."""
FORMAT = "%(asctime)s.%(msecs)03dZ %(levelname)-7s %(process_name)s %(name)s %(message)s"


def configure(level: str, process: str, path: Path) -> None:
    """Write this process's logs to a file, and warnings to its standard error too, for the person before it."""
    terminal = logging.StreamHandler(sys.stderr)
    terminal.setLevel(logging.WARNING)
    terminal.setFormatter(logging.Formatter("clary: %(message)s"))
    file = logging.handlers.RotatingFileHandler(path, maxBytes=FILE_BYTES_MAX, backupCount=1, delay=True)
    file.namer = lambda name: str(older(path))
    file.setFormatter(OneLine(process))
    _install(level, file, terminal)


def configure_file(level: str, process: str, path: Path) -> None:
    """Send this process's logs, and all else that it writes to its standard streams, to a file."""
    handler = StandardStreams(path)
    handler.setFormatter(OneLine(process))
    _install(level, handler)


def older(path: Path) -> Path:
    """Return where the lines are that were in a log before it grew too large."""
    return path.with_suffix(".1.log")


def _install(level: str, *handlers: logging.Handler) -> None:
    """Let these handlers, and no others, hear everything; only Clary itself may say more than warnings.

    botocore's debug lines hold keys and signatures.
    """
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    for handler in handlers:
        root.addHandler(handler)
    chosen = logging.getLevelNamesMapping()[level.upper()]
    root.setLevel(max(chosen, logging.WARNING))
    logging.getLogger("clary").setLevel(chosen)
    logging.captureWarnings(capture=True)


class OneLine(logging.Formatter):
    """Writes an event as one line, in UTC."""

    def __init__(self, process: str) -> None:
        super().__init__(FORMAT, "%Y-%m-%dT%H:%M:%S", defaults={"process_name": process})
        self.converter = time.gmtime

    def format(self, record: logging.LogRecord) -> str:
        """Return the event, with its traceback if it has one, without a newline."""
        return super().format(record).replace("\\", "\\\\").replace("\r", "\\r").replace("\n", "\\n")


class StandardStreams(logging.Handler):
    """Owns descriptors 1 and 2, which it points at a file, and at a new one when that has grown too large.

    What the interpreter or a library writes there by itself lands in the same file.
    """

    def __init__(self, path: Path, bytes_max: int = FILE_BYTES_MAX) -> None:
        super().__init__()
        self._path = path
        self._bytes_max = bytes_max
        self._redirect()

    def emit(self, record: logging.LogRecord) -> None:
        """Append an event to the file."""
        try:
            os.write(2, f"{self.format(record)}\n".encode(errors="backslashreplace"))
            if os.fstat(2).st_size > self._bytes_max:
                self._path.replace(older(self._path))
                self._redirect()
        except OSError:
            self.handleError(record)

    def _redirect(self) -> None:
        file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        for stream in (1, 2):
            os.dup2(file, stream)
        os.close(file)
