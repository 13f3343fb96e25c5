"""Words said to every process that listens: which of the things waited for may be there now.

A word is a datagram to each listener's Unix socket. A lost one costs time,
never more, since whoever waits looks again by itself now and then.
"""

from __future__ import annotations

import os
import select
import socket
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

WORD_BYTES_MAX = 256


@dataclass(frozen=True, slots=True)
class Words:
    """Says words to whoever listens in a folder of Unix sockets."""

    folder: Path

    def say(self, word: str) -> None:
        """Tell a word to every listener; one that was killed is forgotten, one that is full is passed over."""
        with suppress(FileNotFoundError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.settimeout(0)
            for path in self.folder.iterdir():
                _tell(sender, word, path)

    def listen(self, name: str) -> Listener:
        """Return a listener that hears each word from now on."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self.folder / f"{name}.{os.getpid()}"
        path.unlink(missing_ok=True)
        receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        receiver.bind(str(path))
        receiver.settimeout(0)
        return Listener(receiver, path)


@dataclass(frozen=True, slots=True)
class Listener:
    """The hearing end."""

    receiver: socket.socket
    path: Path

    def fileno(self) -> int:
        """Return the descriptor to poll."""
        return self.receiver.fileno()

    def wait(self, timeout_s: float) -> set[str]:
        """Return the words said since the last time, as soon as there is one or the time is over."""
        select.select([self.receiver], [], [], max(0.0, timeout_s))
        return self.heard()

    def heard(self) -> set[str]:
        """Return the words said since the last time, without waiting."""
        words = set()
        with suppress(BlockingIOError):
            while True:
                words.add(self.receiver.recv(WORD_BYTES_MAX).decode())
        return words

    def close(self) -> None:
        """Stop listening."""
        self.path.unlink(missing_ok=True)
        self.receiver.close()


def _tell(sender: socket.socket, word: str, path: Path) -> None:
    with suppress(FileNotFoundError, BlockingIOError):
        try:
            sender.sendto(word.encode(), str(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
