"""Temporary credentials: the token holds all there is to know of them, sealed.

Nothing is stored, so handing out credentials costs no write. What the session
may do is read fresh from its role or user, and ends with them.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from clary.core.ids import aws_id
from clary.store.sealing import Sealer, Unsealable

PURPOSE = "session token"
TEMPORARY_KEY = "ASIA"
SECRET_BYTES = 30
TOKEN_CHARACTERS_MAX = 32_768


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a session token says."""

    access_key: str
    secret: str
    account: str
    expires: float
    owner: str  # uid of the role or user; "" is the account's root
    owner_name: str
    session_name: str = ""  # "" for a session of a user or root
    policies: tuple[str, ...] = ()  # session policy documents
    policy_arns: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    transitive: tuple[str, ...] = ()  # keys of tags that go along when the session assumes a role
    chained: bool = False


def new_keys() -> tuple[str, str]:
    """Return the access key and secret of new temporary credentials."""
    return aws_id(TEMPORARY_KEY, 20), new_secret()


def new_secret() -> str:
    """Return a new secret key, 40 characters."""
    return base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def seal(sealer: Sealer, ticket: Ticket) -> str:
    """Return the session token."""
    text = json.dumps(asdict(ticket), separators=(",", ":"))
    return base64.b64encode(sealer.seal(text.encode(), PURPOSE)).decode()


def unseal(sealer: Sealer, token: str) -> Ticket | None:
    """Return what a token says, None if Clary did not make it."""
    if len(token) > TOKEN_CHARACTERS_MAX:
        return None
    try:
        told = json.loads(sealer.open(base64.b64decode(token, validate=True), PURPOSE))
    except (Unsealable, ValueError):
        return None
    for name in ("policies", "policy_arns", "transitive"):
        told[name] = tuple(told[name])
    return Ticket(**told)
