"""The tags that a resource has already, as the condition keys that policies ask for.

IAM user guide, «Controlling access to AWS resources using tags». What a request asks to be tagged with is told by
its parameters; what stands in the store is told here.
"""

from __future__ import annotations

from dataclasses import replace

from clary.access.decide import Requirement
from clary.core.ids import Arn
from clary.services.sagemaker.nouns import tags_of
from clary.services.sagemaker.tags import KINDS
from clary.store.store import Store


def with_tags(requirement: Requirement, store: Store) -> Requirement:
    """Return a requirement whose context holds the tags of its resource, if that is there and may have any."""
    arn = Arn.parse(requirement.resource)
    if arn is None or arn.service != "sagemaker":
        return requirement
    noun, _, name = arn.resource.partition("/")
    kind = KINDS.get(noun)
    records = store.records(arn.account, arn.region)
    record = None if kind is None else records.find(kind, name)
    if record is None:
        return requirement
    tags = {tag["Key"].lower(): tag["Value"] for tag in tags_of(records.attributes(record.uid))}
    told = {f"{prefix}:resourcetag/{key}": value for key, value in tags.items() for prefix in ("aws", "sagemaker")}
    return replace(requirement, context={**requirement.context, **told})
