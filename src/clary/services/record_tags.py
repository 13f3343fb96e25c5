"""Tags kept as attributes of records, for services that have no rules of their own for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from clary.core.errors import ValidationError
from clary.services.operation import Call
from clary.store.records import Change, Record

TAG = "tag:"
TAGS_MAX = 50
Tags = Sequence[Mapping[str, str]]


def tag_attributes(tags: Tags) -> dict[str, str]:
    """Return tags as attributes of a record, or raise ValidationError."""
    keys = [tag["Key"] for tag in tags]
    if len(set(keys)) < len(keys) or any(key.lower().startswith("aws:") for key in keys):
        raise ValidationError("Tag keys must be unique, and may not start with aws:.")
    return _bounded({TAG + tag["Key"]: tag["Value"] for tag in tags})


def tag(call: Call, record: Record, tags: Tags) -> None:
    """Add tags to a record, or give them new values."""
    kept = call.store.records.attributes(record.uid)
    call.store.records.update(record, Change(attributes=_bounded({**kept, **tag_attributes(tags)})))


def untag(call: Call, record: Record, keys: Sequence[str]) -> None:
    """Take tags from a record; those that are not there are no error."""
    gone = {TAG + key for key in keys}
    kept = call.store.records.attributes(record.uid)
    left = {name: value for name, value in kept.items() if name not in gone}
    call.store.records.update(record, Change(attributes=left))


def tags_of(call: Call, record: Record) -> list[dict[str, str]]:
    """Return the tags of a record."""
    attributes = call.store.records.attributes(record.uid)
    return [
        {"Key": name.removeprefix(TAG), "Value": value} for name, value in attributes.items() if name.startswith(TAG)
    ]


def _bounded(attributes: dict[str, str]) -> dict[str, str]:
    if sum(name.startswith(TAG) for name in attributes) > TAGS_MAX:
        raise ValidationError(f"A resource can have up to {TAGS_MAX} tags.")
    return attributes
