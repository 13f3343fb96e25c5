"""Tags of alarms and dashboards."""

from __future__ import annotations

from collections.abc import Mapping

from clary.core.errors import ServiceError
from clary.core.ids import Arn
from clary.resources.alarm import ALARM
from clary.services.cloudwatch.alarm_records import TAG, TAGS_MAX, tag_attributes, tags_of
from clary.services.cloudwatch.dashboards import DASHBOARD
from clary.services.cloudwatch.faults import InvalidValue
from clary.services.operation import Call, Operations, Params, Result, operation
from clary.store.records import Change, Record, Records


class Tags(Operations):
    """Tags by ARN."""

    @operation("TagResource")
    def tag(self, call: Call, request: Params) -> Result:
        """Add tags, or give them other values."""
        with call.store.records.together() as records:
            record = _tagged(call, records, request["ResourceARN"])
            together = {**records.attributes(record.uid), **tag_attributes(tags_of(request))}
            if sum(name.startswith(TAG) for name in together) > TAGS_MAX:
                raise InvalidValue(f"A resource can have up to {TAGS_MAX} tags.")
            _write(records, record, together)
        return {}

    @operation("UntagResource")
    def untag(self, call: Call, request: Params) -> Result:
        """Remove tags; those that are not there are passed over."""
        gone = {f"{TAG}{key}" for key in request["TagKeys"]}
        with call.store.records.together() as records:
            record = _tagged(call, records, request["ResourceARN"])
            kept = {name: value for name, value in records.attributes(record.uid).items() if name not in gone}
            _write(records, record, kept)
        return {}

    @operation("ListTagsForResource")
    def list(self, call: Call, request: Params) -> Result:
        """Return the tags of an alarm or dashboard."""
        record = _tagged(call, call.store.records, request["ResourceARN"])
        attributes = call.store.records.attributes(record.uid)
        tags = {name.removeprefix(TAG): value for name, value in attributes.items() if name.startswith(TAG)}
        return {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}


def _tagged(call: Call, records: Records, text: str) -> Record:
    arn = Arn.parse(text)
    if arn is None or arn.service != "cloudwatch":
        raise InvalidValue(f"The value {text} for parameter ResourceARN is invalid.")
    mine = arn.account == call.account and arn.region in ("", call.region)
    record = _of(records, arn.resource) if mine else None
    if record is None:
        raise ServiceError(f"Unknown resource: {text}", code="ResourceNotFoundException", status=404)
    return record


def _of(records: Records, resource: str) -> Record | None:
    if resource.startswith("alarm:"):
        return records.find(ALARM, resource.removeprefix("alarm:"))
    if resource.startswith("dashboard/"):
        return records.find(DASHBOARD, resource.removeprefix("dashboard/"))
    return None


def _write(records: Records, record: Record, attributes: Mapping[str, str]) -> None:
    records.update(record, Change(attributes=attributes))
