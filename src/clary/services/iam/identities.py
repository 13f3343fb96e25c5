"""New identities as records: the one place that knows what a new user, group, role or key holds."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from clary.core.ids import aws_id
from clary.services.iam.kinds import ACCESS_KEY, ACCESS_KEY_PURPOSE, GROUP, ROLE, USER, attributes_of, key_of
from clary.services.iam.session_tokens import new_secret
from clary.store.records import Record, Records
from clary.store.sealing import Sealer

MAX_SESSION_S = 3600


def create_user(records: Records, name: str, *, path: str = "/", **spec: Any) -> Record:
    """Store a new user, or raise NameTaken."""
    told = {"UserName": name, "Path": path, **_EMPTY, "Groups": [], **spec}
    return _create(records, USER, name, told, "AIDA")


def create_group(records: Records, name: str, *, path: str = "/") -> Record:
    """Store a new group, or raise NameTaken."""
    return _create(records, GROUP, name, {"GroupName": name, "Path": path, **_EMPTY}, "AGPA")


def create_role(records: Records, name: str, trust: str, *, path: str = "/", **spec: Any) -> Record:
    """Store a new role that `trust` says who may assume, or raise NameTaken."""
    told = {
        "RoleName": name,
        "Path": path,
        **_EMPTY,
        "Trust": trust,
        "Description": "",
        "MaxSessionDuration": MAX_SESSION_S,
        **spec,
    }
    return _create(records, ROLE, name, told, "AROA")


def create_access_key(records: Records, sealer: Sealer, user: Record | None) -> tuple[Record, str]:
    """Store a new access key of a user, or of the account's root, and return it with its secret."""
    secret = new_secret()
    sealed = base64.b64encode(sealer.seal(secret.encode(), ACCESS_KEY_PURPOSE)).decode()
    record = records.create(
        ACCESS_KEY,
        aws_id("AKIA", 20),
        {"UserName": user.spec["UserName"] if user else "", "Secret": sealed},
        state="Active",
        parent=user.uid if user else "",
    )
    return record, secret


def move_access_key(records: Records, key: Record, user: Record) -> None:
    """Give an access key to the record that a renamed user has from now on."""
    records.remove(key)
    spec = {**key.spec, "UserName": user.spec["UserName"]}
    records.create(ACCESS_KEY, key.name, spec, status={"Created": key.created}, state=key.state, parent=user.uid)


_EMPTY: Mapping[str, Any] = {"Inline": {}, "Attached": [], "Boundary": "", "Tags": {}}


def _create(records: Records, kind: Any, name: str, spec: Mapping[str, Any], prefix: str) -> Record:
    return records.create(kind, key_of(name), spec, status={"Id": aws_id(prefix)}, attributes=attributes_of(spec))
