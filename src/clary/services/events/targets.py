"""Targets: who is told of a rule's events, and how."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from clary.core.ids import Arn
from clary.resources.event_inputs import BadInput, check_input
from clary.resources.event_rules import RULE, Rule
from clary.services.events.faults import Invalid, LimitExceeded, NotFound
from clary.services.events.reach import PAGE_DEFAULT, bus_of, present, rule_of
from clary.services.operation import Call, Operations, Params, Result, operation
from clary.services.page_tokens import BadToken, place_of, token_of
from clary.store.query import PAGE_MAX, Query
from clary.store.records import Change

TARGETS_MAX = 5
SENT_TO = {"sqs": "", "sns": "", "logs": "log-group:", "events": "event-bus/"}
"""Services that events are delivered to, and how the resource begins there."""
FIFO = ".fifo"


class Targets(Operations):
    """PutTargets and its siblings."""

    @operation("PutTargets")
    def put(self, call: Call, request: Params) -> Result:
        """Add targets to a rule, or write those of the same ids over."""
        rule = rule_of(call, request, "Rule")
        for target in request["Targets"]:
            _check(target)
        targets = {each["Id"]: each for each in (*rule.spec["Targets"], *request["Targets"])}
        if len(targets) > TARGETS_MAX:
            raise LimitExceeded
        call.store.records.update(rule, Change(spec={**rule.spec, "Targets": list(targets.values())}))
        return {"FailedEntryCount": 0, "FailedEntries": []}

    @operation("RemoveTargets")
    def remove(self, call: Call, request: Params) -> Result:
        """Take targets away from a rule; return those that it does not have."""
        rule = rule_of(call, request, "Rule")
        gone = set(request["Ids"])
        left = [each for each in rule.spec["Targets"] if each["Id"] not in gone]
        call.store.records.update(rule, Change(spec={**rule.spec, "Targets": left}))
        unknown = gone - {each["Id"] for each in rule.spec["Targets"]}
        failed = [
            {
                "TargetId": name,
                "ErrorCode": NotFound.code,
                "ErrorMessage": f"Rule {request['Rule']} does not have a target with the Id {name}.",
            }
            for name in sorted(unknown)
        ]
        return {"FailedEntryCount": len(failed), "FailedEntries": failed}

    @operation("ListTargetsByRule")
    def list(self, call: Call, request: Params) -> Result:
        """Return a page of a rule's targets."""
        rule = rule_of(call, request, "Rule")
        targets, token = _page(request, rule.spec["Targets"])
        return {"Targets": targets, **token}

    @operation("ListRuleNamesByTarget")
    def rules(self, call: Call, request: Params) -> Result:
        """Return a page of the names of a bus's rules that have a target of this ARN."""
        names = [each.name for each in _rules(call, request) if _leads_to(each, request["TargetArn"])]
        page, token = _page(request, names)
        return {"RuleNames": page, **token}


def _rules(call: Call, request: Params) -> Iterator[Rule]:
    query = Query(limit=PAGE_MAX, name_prefix=f"{bus_of(call, request).name}/")
    return map(Rule.read, call.store.records.page(RULE, query).items)


def _leads_to(rule: Rule, arn: str) -> bool:
    return any(target.arn == arn for target in rule.targets.values())


def _page(request: Params, items: list[Any]) -> tuple[list[Any], dict[str, str]]:
    query = {name: value for name, value in request.items() if name not in ("NextToken", "Limit")}
    try:
        start = place_of(query, request["NextToken"])[0] if "NextToken" in request else 0
    except BadToken:
        raise Invalid("Parameter NextToken is not valid.") from None
    end = start + request.get("Limit", PAGE_DEFAULT)
    return items[start:end], present(NextToken=token_of(query, [end]) if end < len(items) else "")


def _check(target: Params) -> None:
    arn = Arn.parse(target["Arn"])
    if arn is None or not arn.resource:
        raise Invalid(f"Parameter {target['Arn']} is not valid. Reason: Provided Arn is not in correct format.")
    begins = SENT_TO.get(arn.service)
    if begins is None:
        raise Invalid(f"Parameter {target['Arn']} is not valid. Reason: Clary sends events to {', '.join(SENT_TO)}.")
    if not arn.resource.startswith(begins):
        raise Invalid(f"Parameter {target['Arn']} is not valid. Reason: Provided Arn is not in correct format.")
    if arn.service == "sqs" and arn.resource.endswith(FIFO) and not _group(target):
        raise Invalid(f"Parameter(s) SqsParameters must be specified for target: {target['Id']}.")
    if arn.service != "sqs" and "SqsParameters" in target:
        raise Invalid(f"Parameter(s) SqsParameters not supported for target: {target['Id']}.")
    dead_letters = Arn.parse(target.get("DeadLetterConfig", {}).get("Arn", ""))
    if "DeadLetterConfig" in target and (dead_letters is None or dead_letters.service != "sqs"):
        raise Invalid(f"Parameter DeadLetterConfig.Arn is not valid for target: {target['Id']}. Reason: no SQS queue.")
    try:
        check_input(target)
    except BadInput as wrong:
        raise Invalid(str(wrong)) from None


def _group(target: Params) -> str:
    return str(target.get("SqsParameters", {}).get("MessageGroupId", ""))
