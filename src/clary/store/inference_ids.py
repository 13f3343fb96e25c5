"""Which variant answered which InferenceId, on its way from gateway workers to the log: lines in bounded files.

A worker appends, and holds a lock on its file for life: a file without one is complete. A line is in the
kernel's hands when it is written, so a worker that is killed takes none along. Where nobody takes the files
away, notes are left out once there are too many: an answer is never held up for one.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from clary.core.clock import Clock
from clary.core.ids import uid
from clary.store.counters import complete

log = logging.getLogger(__name__)

SUFFIX = ".ids"
FILE_BYTES_MAX = 4 * 1024 * 1024
FILES_MAX = 16
"""Of all workers together; a million or so of notes."""
READ_BYTES_MAX = 1024 * 1024
PAUSE_S = 10.0
"""How long nothing is noted once something cannot be written."""


@dataclass(frozen=True, slots=True)
class Answered:
    """One invocation that brought an InferenceId, and the variant that answered it; `at_ms` since the epoch."""

    at_ms: int
    account: str
    region: str
    endpoint: str
    variant: str
    inference_id: str
    request_id: str


class Notes:
    """The notes of one worker; its file is made with the first."""

    def __init__(self, folder: Path, worker: str, clock: Clock) -> None:
        self._folder = folder
        self._worker = worker
        self._clock = clock
        self._file: int | None = None
        self._size = 0
        self._rests_until = 0.0

    def note(self, account: str, region: str, endpoint: str, variant: str, inference_id: str, request_id: str) -> None:
        """Write down who answered, unless that cannot be at the moment."""
        now = self._clock()
        if now < self._rests_until:
            return
        told = [int(now * 1000), account, region, endpoint, variant, inference_id, request_id]
        line = json.dumps(told, separators=(",", ":")).encode() + b"\n"
        try:
            if os.write(self._opened(), line) < len(line):
                raise OSError("the disk is full")  # half a line ends its file, so that no reader stumbles over it
        except OSError as error:
            log.warning("inference ids are not noted for %.0f s: %s", PAUSE_S, error)
            self._rests_until = now + PAUSE_S
            self.close()
        else:
            self._size += len(line)

    def close(self) -> None:
        """Give the file to its reader."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _opened(self) -> int:
        if self._size >= FILE_BYTES_MAX:
            self.close()
        if self._file is None:
            self._file, self._size = _make(self._folder, self._worker), 0
        return self._file


@dataclass
class Reader:
    """Reads one file from where it was last read to, which stands beside it; a crash repeats notes and loses none."""

    path: Path

    def unread(self) -> Iterator[tuple[list[Answered], int]]:
        """Give batches of what was noted since, each with the offset behind it, which `read_to` is to be given."""
        offset = self._offset()
        with self.path.open("rb") as file:
            file.seek(offset)
            while data := file.read(READ_BYTES_MAX):
                whole = data[: data.rfind(b"\n") + 1]
                if not whole:
                    return  # half a line, which its writer is about to end
                offset += len(whole)
                file.seek(offset)
                yield [Answered(*json.loads(line)) for line in whole.splitlines()], offset

    def read_to(self, offset: int) -> None:
        """Write down how far the file was read."""
        self._mark.write_text(str(offset))

    def forget(self) -> None:
        """Remove the file, which nobody writes to and which has been read."""
        self.path.unlink()
        self._mark.unlink(missing_ok=True)

    @property
    def _mark(self) -> Path:
        return self.path.with_suffix(".read")

    def _offset(self) -> int:
        try:
            return int(self._mark.read_text() or 0)
        except FileNotFoundError:
            return 0


def readers(folder: Path) -> Iterator[tuple[Reader, bool]]:
    """Give each worker's file, and whether nothing more will be added to it."""
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        yield Reader(path), complete(path)


def _make(folder: Path, worker: str) -> int:
    """Return the descriptor of a new file, or raise OSError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if len(list(folder.glob(f"*{SUFFIX}"))) >= FILES_MAX:
        raise OSError(f"{FILES_MAX} files in {folder} wait to be read")
    path = folder / f"{worker}-{uid()}{SUFFIX}"
    unnamed = path.with_suffix(".new")  # locked before it bears its name, so that nobody takes it for complete
    descriptor = os.open(unnamed, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    os.rename(unnamed, path)
    return descriptor
