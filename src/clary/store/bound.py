"""What one call may touch: stores that are bound to its account and region."""

from __future__ import annotations

from dataclasses import dataclass

from clary.store.blobs import Blobs
from clary.store.logs import Logs
from clary.store.objects import Objects
from clary.store.records import Records
from clary.store.sealing import Sealer
from clary.store.series import Series
from clary.store.tokens import Tokens
from clary.store.uploads import Uploads


@dataclass(frozen=True, slots=True)
class BoundStore:
    """The stores of one account in one region."""

    account: str
    region: str
    records: Records
    logs: Logs
    series: Series
    tokens: Tokens
    objects: Objects
    uploads: Uploads
    blobs: Blobs
    sealer: Sealer
