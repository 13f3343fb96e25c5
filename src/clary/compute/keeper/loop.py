"""One thread that waits for many descriptors: epoll and a dictionary, small enough for every instance to have one."""

from __future__ import annotations

import select
import time

TYPE_CHECKING = False  # `typing` itself would cost every instance milliseconds
if TYPE_CHECKING:
    from collections.abc import Callable

    Callback = Callable[[int], None]

IN = select.EPOLLIN
OUT = select.EPOLLOUT
ENDED = select.EPOLLHUP | select.EPOLLERR


class Loop:
    """Calls back with the events of a descriptor, until `stop` is called."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._watched: dict[int, tuple[int, Callback]] = {}
        self._alarm: tuple[float, Callable[[], None]] | None = None
        self._stopped = False

    def watch(self, descriptor: int, events: int, callback: Callback) -> None:
        """Wait for these events from now on; for none at all, not even a hang-up, if `events` is 0."""
        before = self._watched.get(descriptor)
        if events == 0:
            self.forget(descriptor)
        elif before is None:
            self._epoll.register(descriptor, events)
        elif before[0] != events:
            self._epoll.modify(descriptor, events)
        if events:
            self._watched[descriptor] = (events, callback)

    def forget(self, descriptor: int) -> None:
        """Wait for this descriptor no more; must come before it is closed."""
        if self._watched.pop(descriptor, None):
            self._epoll.unregister(descriptor)

    def wake_at(self, when: float, callback: Callable[[], None]) -> None:
        """Call back once at a time of the monotonic clock; a later request replaces an earlier one."""
        self._alarm = (when, callback)

    def stop(self) -> None:
        """Return from `run` after the present round."""
        self._stopped = True

    def run(self) -> None:
        """Wait and call back, until stopped."""
        while not self._stopped:
            self.turn(self._patience())

    def turn(self, timeout_s: float) -> bool:
        """Do one round, waiting at most this long (-1: for ever); say whether anything happened."""
        happened = self._epoll.poll(timeout_s)
        for descriptor, events in happened:
            watched = self._watched.get(descriptor)
            if watched:  # an earlier callback of this round may have closed it
                watched[1](events)
        if self._alarm and time.monotonic() >= self._alarm[0]:
            (_, callback), self._alarm = self._alarm, None
            callback()
        return bool(happened)

    def _patience(self) -> float:
        return -1 if self._alarm is None else max(0.0, self._alarm[0] - time.monotonic())
