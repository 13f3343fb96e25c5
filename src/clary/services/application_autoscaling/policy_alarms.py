"""Makes and deletes the alarms of policies, as the service's own role, before a call is answered.

What a crash leaves undone controllers/scaling_policies.py finishes.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from clary.core.errors import StaleRecord
from clary.resources.alarm import alarm_arn
from clary.resources.scaling import ScalingPolicy
from clary.resources.scaling_alarms import alarm_names, alarms_of, armed_as, possible_names, unwanted_names
from clary.resources.scaling_role import scaling_role
from clary.services.operation import Call, Client
from clary.store.records import Change


def make_alarms(call: Call, policy: ScalingPolicy, profile: str) -> None:
    """Put the alarms that a policy wants, and delete those that it no longer does."""
    cloudwatch = _cloudwatch(call)
    for alarm in alarms_of(policy, profile):
        cloudwatch("PutMetricAlarm", **alarm)
    if names := unwanted_names(policy):
        cloudwatch("DeleteAlarms", AlarmNames=names)
    with suppress(StaleRecord):  # Then it was put anew, or the controller came first.
        status = {**policy.record.status, "armed": armed_as(policy.record.generation, profile)}
        call.store.records.update(policy.record, Change(status=status))


def delete_alarms(call: Call, policy: ScalingPolicy) -> None:
    """Delete a policy's alarms, and then the policy, which is marked as on its way out."""
    _cloudwatch(call)("DeleteAlarms", AlarmNames=possible_names(policy))
    with suppress(StaleRecord):
        call.store.records.remove(policy.record)


def shown_alarms(policy: ScalingPolicy) -> list[dict[str, Any]]:
    """Return the alarms of a target tracking policy as answers show them."""
    return [
        {"AlarmName": name, "AlarmARN": alarm_arn(policy.account, policy.region, name)} for name in alarm_names(policy)
    ]


def step_alarms(call: Call, policy: ScalingPolicy) -> list[dict[str, Any]]:
    """Return the alarms that customers made for a step scaling policy, as answers show them."""
    told = _cloudwatch(call)("DescribeAlarms", ActionPrefix=policy.arn)
    return [{"AlarmName": each["AlarmName"], "AlarmARN": each["AlarmArn"]} for each in told["MetricAlarms"]]


def _cloudwatch(call: Call) -> Client:
    return call.caller.client("cloudwatch", call.region, scaling_role(call.account))
