"""Actions held back: while a composite alarm's suppressor is in ALARM, and a while before and after.

Source: CloudWatch user guide, «Composite alarm action suppression».
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from clary.resources.alarm import Alarm
from clary.resources.alarm_transition import Cause, Transition, actions_for, transition
from clary.store.records import Change


class HeldBy(StrEnum):
    """ActionsSuppressedBy."""

    WAIT = "WaitPeriod"
    ALARM = "Alarm"
    EXTENSION = "ExtensionPeriod"


REASONS = {
    HeldBy.WAIT: "Actions are suppressed by the WaitPeriod of {seconds} seconds",
    HeldBy.ALARM: "Actions are suppressed by the suppressor alarm {suppressor}",
    HeldBy.EXTENSION: "Actions are suppressed by the ExtensionPeriod of {seconds} seconds",
}


@dataclass(frozen=True, slots=True)
class Held:
    """Actions wait: what for, and since when."""

    by: HeldBy
    since: float

    @classmethod
    def read(cls, alarm: Alarm) -> Held | None:
        """Return what holds the actions of an alarm back, None if nothing does."""
        told: dict[str, Any] | None = alarm.status.get("held")
        return None if told is None else cls(HeldBy(told["by"]), told["since"])

    def to_json(self) -> dict[str, Any]:
        """Return it as a status holds it."""
        return asdict(self)

    def ends(self, alarm: Alarm) -> float | None:
        """Return when the waiting is over by itself; None while only the suppressor can end it."""
        match self.by:
            case HeldBy.WAIT:
                return self.since + float(alarm.spec["ActionsSuppressorWaitPeriod"])
            case HeldBy.EXTENSION:
                return self.since + float(alarm.spec["ActionsSuppressorExtensionPeriod"])
            case HeldBy.ALARM:
                return None

    def reason(self, alarm: Alarm) -> str:
        """Return ActionsSuppressedReason."""
        extension = self.by is HeldBy.EXTENSION
        seconds = alarm.spec["ActionsSuppressorExtensionPeriod" if extension else "ActionsSuppressorWaitPeriod"]
        return REASONS[self.by].format(seconds=seconds, suppressor=alarm.spec["ActionsSuppressor"])


def held_at_transition(alarm: Alarm, *, suppressing: bool, now: float) -> Held | None:
    """Return what holds back the actions of a transition that happens now; a waiting that goes on goes on."""
    if "ActionsSuppressor" not in alarm.spec:
        return None
    if suppressing:
        return Held(HeldBy.ALARM, now)
    held = Held.read(alarm)
    if held is not None:
        return held_later(alarm, held, suppressing=False, now=now)
    return Held(HeldBy.WAIT, now) if alarm.spec["ActionsSuppressorWaitPeriod"] > 0 else None


def held_later(alarm: Alarm, held: Held, *, suppressing: bool, now: float) -> Held | None:
    """Return what holds the actions back now, None when they may be done."""
    if suppressing:
        return held if held.by is HeldBy.ALARM else Held(HeldBy.ALARM, now)
    if held.by is HeldBy.ALARM:
        return Held(HeldBy.EXTENSION, now) if alarm.spec["ActionsSuppressorExtensionPeriod"] > 0 else None
    ends = held.ends(alarm)
    return held if ends is not None and now < ends else None


def suppressed_transition(alarm: Alarm, cause: Cause, *, suppressing: bool, now: float) -> Transition:
    """Return a transition whose actions are held back if a suppressor says so."""
    held = held_at_transition(alarm, suppressing=suppressing, now=now)
    if held is not None:
        return transition(alarm, cause, now, act=False, held=held.to_json())
    return transition(alarm, cause, now, held=None, acted=cause.state)


def moved_on(alarm: Alarm, *, suppressing: bool, now: float) -> Transition | None:
    """Return what has become of actions that were held back, None if nothing has.

    Once they may be done, they are: those of the state that the alarm is in, unless these were done last.
    """
    before = Held.read(alarm)
    if before is None:
        return None
    held = held_later(alarm, before, suppressing=suppressing, now=now)
    if held is not None:
        status = {**alarm.status, "held": held.to_json()}
        return None if held == before else Transition(Change(status=status), ())
    status = {**alarm.status, "held": None, "acted": alarm.state}
    cause = Cause(alarm.state, alarm.status["reason"], alarm.status["data"])
    due = () if alarm.status.get("acted") == alarm.state else tuple(actions_for(alarm, cause, now))
    return Transition(Change(status=status), due)
