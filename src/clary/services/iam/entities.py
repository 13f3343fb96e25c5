"""What users, groups, roles and policies share: finding, changing, tagging, paging, and reading documents."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar
from urllib.parse import quote

from clary.access.policy import MalformedPolicy, Sort, parse
from clary.services.iam import faults
from clary.services.iam.kinds import GROUP, ROLE, USER, attributes_of, key_of
from clary.services.operation import Call, Params
from clary.store.query import PAGE_MAX, Query
from clary.store.records import Change, Kind, NameTaken, Record, Records

TAGS_MAX = 50
ITEMS_DEFAULT = 100
MANAGED_SIZE_MAX = 6_144
TRUST_SIZE_MAX = 2_048
_SPACE = re.compile(r"\s")
T = TypeVar("T")
Spec = Mapping[str, Any]


def find(records: Records, kind: Kind, name: str) -> Record:
    """Return a user, group or role, or raise NoSuchEntity."""
    record = records.find(kind, key_of(name))
    if record is None:
        raise faults.not_found(kind.noun, name)
    return record


def edit(call: Call, kind: Kind, name: str, change: Callable[[Record], Spec]) -> Record:
    """Replace the spec of an identity by what `change` makes of it; nobody else writes in between."""
    with call.store.records.together() as records:
        record = find(records, kind, name)
        return write(records, record, change(record))


def write(records: Records, record: Record, spec: Spec) -> Record:
    """Write a new spec, and what the record is found by."""
    return records.update(record, Change(spec=spec, attributes=attributes_of(spec)))


def rename(records: Records, kind: Kind, record: Record, name: str, spec: Spec) -> Record:
    """Store an identity under another name, or raise NameTaken; it keeps its id and its age."""
    renamed = records.create(
        kind,
        name,
        spec,
        status={**record.status, "Created": created(record)},
        attributes=attributes_of(spec),
    )
    records.remove(record)
    return renamed


def created(record: Record) -> float:
    """Return when an identity was made, under whatever name."""
    return float(record.status.get("Created", record.created))


@contextmanager
def unique(noun: str, name: str) -> Iterator[None]:
    """Turn a taken name into EntityAlreadyExists."""
    try:
        yield
    except NameTaken:
        raise faults.already_exists(f"{noun} with name {name} already exists.") from None


def everyone(records: Records, kind: Kind, attributes: Mapping[str, str] | None = None) -> Iterator[Record]:
    """Give every record of a kind in the account, by name."""
    token = ""
    while True:
        page = records.page(kind, Query(limit=PAGE_MAX, token=token, attributes=attributes or {}))
        yield from page.items
        token = page.next_token
        if not token:
            return


def holders(records: Records, attribute: str) -> Iterator[Record]:
    """Give the users, groups and roles that have an attribute, such as an attached policy."""
    for kind in (USER, GROUP, ROLE):
        yield from everyone(records, kind, {attribute: "1"})


def below(records: Iterable[Record], request: Params) -> list[Record]:
    """Return those whose path begins as the request says."""
    prefix = request.get("PathPrefix", "/")
    return [record for record in records if record.spec["Path"].startswith(prefix)]


def paged(
    member: str, items: Iterable[T], request: Params, view: Callable[[T], Any], name: Callable[[T], str]
) -> dict[str, Any]:
    """Return one page under a result's member: items in the order of their names, from the request's marker on."""
    ordered = sorted(items, key=name)
    marker = _position(request.get("Marker", ""))
    rest = [item for item in ordered if not marker or name(item) > marker]
    page = rest[: request.get("MaxItems", ITEMS_DEFAULT)]
    result: dict[str, Any] = {member: [view(item) for item in page], "IsTruncated": len(rest) > len(page)}
    if result["IsTruncated"]:
        result["Marker"] = base64.urlsafe_b64encode(name(page[-1]).encode()).decode()
    return result


def _position(marker: str) -> str:
    try:
        return base64.b64decode(marker.encode(), altchars=b"-_", validate=True).decode()
    except ValueError:
        raise faults.validation_error(f"Invalid Marker: {marker}") from None


def document(text: str, sort: Sort = "identity") -> str:
    """Return a policy document that is well-formed, or raise MalformedPolicyDocument."""
    try:
        parse(text, sort)
    except MalformedPolicy as error:
        raise faults.malformed_policy(str(error)) from None
    return text


def size_of(text: str) -> int:
    """Return how much of a policy's quota a document takes: white space is free."""
    return len(_SPACE.sub("", text))


def trust_document(text: str) -> str:
    """Return a trust policy, or raise what IAM would."""
    if size_of(text) > TRUST_SIZE_MAX:
        raise faults.limit_exceeded(f"Cannot exceed quota for ACLSizePerRole: {TRUST_SIZE_MAX}")
    return document(text, "trust")


def encoded(text: str) -> str:
    """Return a document as IAM's answers carry it: percent-encoded (RFC 3986)."""
    return quote(text, safe="")


def tags_of(request: Params, former: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return tags as they stand once a request's are added, or raise InvalidInput."""
    tags = list(request.get("Tags", ()))
    keys = [tag["Key"].lower() for tag in tags]
    if len(keys) != len(set(keys)):
        raise faults.invalid_input("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
    # Keys are the same whatever their case; the newest spelling stays.
    kept = {key: value for key, value in (former or {}).items() if key.lower() not in keys}
    told = {**kept, **{tag["Key"]: tag["Value"] for tag in tags}}
    if len(told) > TAGS_MAX:
        raise faults.limit_exceeded(f"The number of tags has reached the maximum limit of {TAGS_MAX}.")
    return told


def without_tags(request: Params, former: Mapping[str, str]) -> dict[str, str]:
    """Return tags as they stand once a request's keys are taken away."""
    gone = {key.lower() for key in request["TagKeys"]}
    return {key: value for key, value in former.items() if key.lower() not in gone}


def tagged(record: Record, request: Params) -> Spec:
    """Return a spec with the request's tags added."""
    return {**record.spec, "Tags": tags_of(request, record.spec["Tags"])}


def untagged(record: Record, request: Params) -> Spec:
    """Return a spec with the request's tags taken away."""
    return {**record.spec, "Tags": without_tags(request, record.spec["Tags"])}


def tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Return tags as results carry them."""
    return [{"Key": key, "Value": value} for key, value in sorted(tags.items())]


def tags_page(record: Record, request: Params) -> dict[str, Any]:
    """Return one page of the tags of an identity or policy."""
    return paged("Tags", tag_list(record.spec["Tags"]), request, dict, lambda tag: tag["Key"])


def boundary_view(spec: Spec) -> dict[str, Any]:
    """Return the member that tells of a permissions boundary, if there is one."""
    boundary = spec["Boundary"]
    if not boundary:
        return {}
    kind = "PermissionsBoundaryPolicy"
    return {"PermissionsBoundary": {"PermissionsBoundaryType": kind, "PermissionsBoundaryArn": boundary}}
