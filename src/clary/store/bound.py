"""What one call may touch: stores that are bound to its account and region."""

from __future__ import annotations

from dataclasses import dataclass

from clary.store.logs import Logs
from clary.store.records import Records
from clary.store.sealing import Sealer
from clary.store.tokens import Tokens


@dataclass(frozen=True, slots=True)
class BoundStore:
    """The stores of one account in one region."""

    account: str
    region: str
    records: Records
    logs: Logs
    tokens: Tokens
    sealer: Sealer
