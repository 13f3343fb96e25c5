"""The report on an endpoint's variants: what each did, what its answers were worth, and which is better."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC
from typing import Any

from clary.cli.ab.answered import Attributed, answered, attributed
from clary.cli.ab.comparison import Comparison, Sample, compare
from clary.cli.ab.ground_truth import GroundTruth, Place, read
from clary.cli.ab.span import Span
from clary.cli.ab.traffic import Metrics, Traffic, variants_seen

PRODUCTION, SHADOW, GONE = "production", "shadow", "gone"


@dataclass(frozen=True, slots=True)
class Variant:
    """One variant; `weight` is None and `role` "gone" where the endpoint has it no more."""

    name: str
    role: str
    weight: float | None
    traffic: Traffic
    rewards: Sample | None


@dataclass(frozen=True, slots=True)
class Against:
    """A variant against the baseline; no comparison where there are too few rewards."""

    baseline: str
    variant: str
    comparison: Comparison | None


@dataclass(frozen=True, slots=True)
class Report:
    """All that is known of the variants of one endpoint in a span."""

    endpoint: str
    span: Span
    confidence: float
    variants: Sequence[Variant]
    against: Sequence[Against]
    place: Place
    unmatched: int
    ambiguous: int
    unreadable: int

    def to_json(self) -> dict[str, Any]:
        """Return the report for programs; times in UTC, latencies in microseconds."""
        return {
            "endpoint": self.endpoint,
            "since": self.span.start.astimezone(UTC).isoformat(timespec="seconds"),
            "until": self.span.end.astimezone(UTC).isoformat(timespec="seconds"),
            "confidence": self.confidence,
            "rewards_from": self.place.uri(),
            "variants": [_variant_json(each) for each in self.variants],
            "comparisons": [_against_json(each) for each in self.against],
            "left_out": {name: getattr(self, name) for name in ("unmatched", "ambiguous", "unreadable")},
        }


def report(
    clients: Callable[[str], Any], endpoint: str, span: Span, place: Place, baseline: str | None, confidence: float
) -> Report:
    """Look at an endpoint through AWS's API and return the report; ValueError where the baseline is no variant."""
    parts = _parts(clients("sagemaker").describe_endpoint(EndpointName=endpoint))
    truth = read(clients("s3"), place, span.start, span.end)
    found = attributed(truth.rewards, answered(clients("logs"), endpoint, span) if truth.rewards else {})
    gone = sorted(variants_seen(clients("cloudwatch"), endpoint).union(found.rewards) - set(parts))
    roles = {**parts, **dict.fromkeys(gone, (GONE, None))}
    variants = [_variant(clients("cloudwatch"), endpoint, span, name, *role, found) for name, role in roles.items()]
    variants = [each for each in variants if each.role != GONE or each.traffic.requests or each.rewards]
    first = _baseline(variants, baseline)
    return Report(
        endpoint=endpoint,
        span=span,
        confidence=confidence,
        variants=variants,
        against=[_against(first, each, confidence) for each in variants if each is not first and each.role != SHADOW],
        place=place,
        **_left_out(found, truth),
    )


def _parts(described: Mapping[str, Any]) -> dict[str, tuple[str, float | None]]:
    """Return role and weight of each variant that the endpoint has, production first."""
    lists = ((PRODUCTION, "ProductionVariants"), (SHADOW, "ShadowProductionVariants"))
    return {
        each["VariantName"]: (role, each.get("CurrentWeight")) for role, key in lists for each in described.get(key, ())
    }


def _variant(
    cloudwatch: Any, endpoint: str, span: Span, name: str, role: str, weight: float | None, found: Attributed
) -> Variant:
    rewards = found.rewards.get(name)
    traffic = Metrics(cloudwatch, endpoint, name, span).traffic()
    return Variant(name, role, weight, traffic, Sample.of(rewards) if rewards else None)


def _baseline(variants: Iterable[Variant], wanted: str | None) -> Variant:
    candidates = [each for each in variants if each.role != SHADOW]
    for each in candidates:
        if wanted in (None, each.name):
            return each
    known = ", ".join(each.name for each in candidates)
    raise ValueError(f"{wanted} answered nothing in this time; the variants are {known}.")


def _against(baseline: Variant, variant: Variant, confidence: float) -> Against:
    a, b = baseline.rewards, variant.rewards
    told = None if a is None or b is None else compare(a, b, confidence)
    return Against(baseline.name, variant.name, told)


def _left_out(found: Attributed, truth: GroundTruth) -> dict[str, int]:
    return {"unmatched": found.unmatched, "ambiguous": found.ambiguous, "unreadable": truth.unreadable}


def _variant_json(variant: Variant) -> dict[str, Any]:
    rewards = variant.rewards
    return {
        "name": variant.name,
        "role": variant.role,
        "weight": variant.weight,
        **asdict(variant.traffic),
        "rewards": 0 if rewards is None else rewards.count,
        "mean_reward": None if rewards is None else rewards.mean,
    }


def _against_json(against: Against) -> dict[str, Any]:
    told = against.comparison
    names = {"baseline": against.baseline, "variant": against.variant}
    if told is None:
        return {**names, "difference": None, "interval": None, "probability_better": None, "method": None}
    return {
        **names,
        "difference": told.difference,
        "interval": [told.low, told.high],
        "probability_better": told.probability,
        "method": told.method,
    }
