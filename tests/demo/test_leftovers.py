from __future__ import annotations

from botocore.exceptions import ClientError, EndpointConnectionError

from clary.demo.leftovers import Leftovers


def _refuse(code: str, message: str = "no") -> None:
    raise ClientError({"Error": {"Code": code, "Message": message}}, "DeleteThing")


def _lose() -> None:
    raise EndpointConnectionError(endpoint_url="http://nobody")


def test_what_was_made_last_is_deleted_first() -> None:
    deleted: list[str] = []
    leftovers = Leftovers()
    for name in ("bucket", "job", "endpoint"):
        leftovers.add(name, deleted.append, name)
    assert len(leftovers) == 3
    assert leftovers.delete() == []
    assert deleted == ["endpoint", "job", "bucket"]
    assert len(leftovers) == 0


def test_what_was_never_made_is_passed_over() -> None:
    leftovers = Leftovers()
    leftovers.add("bucket", _refuse, "NoSuchBucket")
    leftovers.add("model", _refuse, "ValidationException", 'Could not find model "it".')
    assert leftovers.delete() == []


def test_what_cannot_be_deleted_is_told_and_keeps_nothing_else_back() -> None:
    deleted: list[str] = []
    leftovers = Leftovers()
    leftovers.add("bucket", deleted.append, "bucket")
    leftovers.add("role", _refuse, "AccessDenied")
    leftovers.add("endpoint", _lose)
    endpoint, role = leftovers.delete()
    assert endpoint.startswith("endpoint: Could not connect")
    assert role.startswith("role: An error occurred (AccessDenied)")
    assert deleted == ["bucket"]
