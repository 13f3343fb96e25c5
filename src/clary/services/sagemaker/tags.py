"""Tags of every SageMaker resource, found by its ARN."""

from __future__ import annotations

from clary.core.errors import AccessDenied, ResourceNotFound, ServiceError, ValidationError
from clary.core.ids import Arn
from clary.resources.endpoint import ENDPOINT, ENDPOINT_CONFIG, MODEL
from clary.resources.inference_experiment import INFERENCE_EXPERIMENT
from clary.resources.training_job import TRAINING_JOB
from clary.services.operation import Call, Operations, Params, Result, operation
from clary.services.sagemaker.nouns import TAG, TAGS_MAX, tag_attributes, tags_of
from clary.store.records import Change, Record

KINDS = {kind.noun: kind for kind in (TRAINING_JOB, MODEL, ENDPOINT_CONFIG, ENDPOINT, INFERENCE_EXPERIMENT)}


class Tags(Operations):
    """AddTags, ListTags and DeleteTags."""

    @operation("AddTags")
    def add(self, call: Call, request: Params) -> Result:
        """Add tags or replace their values; return all that the resource then has."""
        record = self._find(call, request["ResourceArn"])
        attributes = call.store.records.attributes(record.uid) | tag_attributes(request["Tags"])
        if len(tags_of(attributes)) > TAGS_MAX:
            raise ServiceError(
                f"The maximum number of tags per resource is {TAGS_MAX}.", code="ResourceLimitExceeded", status=400
            )
        call.store.records.update(record, Change(attributes=attributes))
        return {"Tags": tags_of(attributes)}

    @operation("ListTags")
    def list_page(self, call: Call, request: Params) -> Result:
        """Return the tags of a resource; they fit on one page."""
        record = self._find(call, request["ResourceArn"])
        return {"Tags": tags_of(call.store.records.attributes(record.uid))}

    @operation("DeleteTags")
    def delete(self, call: Call, request: Params) -> Result:
        """Take tags away; those that are not there are no error."""
        record = self._find(call, request["ResourceArn"])
        gone = {TAG + key for key in request["TagKeys"]}
        attributes = call.store.records.attributes(record.uid)
        kept = {name: value for name, value in attributes.items() if name not in gone}
        call.store.records.update(record, Change(attributes=kept))
        return {}

    def _find(self, call: Call, text: str) -> Record:
        arn = Arn.parse(text)
        noun, _, name = arn.resource.partition("/") if arn else ("", "", "")
        if arn is None or arn.region != call.region or noun not in KINDS:
            raise ValidationError(f"Invalid ARN: {text}")
        if arn.account != call.account:
            action = f"sagemaker:{call.operation}"
            raise AccessDenied(
                f"User: {call.principal.arn} is not authorized to perform: {action} on resource: {text} "
                f"because no resource-based policy allows the {action} action"
            )
        record = call.store.records.find(KINDS[noun], name)
        if record is None:
            raise ResourceNotFound(f"Could not find resource {text}.")
        return record
