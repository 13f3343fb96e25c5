"""Tokens of pages: opaque to clients, and of no use with another query than the one they came from."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any


class BadToken(Exception):
    """The token is none of ours, or belongs to another query."""


def token_of(query: Mapping[str, Any], place: list[Any]) -> str:
    """Return the token that continues a query behind a place."""
    text = json.dumps([_fingerprint(query), *place])
    return base64.urlsafe_b64encode(text.encode()).decode()


def place_of(query: Mapping[str, Any], token: str) -> list[Any]:
    """Return the place that a token of this query stands for, or raise BadToken."""
    try:
        fingerprint, *place = json.loads(base64.urlsafe_b64decode(token.encode()))
    except (ValueError, TypeError):
        raise BadToken(token) from None
    if fingerprint != _fingerprint(query):
        raise BadToken(token)
    return place


def _fingerprint(query: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(query, sort_keys=True, default=str).encode()).hexdigest()[:16]
