"""Carries out scaling policies when alarms ask for it; see alarm_actions.ScalingActions.

A notice leads to one change at most, however often it is brought: the time of the newest that was acted on
stands in the target's record, written in one transaction with what was decided.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from clary.controllers.scaling_clients import Clients, read_capacity
from clary.controllers.scaling_measures import Measured, measure, ready_to_shrink, wish_of
from clary.controllers.scaling_targets import create, write
from clary.core.clock import Clock
from clary.core.errors import AccessDenied, ResourceNotFound, ServiceUnavailable, StaleRecord
from clary.core.ids import Arn
from clary.resources.scaling import POLICY_ARN, SCALABLE_TARGET, SCALING_POLICY, ScalingPolicy, Target, policies_of
from clary.resources.scaling_activities import Move, alarm_cause, begun, unscaled
from clary.resources.scaling_alarms import HIGH, LOW, alarm_name
from clary.resources.scaling_decisions import AT_DESIRED, AT_MAX, AT_MIN, FLAPPING, Decision, Situation, decide
from clary.resources.scaling_predictions import effective
from clary.store.query import Query
from clary.store.records import Change, Records
from clary.store.store import Store

SWAPS_MAX = 10


@dataclass(frozen=True, slots=True)
class PolicyActions:
    """Decides, and writes down what is to be done."""

    store: Store
    clients: Clients
    clock: Clock
    profile: str

    def execute(self, alarm_arn: str, policy_arn: str, notice: Mapping[str, Any]) -> None:
        """Carry out a policy for an alarm's change, or raise ServiceError."""
        policy, records = self._find(policy_arn)
        alarm = Arn.parse(alarm_arn)
        if alarm is None or (alarm.account, alarm.region) != (policy.account, policy.region):
            raise AccessDenied(f"{alarm_arn} may not execute {policy_arn}.")
        for _ in range(SWAPS_MAX):
            with suppress(StaleRecord):
                self._execute(policy, notice, records)
                return
        raise ServiceUnavailable(f"Too many others change {policy.scalable.resource} at the moment.")

    def _find(self, policy_arn: str) -> tuple[ScalingPolicy, Records]:
        found = POLICY_ARN.fullmatch(policy_arn)
        if found is not None:
            records = self.store.records(found[2], found[1])
            for record in records.page(SCALING_POLICY, Query(limit=1, attributes={"uuid": found[3]})).items:
                if not record.deleting:
                    return ScalingPolicy.read(record), records
        raise ResourceNotFound(f"There is no scaling policy {policy_arn}.")

    def _execute(self, policy: ScalingPolicy, notice: Mapping[str, Any], records: Records) -> None:
        record = records.find(SCALABLE_TARGET, policy.scalable.name)
        if record is None:
            raise ResourceNotFound(f"No scalable target is registered for {policy.scalable.resource}.")
        target = Target.read(record)
        key, at = f"{policy.uuid}|{notice['AlarmName']}", notice["StateChangeTime"]
        if target.memory.underway is not None or target.memory.heard.get(key, "") >= at:
            return
        sagemaker = self.clients.client(policy.scalable.namespace, policy.account, policy.region)
        capacity = read_capacity(sagemaker, policy.scalable)
        if capacity is None:
            raise ResourceNotFound(f"There is no {policy.scalable.resource}.")
        policies, now = policies_of(records.children(record.uid)), self.clock()
        bounds = effective(policies, target.bounds, now)
        there = Situation(capacity.desired, bounds, target.memory.past, now)
        if _still_at_bound(target, policy, notice["AlarmName"], there):
            return
        decision = self._decision(policy, policies, notice["AlarmName"], there)
        uuids = {each.uuid for each in policies}
        heard = {old: when for old, when in target.memory.heard.items() if old.partition("|")[0] in uuids}
        cause = alarm_cause(notice["AlarmName"], notice["NewStateValue"], policy)
        told = replace(target, bounds=bounds, memory=target.remembering(heard={**heard, key: at}))
        _write(records, told, policy, Move(capacity.desired, decision.desired, cause), decision.reason, now)

    def _decision(
        self, policy: ScalingPolicy, policies: Sequence[ScalingPolicy], alarm: str, there: Situation
    ) -> Decision:
        cloudwatch = self.clients.client("cloudwatch", policy.account, policy.region)
        measured: Measured = measure(cloudwatch, alarm, there.now)
        found = wish_of(policy, measured, self.profile, there.now)
        if found is None:
            return Decision(there.capacity)
        wish, cooldowns = found
        decision = decide(wish, there, cooldowns)
        if measured.shrinks(policy):
            if decision.reason == AT_DESIRED:
                return Decision(there.capacity, FLAPPING)
            if decision.desired < there.capacity and not ready_to_shrink(cloudwatch, policy, policies):
                return Decision(there.capacity)
        return decision


def _still_at_bound(target: Target, policy: ScalingPolicy, alarm: str, there: Situation) -> bool:
    """Tell whether an alarm asks once more for what cannot be, as that of an idle variant does every minute."""
    code = target.memory.unscaled.get(policy.uuid)
    if code == AT_MIN:
        return alarm == alarm_name(policy, LOW) and there.capacity <= there.bounds.low
    return code == AT_MAX and alarm == alarm_name(policy, HIGH) and there.capacity >= there.bounds.high


def _write(records: Records, target: Target, policy: ScalingPolicy, move: Move, reason: str, now: float) -> None:
    """Write what was decided; that nothing is done is told once, not as often as the alarm asks."""
    rest = {uuid: code for uuid, code in target.memory.unscaled.items() if uuid != policy.uuid}
    if move.desired != move.before:
        side = "DynamicScalingOut" if move.desired > move.before else "DynamicScalingIn"
        if not target.suspends(side):
            past = target.memory.past.scaled(move.before, move.desired, now)
            write(records, target, begun(target, move, now, target.remembering(past=past, unscaled=rest)))
        return
    if reason and target.memory.unscaled.get(policy.uuid) != reason:
        memory = target.remembering(unscaled={**rest, policy.uuid: reason})
        with records.together() as together:
            together.update(target.record, Change(status=memory.to_json()))
            create(together, unscaled(target, move.cause, reason, move.before, now))
