"""Idempotency tokens: the same request sent twice gets the first one's answer."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, insert, select

from clary.core.clock import Clock
from clary.store.database import Database
from clary.store.schema import TOKEN

KEEP_S = 24 * 3600.0


class TokenReused(Exception):
    """The token came before, with other parameters."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """Answers to requests that carried an idempotency token, kept for a day."""

    database: Database
    clock: Clock
    account: str
    region: str

    def answer(self, operation: str, token: str, params: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the answer given before, None if this is the first time; raise TokenReused."""
        query = select(TOKEN.c.fingerprint, TOKEN.c.answer, TOKEN.c.expires).where(*self._where(operation, token))
        with self.database.read() as connection:
            row = connection.execute(query).first()
        if row is None or row.expires < self.clock():
            return None
        if row.fingerprint != _fingerprint(params):
            raise TokenReused(token)
        return json.loads(row.answer)

    def keep(self, operation: str, token: str, params: Mapping[str, Any], answer: Mapping[str, Any]) -> None:
        """Remember the answer; forget those that are out of date."""
        now = self.clock()
        with self.database.write() as connection:
            connection.execute(delete(TOKEN).where(TOKEN.c.expires < now))
            connection.execute(delete(TOKEN).where(*self._where(operation, token)))
            connection.execute(
                insert(TOKEN).values(
                    account=self.account,
                    region=self.region,
                    operation=operation,
                    token=token,
                    fingerprint=_fingerprint(params),
                    answer=json.dumps(answer),
                    expires=now + KEEP_S,
                )
            )

    def _where(self, operation: str, token: str) -> tuple[Any, ...]:
        return (
            TOKEN.c.account == self.account,
            TOKEN.c.region == self.region,
            TOKEN.c.operation == operation,
            TOKEN.c.token == token,
        )


def _fingerprint(params: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(params, sort_keys=True, default=str).encode()).hexdigest()
