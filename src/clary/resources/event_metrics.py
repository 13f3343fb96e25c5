"""What EventBridge counts of its rules in CloudWatch: the namespace, the dimensions, the values."""

from __future__ import annotations

from clary.resources.event_rules import DEFAULT_BUS, Rule
from clary.store.series import Datum

NAMESPACE = "AWS/Events"
MATCHED, TRIGGERED = "MatchedEvents", "TriggeredRules"
INVOCATIONS, FAILED = "Invocations", "FailedInvocations"
ATTEMPTS, RETRIES = "InvocationAttempts", "RetryInvocationAttempts"
BURIED, LOST = "InvocationsSentToDlq", "InvocationsFailedToBeSentToDlq"


def counted(name: str, rule: Rule, at: float, count: int = 1) -> Datum:
    """Return a count of something that happened to a rule; rules of other buses than the default one tell theirs."""
    bus = () if rule.bus == DEFAULT_BUS else (("EventBusName", rule.bus),)
    return Datum(name, (*bus, ("RuleName", rule.name)), at, values=(1.0,), counts=(float(count),), unit="Count")
