"""Sees that policies have their alarms while they are there, and none when they are gone; renews their forecasts.

The API does the same before it answers; this is what finishes where it was killed.
"""

from __future__ import annotations

from clary.controllers.scaling_clients import Client, Clients
from clary.controllers.scaling_outlooks import foresee
from clary.core.clock import Clock
from clary.resources.scaling import SCALABLE_TARGET, SCALING_POLICY, PolicyType, ScalingPolicy
from clary.resources.scaling_alarms import alarms_of, armed_as, possible_names, unwanted_names
from clary.resources.scaling_forecasts import HOUR_S
from clary.resources.scaling_predictions import metrics_of
from clary.store.records import Change, Record, Records

GRACE_S = 5.0
"""How long whoever put or deleted a policy has to see to its alarms itself."""
RENEW_S = 6 * HOUR_S
RETRY_S = 60.0
"""When to look again for history where there is too little."""


class ScalingPolicies:
    """Takes the steps that policies need now."""

    kind = SCALING_POLICY

    def __init__(self, clients: Clients, clock: Clock, profile: str) -> None:
        self._clients = clients
        self._clock = clock
        self._profile = profile

    def reconcile(self, record: Record, records: Records) -> float | None:
        """Make or delete alarms, or look at the load's history; return when to do that again."""
        policy, now = ScalingPolicy.read(record), self._clock()
        cloudwatch = self._clients.client("cloudwatch", policy.account, policy.region)
        armed = armed_as(record.generation, self._profile)
        if record.deleting or record.status.get("armed") != armed:
            left = record.modified + GRACE_S - now
            if left > 0:
                return left
            if record.deleting:
                cloudwatch("DeleteAlarms", AlarmNames=possible_names(policy))
                records.remove(record)
                return None
            self._arm(policy, cloudwatch)
            record = records.update(record, Change(status={**record.status, "armed": armed}))
        return _foresee(ScalingPolicy.read(record), cloudwatch, records, now)

    def _arm(self, policy: ScalingPolicy, cloudwatch: Client) -> None:
        for alarm in alarms_of(policy, self._profile):
            cloudwatch("PutMetricAlarm", **alarm)
        if names := unwanted_names(policy):
            cloudwatch("DeleteAlarms", AlarmNames=names)


def _foresee(policy: ScalingPolicy, cloudwatch: Client, records: Records, now: float) -> float | None:
    """Renew a policy's forecast if it is old or of another configuration, and have the target look at it."""
    if policy.type is not PolicyType.PREDICTIVE:
        return None
    told = policy.record.status.get("forecast")
    made = now - RENEW_S if told is None else told["made"]
    if told is not None and told["generation"] == policy.record.generation and now < made + RENEW_S:
        return made + RENEW_S - now
    outlook = foresee(cloudwatch, metrics_of(policy), now)
    if outlook is None:
        return RETRY_S
    kept = {**outlook.to_json(), "made": now, "generation": policy.record.generation}
    with records.together() as together:
        together.update(policy.record, Change(status={**policy.record.status, "forecast": kept}))
        target = together.find(SCALABLE_TARGET, policy.scalable.name)
        if target is not None:
            together.update(target, Change())
    return RENEW_S
