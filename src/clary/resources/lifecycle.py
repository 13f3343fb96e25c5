"""Rules of a bucket's lifecycle, and what they have to go: pure.

Amazon S3 user guide, «Managing the lifecycle of objects» and «Lifecycle configuration elements»: days are counted
from when an object was written, or became an old version, to the midnight (UTC) after them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from clary.store.objects import Version
from clary.store.records import Kind, Unique

BUCKET = Kind("s3", "bucket", Unique.WORLD)
DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Scope:
    """Which objects a rule is about."""

    prefix: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    larger_than: int = -1
    smaller_than: float = float("inf")

    def holds(self, version: Version) -> bool:
        """Say whether the rule is about an object; delete markers have neither tags nor a size."""
        if not version.key.startswith(self.prefix):
            return False
        if version.marker:
            return not self.tags and self.larger_than < 0 and self.smaller_than == float("inf")
        tagged = all(version.tags.get(name) == value for name, value in self.tags.items())
        return tagged and self.larger_than < version.size < self.smaller_than


@dataclass(frozen=True, slots=True)
class Rule:
    """What goes, and when; None is never."""

    scope: Scope
    days: int | None = None
    date: float | None = None
    markers: bool = False  # delete markers that hide nothing
    old_days: int | None = None
    old_kept: int = 0  # so many of the newest old versions stay
    upload_days: int | None = None

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Rule:
        """Read a rule as PutBucketLifecycleConfiguration has it, its date as epoch seconds."""
        expiration, old = told.get("Expiration", {}), told.get("NoncurrentVersionExpiration", {})
        return cls(
            scope=_scope(told),
            days=expiration.get("Days"),
            date=expiration.get("Date"),
            markers=bool(expiration.get("ExpiredObjectDeleteMarker")),
            old_days=old.get("NoncurrentDays"),
            old_kept=old.get("NewerNoncurrentVersions") or 0,
            upload_days=told.get("AbortIncompleteMultipartUpload", {}).get("DaysAfterInitiation"),
        )

    def ends(self, version: Version, now: float) -> bool:
        """Say whether an object's time is over."""
        if self.date is not None:
            return now >= self.date
        return self.days is not None and over(version.modified, self.days, now)


def rules_of(spec: Mapping[str, Any]) -> list[Rule]:
    """Return the rules of a bucket that are in force."""
    return [Rule.of(told) for told in spec.get("Lifecycle", ()) if told["Status"] == "Enabled"]


def over(since: float, days: int, now: float) -> bool:
    """Say whether the midnight after so many days has come."""
    return now >= ((since + days * DAY_S) // DAY_S + 1) * DAY_S


def expired(versions: Sequence[Version], rules: Sequence[Rule], now: float) -> Iterator[Version]:
    """Give the versions of one key, newest first, that have to go; the latest goes as a plain DELETE has it."""
    latest = versions[0]
    for rule in rules:
        if latest.latest and rule.scope.holds(latest) and _latest_goes(latest, len(versions) == 1, rule, now):
            yield latest
            break
    for index, (newer, version) in enumerate(pairwise(versions)):
        if any(_old_goes(version, newer, index, rule, now) for rule in rules):
            yield version


def _latest_goes(latest: Version, alone: bool, rule: Rule, now: float) -> bool:  # noqa: FBT001 - read beside its name
    if latest.marker:
        return alone and (rule.markers or (rule.days is not None and rule.ends(latest, now)))
    return rule.ends(latest, now)


def _old_goes(version: Version, newer: Version, index: int, rule: Rule, now: float) -> bool:
    if rule.old_days is None or index < rule.old_kept or not rule.scope.holds(version):
        return False
    return over(newer.modified, rule.old_days, now)


def _scope(told: Mapping[str, Any]) -> Scope:
    chosen = told.get("Filter", {"Prefix": told.get("Prefix", "")})
    chosen = chosen.get("And", chosen)
    tags = [*chosen.get("Tags", ()), *([chosen["Tag"]] if "Tag" in chosen else [])]
    return Scope(
        prefix=chosen.get("Prefix") or "",
        tags={each["Key"]: each["Value"] for each in tags},
        larger_than=chosen.get("ObjectSizeGreaterThan", -1),
        smaller_than=chosen.get("ObjectSizeLessThan", float("inf")),
    )
