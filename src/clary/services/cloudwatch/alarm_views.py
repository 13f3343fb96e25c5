"""Alarms as DescribeAlarms shows them."""

from __future__ import annotations

from typing import Any

from clary.resources.alarm import ACTIONS, Alarm
from clary.resources.alarm_suppression import Held
from clary.services.cloudwatch.data import time_of


def metric_alarm_shown(alarm: Alarm) -> dict[str, Any]:
    """Return a metric alarm as the API shows it."""
    evaluation = alarm.status.get("evaluation")
    shown = {**_shown(alarm), **({"EvaluationState": evaluation} if evaluation else {})}
    return shown if "Metrics" in alarm.spec else {"Dimensions": [], **shown}


def composite_alarm_shown(alarm: Alarm) -> dict[str, Any]:
    """Return a composite alarm as the API shows it."""
    held = Held.read(alarm)
    suppressed = {"ActionsSuppressedBy": held.by, "ActionsSuppressedReason": held.reason(alarm)} if held else {}
    return {**_shown(alarm), **suppressed}


def relative_shown(alarm: Alarm) -> dict[str, Any]:
    """Return what is shown of the children and parents of an alarm."""
    return {
        "AlarmName": alarm.name,
        "AlarmArn": alarm.arn,
        "StateValue": alarm.state,
        "StateUpdatedTimestamp": time_of(alarm.status["updated"]),
    }


def _shown(alarm: Alarm) -> dict[str, Any]:
    return {
        **relative_shown(alarm),
        "ActionsEnabled": True,
        **{name: [] for name in ACTIONS.values()},
        **alarm.spec,
        "AlarmConfigurationUpdatedTimestamp": time_of(alarm.status["configured"]),
        "StateReason": alarm.status["reason"],
        **({"StateReasonData": alarm.status["data"]} if alarm.status["data"] else {}),
        "StateTransitionedTimestamp": time_of(alarm.status["transitioned"]),
    }
