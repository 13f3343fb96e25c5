"""Does what alarms ask for when their state changes: at least once, boundedly often, and told in their history.

An action is a record before it is done. Each attempt is written down first, so that a crash can repeat one,
but neither lose it nor repeat it for ever.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from clary.core.clock import Clock
from clary.core.errors import AccessDenied, ServiceError, Throttled, UnknownOperation
from clary.core.ids import Arn
from clary.resources.alarm import ALARM_ACTION
from clary.resources.alarm_transition import Written, history_item
from clary.store.records import Change, Record, Records

log = logging.getLogger(__name__)

ATTEMPTS_MAX = 5
BACKOFF_FIRST_S = 1.0
RETRIED_STATUS = 500


class Topics(Protocol):
    """Where notifications go."""

    def publish(self, alarm_arn: str, topic_arn: str, subject: str, message: str) -> None:
        """Publish to a topic on behalf of an alarm, or raise ServiceError."""


class ScalingActions(Protocol):
    """What scales for alarms."""

    def execute(self, alarm_arn: str, policy_arn: str, notice: Mapping[str, Any]) -> None:
        """Carry out a scaling policy for an alarm's change, which the notice tells of, or raise ServiceError."""


@dataclass(frozen=True, slots=True)
class AlarmActions:
    """Brings each action to its end."""

    topics: Topics
    scaling: ScalingActions
    clock: Clock
    kind = ALARM_ACTION

    def reconcile(self, record: Record, records: Records) -> float | None:
        """Try once, if it is time to; return when to try again."""
        attempts, due = record.status.get("attempts", 0), record.status.get("due", 0.0)
        now = self.clock()
        if attempts >= ATTEMPTS_MAX:
            self._end(record, records, record.status.get("error", "The action was interrupted."))
            return None
        if due > now:
            return float(due - now)
        pause = BACKOFF_FIRST_S * 2**attempts
        status = {**record.status, "attempts": attempts + 1, "due": now + pause}
        record = records.update(record, Change(status=status))
        return self._attempt(record, records, pause)

    def _attempt(self, record: Record, records: Records, pause: float) -> float | None:
        try:
            self._do(record)
        except ServiceError as refused:
            error = f"{refused.code}: {refused.message}"
            if not _passing(refused):
                self._end(record, records, error)
                return None
            records.update(record, Change(status={**record.status, "error": error}))
            return pause
        self._end(record, records, "")
        return None

    def _do(self, record: Record) -> None:
        spec = record.spec
        arn = Arn.parse(spec["action"])
        match arn.service if arn else "":
            case "sns":
                self.topics.publish(spec["alarm_arn"], spec["action"], spec["subject"], spec["message"])
            case "autoscaling":
                self.scaling.execute(spec["alarm_arn"], spec["action"], json.loads(spec["message"]))
            case _:
                raise UnknownOperation(f"Actions of alarms such as {spec['action']} are not offered by Clary.")

    def _end(self, record: Record, records: Records, error: str) -> None:
        """Forget the action and tell in the alarm's history how it ended, in one transaction."""
        written = _told(record, error, self.clock())
        with records.together() as together:
            together.create(written.kind, written.name, written.spec, attributes=written.attributes)
            together.remove(record)
        if error:
            log.warning("an action of alarm %s failed: %s", record.spec["alarm"], error)


def _passing(refused: ServiceError) -> bool:
    """Tell whether trying again may help."""
    if isinstance(refused, AccessDenied | UnknownOperation):
        return False
    return refused.status >= RETRIED_STATUS or isinstance(refused, Throttled)


def _told(record: Record, error: str, now: float) -> Written:
    spec = record.spec
    data = {
        "actionState": "Failed" if error else "Succeeded",
        "stateUpdateTimestamp": int(spec["at"] * 1000),
        "notificationResource": spec["action"],
        **({"error": error} if error else {"publishedMessage": spec["message"]}),
    }
    summary = f"{'Failed to execute' if error else 'Successfully executed'} action {spec['action']}"
    return history_item(spec["alarm"], spec["type"], "Action", summary, data, now, mark=record.name)
