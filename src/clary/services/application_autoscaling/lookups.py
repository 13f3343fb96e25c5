"""Finds the records that requests name, and pages through those that they ask for."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from clary.core.errors import ValidationError
from clary.resources.scaling import SCALABLE_TARGET, Scalable
from clary.services.application_autoscaling.faults import InvalidNextToken, not_found
from clary.services.operation import Call, Params
from clary.store.query import Query
from clary.store.records import Kind, Record, Records

MANY, FEW = 50, 10
"""How much a page holds at most."""


def scalable_of(request: Params) -> Scalable:
    """Return what a request names, or raise ValidationError if its parts do not belong together."""
    scalable = Scalable.of(request)
    if scalable.namespace != request["ServiceNamespace"]:
        raise ValidationError(
            f"Unsupported service namespace, resource type or scalable dimension: {request['ServiceNamespace']}, "
            f"{scalable.resource}, {scalable.dimension}"
        )
    return scalable


def find_target(records: Records, scalable: Scalable) -> Record:
    """Return a target's record, or raise ObjectNotFound."""
    record = records.find(SCALABLE_TARGET, scalable.name)
    if record is None:
        raise not_found("scalable target", scalable, "registered")
    return record


def limit_of(request: Params, most: int) -> int:
    """Return how many a page is to hold, or raise ValidationError."""
    limit: int = request.get("MaxResults", most)
    if not 1 <= limit <= most:
        raise ValidationError(f"MaxResults must be between 1 and {most}.")
    return limit


def page(
    call: Call, kind: Kind, request: Params, *, limit: int, named: tuple[str, Collection[str]] = ("", ())
) -> tuple[list[Record], dict[str, Any]]:
    """Return a page of records that the request's namespace, resource and dimension let through, and its token.

    `named` is a member of their specs and the values that it may have, any if there are none.
    """
    if "ScalableDimension" in request and "ResourceId" not in request and not named[1]:
        raise ValidationError("If you specify a scalable dimension, you must also specify a resource ID.")
    found: list[Record] = []
    token = request.get("NextToken", "")
    while True:
        answer = read(
            call.store.records, kind, Query(limit=limit - len(found), token=token, attributes=_asked(request))
        )
        found += [each for each in answer[0] if _named(each, named) and not each.deleting]
        token = answer[1]
        if not token or len(found) >= limit:
            return found, ({"NextToken": token} if token else {})


def read(records: Records, kind: Kind, query: Query) -> tuple[list[Record], str]:
    """Return a page of the store, or raise InvalidNextToken."""
    try:
        answer = records.page(kind, query)
    except ValidationError:
        raise InvalidNextToken("The next token supplied was invalid.") from None
    return list(answer.items), answer.next_token


def _asked(request: Params) -> dict[str, str]:
    told = {"namespace": "ServiceNamespace", "resource": "ResourceId", "dimension": "ScalableDimension"}
    return {name: request[member] for name, member in told.items() if member in request}


def _named(record: Record, named: tuple[str, Collection[str]]) -> bool:
    return not named[1] or record.spec[named[0]] in named[1]
