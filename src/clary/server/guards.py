"""What the store knows of the resource that a call is about, and policies ask for: whose it is, its policy, its tags.

IAM user guide, «Controlling access to AWS resources using tags». What a request asks to be tagged with is told by
its parameters; what stands in the store is told here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from clary.access.context import RESOURCE_TAG, resource_context
from clary.access.decide import Decision, Requirement, decide
from clary.access.policy import Policy
from clary.access.principal import Principal
from clary.core.ids import Arn
from clary.resources.lifecycle import BUCKET
from clary.services.iam.kinds import POLICY, ROLE, USER, key_of
from clary.services.s3.policies import policies_for
from clary.services.sagemaker.nouns import tags_of
from clary.services.sagemaker.tags import KINDS
from clary.store.records import Record
from clary.store.store import Store

IDENTITIES = MappingProxyType({"user": USER, "role": ROLE, "policy": POLICY})
CREATE = "s3:CreateBucket"
"""Asks nothing of a bucket that has the name already: its owner does not matter."""
EXISTING_TAG = "existingobjecttag"
OF_EXISTING_OBJECTS = (
    "s3:GetObject", "s3:PutObjectTagging", "s3:PutObjectVersionTagging", "s3:DeleteObjectTagging",
    "s3:DeleteObjectVersionTagging",
)  # fmt: skip
"""Actions, or how they begin, that may be bound to the tags an object has."""


@dataclass(frozen=True, slots=True)
class Guard:
    """A requirement with the tags of its resource, and the policies of that, and what was read of its bucket."""

    requirement: Requirement
    policies: tuple[Policy, ...] = ()
    bucket: Record | None = None


def judge(
    requirement: Requirement, principal: Principal, store: Store, version: str = ""
) -> tuple[Decision, Record | None]:
    """Return whether a principal may, given what the store knows, and the bucket that this was read of.

    `version` is of the object that is meant.
    """
    arn = Arn.parse(requirement.resource)
    guard = Guard(requirement)
    if arn is not None and arn.service == "s3":
        guard = _of_bucket(requirement, principal, store, version)
    elif arn is not None and arn.service in TAGGED and _ask_for(RESOURCE_TAG, principal):
        tags = resource_context(TAGGED[arn.service](arn, store), arn.service)
        guard = Guard(replace(requirement, context={**requirement.context, **tags}))
    # Services and strangers belong to no account and have no identity policies: the resource alone lets them in.
    stranger = not principal.account and guard.bucket is not None
    owner = guard.bucket.account if guard.bucket is not None and not stranger else ""
    decision = decide(principal, guard.requirement, guard.policies, owner=owner, resource_must_allow=stranger)
    return decision, guard.bucket


def _of_sagemaker(arn: Arn, store: Store) -> Mapping[str, str]:
    noun, _, name = arn.resource.partition("/")
    kind = KINDS.get(noun)
    records = store.records(arn.account, arn.region)
    record = None if kind is None else records.find(kind, name)
    return {tag["Key"]: tag["Value"] for tag in tags_of(records.attributes(record.uid))} if record else {}


def _of_identity(arn: Arn, store: Store) -> Mapping[str, str]:
    noun, _, path = arn.resource.partition("/")
    kind = IDENTITIES.get(noun)
    record = None if kind is None else store.records(arn.account, "").find(kind, key_of(path.rpartition("/")[2]))
    return record.spec.get("Tags", {}) if record else {}


TAGGED: Mapping[str, Callable[[Arn, Store], Mapping[str, str]]] = MappingProxyType(
    {"sagemaker": _of_sagemaker, "iam": _of_identity}
)


def _of_bucket(requirement: Requirement, principal: Principal, store: Store, version: str) -> Guard:
    name, _, key = requirement.resource.removeprefix("arn:aws:s3:::").partition("/")
    bucket = store.records(principal.account, "").find(BUCKET, name)
    if bucket is None or requirement.action == CREATE:
        return Guard(requirement)
    policies = policies_for(bucket, principal, requirement.action)
    asked = requirement
    if key and requirement.action.startswith(OF_EXISTING_OBJECTS) and _ask_for(EXISTING_TAG, principal, policies):
        asked = _with_object_tags(requirement, bucket, key, store, version)
    return Guard(asked, policies, bucket)


def _ask_for(tags: str, principal: Principal, policies: tuple[Policy, ...] = ()) -> bool:
    """Say whether any policy asks for such tags: most do not, and reading them takes time."""
    return any(each.mentions(tags) for each in (*principal.policies(), *policies))


def _with_object_tags(requirement: Requirement, bucket: Record, key: str, store: Store, version: str) -> Requirement:
    found = store.objects.find(bucket.uid, key, version)
    told = {f"s3:{EXISTING_TAG}/{name.lower()}": value for name, value in (found.tags if found else {}).items()}
    return replace(requirement, context={**requirement.context, **told})
