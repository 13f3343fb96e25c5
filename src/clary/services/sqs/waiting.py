"""Long polls: a receive that found nothing waits for the queue's word, or for the time a message comes into sight."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from clary.core.clock import Clock
from clary.services.operation import Answer, Wait
from clary.store.queue_messages import Messages, word_of


class Ask(Protocol):
    """Asks for messages once."""

    def __call__(self, messages: Messages, *, patient: bool) -> Mapping[str, Any] | None:
        """Return the answer if there is one."""


def wait_for(ask: Ask, messages: Callable[[], Messages], clock: Clock, until: float) -> Answer:
    """Return what `ask` returns, a Wait as long as that is nothing and there is time, or no messages."""
    now = clock()
    asked = messages()
    found = ask(asked, patient=now < until)
    if found is not None or now >= until:
        return found or {}
    next_ms = asked.next_ms()
    return Wait(
        word=word_of(asked.queue.id),
        at=until if next_ms is None else min(until, next_ms / 1000),
        ask=lambda: wait_for(ask, messages, clock, until),
        otherwise={},
    )
