"""Scaling plans: made, described, changed, deleted; a controller does what they ask for."""

from __future__ import annotations

import json
from typing import Any

from clary.core.errors import ServiceError, ValidationError
from clary.resources.scaling import Scalable
from clary.resources.scaling_plans import SCALING_PLAN, PlanState, ScalingPlan
from clary.services.autoscaling_plans.plan_rules import check_instructions, check_source
from clary.services.operation import Call, Operations, Params, Result, operation
from clary.store.query import PAGE_MAX, Query
from clary.store.records import Change, NameTaken, Record, Records

VERSION = 1
PLANS_MAX = 100
PAGE = 50
IN_PROGRESS = (PlanState.CREATING, PlanState.UPDATING, PlanState.DELETING)


class Plans(Operations):
    """CreateScalingPlan and its siblings."""

    @operation("CreateScalingPlan")
    def create(self, call: Call, request: Params) -> Result:
        """Ask for a plan, or raise ValidationError."""
        spec = {name: request[name] for name in ("ApplicationSource", "ScalingInstructions")}
        with call.store.records.together() as records:
            others = _all(records)
            if len(others) >= PLANS_MAX:
                text = f"The limit of {PLANS_MAX} scaling plans has been reached."
                raise ServiceError(text, code="LimitExceededException", status=400)
            _check(spec, others)
            try:
                records.create(
                    SCALING_PLAN, request["ScalingPlanName"], spec, state=PlanState.CREATING, status={"since": call.now}
                )
            except NameTaken:
                text = f"A scaling plan named {request['ScalingPlanName']} already exists."
                raise ValidationError(text) from None
        return {"ScalingPlanVersion": VERSION}

    @operation("DescribeScalingPlans")
    def describe(self, call: Call, request: Params) -> Result:
        """Return a page of plans, of all or of those that are named by name or by source."""
        names, sources = request.get("ScalingPlanNames", ()), request.get("ApplicationSources", ())
        if names and sources:
            raise ValidationError("If you specify application sources, you cannot specify scaling plan names.")
        if names or sources:
            told = {json.dumps(each, sort_keys=True) for each in sources}
            found = [each for each in _all(call.store.records) if each.name in names or _source(each) in told]
            return {"ScalingPlans": [_shown(each) for each in found]}
        page, token = _page(call.store.records, request)
        return {"ScalingPlans": [_shown(each) for each in page], **({"NextToken": token} if token else {})}

    @operation("UpdateScalingPlan")
    def update(self, call: Call, request: Params) -> Result:
        """Ask for another source or other instructions of a plan."""
        with call.store.records.together() as records:
            record = settled_plan(records, request)
            told = {name: request[name] for name in ("ApplicationSource", "ScalingInstructions") if name in request}
            spec = {**record.spec, **told}
            _check(spec, [each for each in _all(records) if each.uid != record.uid])
            status = {**record.status, "since": call.now}
            records.update(record, Change(spec=spec, state=PlanState.UPDATING, status=status))
        return {}

    @operation("DeleteScalingPlan")
    def delete(self, call: Call, request: Params) -> Result:
        """Ask for a plan, and all that it made, to go."""
        with call.store.records.together() as records:
            record = find_plan(records, request)
            if not record.deleting:
                status = {**record.status, "since": call.now}
                records.update(record, Change(deleting=True, state=PlanState.DELETING, status=status))
        return {}


def find_plan(records: Records, request: Params) -> Record:
    """Return a plan's record, or raise ObjectNotFoundException."""
    if request["ScalingPlanVersion"] != VERSION:
        raise ValidationError(f"The only valid scaling plan version is {VERSION}.")
    record = records.find(SCALING_PLAN, request["ScalingPlanName"])
    if record is None:
        text = f"There is no scaling plan named {request['ScalingPlanName']}."
        raise ServiceError(text, code="ObjectNotFoundException", status=400)
    return record


def settled_plan(records: Records, request: Params) -> Record:
    """Return a plan's record, or raise ConcurrentUpdateException while something is being done to it."""
    record = find_plan(records, request)
    if PlanState(record.state) in IN_PROGRESS:
        text = f"The scaling plan {record.name} is in the state {record.state}."
        raise ServiceError(text, code="ConcurrentUpdateException", status=400)
    return record


def _check(spec: Params, others: list[Record]) -> None:
    check_source(spec["ApplicationSource"])
    check_instructions(spec["ScalingInstructions"])
    if any(each.spec["ApplicationSource"] == spec["ApplicationSource"] for each in others):
        raise ValidationError("You can create one scaling plan per application source.")
    taken = {Scalable.of(told) for each in others for told in each.spec["ScalingInstructions"]}
    for instruction in spec["ScalingInstructions"]:
        if Scalable.of(instruction) in taken:
            raise ValidationError(f"{instruction['ResourceId']} belongs to another scaling plan.")


def _source(record: Record) -> str:
    return json.dumps(record.spec["ApplicationSource"], sort_keys=True)


def _all(records: Records) -> list[Record]:
    return list(records.page(SCALING_PLAN, Query(limit=PAGE_MAX)).items)


def _page(records: Records, request: Params) -> tuple[list[Record], str]:
    limit = request.get("MaxResults", PAGE)
    if not 1 <= limit <= PAGE:
        raise ValidationError(f"MaxResults must be between 1 and {PAGE}.")
    try:
        page = records.page(SCALING_PLAN, Query(limit=limit, token=request.get("NextToken", "")))
    except ValidationError:
        text = "The next token supplied was invalid."
        raise ServiceError(text, code="InvalidNextTokenException", status=400) from None
    return list(page.items), page.next_token


def _shown(record: Record) -> dict[str, Any]:
    plan = ScalingPlan.read(record)
    message = {"StatusMessage": record.status["message"]} if "message" in record.status else {}
    return {
        "ScalingPlanName": plan.name,
        "ScalingPlanVersion": VERSION,
        **record.spec,
        "StatusCode": record.state,
        **message,
        "StatusStartTime": record.status["since"],
        "CreationTime": record.created,
    }
