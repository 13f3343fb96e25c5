"""Durable records: what the user asked for (spec) beside what is true (status).

A `Records` is bound to one account and region, so that no handler can reach
another's. Every change is a compare-and-swap on `version`, and lands in one
transaction with its attributes, its change row and, on a transition, its outbox row.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from clary.core.clock import Clock
from clary.core.errors import StaleRecord
from clary.core.ids import uid as new_uid
from clary.store.changes import Bell, note_change
from clary.store.database import Database
from clary.store.outbox import note_transition
from clary.store.query import Owner, Page, Query, select_page
from clary.store.schema import ATTRIBUTE, RECORD
from clary.store.statements import Statement, named

ATTRIBUTES_MAX = 250
Attributes = Mapping[str, str]
Fence = Callable[[Connection], None]
"""Raises LeaseLost inside the transaction if its owner no longer leads."""

AS_READ = (RECORD.c.uid == bindparam("read_uid")) & (RECORD.c.version == bindparam("read_version"))
FIND = Statement(select(RECORD).where(RECORD.c.slot == bindparam("slot")))
FIND_UID = Statement(select(RECORD).where(RECORD.c.uid == bindparam("uid"), RECORD.c.account == bindparam("account")))
CREATE = Statement(insert(RECORD))
UPDATE = Statement(update(RECORD).where(AS_READ).values(named(RECORD, "slot")))
REMOVE = Statement(delete(RECORD).where(AS_READ))
CHILDREN = Statement(
    select(RECORD)
    .where(RECORD.c.parent == bindparam("parent"), RECORD.c.account == bindparam("account"))
    .order_by(RECORD.c.created, RECORD.c.name)
)
ATTRIBUTES = Statement(
    select(ATTRIBUTE.c.name, ATTRIBUTE.c.value).where(ATTRIBUTE.c.uid == bindparam("uid")).order_by(ATTRIBUTE.c.name)
)


class Unique(Enum):
    """Where a name may stand once only."""

    REGION = "region"
    ACCOUNT = "account"
    WORLD = "world"


@dataclass(frozen=True, slots=True)
class Kind:
    """A noun of a service, such as `Kind("sagemaker", "endpoint")`."""

    service: str
    noun: str
    unique: Unique = Unique.REGION

    def __str__(self) -> str:
        return f"{self.service}/{self.noun}"

    def slot(self, account: str, region: str, name: str) -> str:
        """Return the text that may exist once in the whole store."""
        match self.unique:
            case Unique.REGION:
                return f"{self}|{account}|{region}|{name}"
            case Unique.ACCOUNT:
                return f"{self}|{account}||{name}"
            case Unique.WORLD:
                return f"{self}|||{name}"


@dataclass(frozen=True, slots=True)
class Record:
    """One stored noun, as it stood when it was read."""

    account: str
    region: str
    kind: str
    name: str
    uid: str
    parent: str
    spec: Mapping[str, Any]
    status: Mapping[str, Any]
    state: str
    deleting: bool
    generation: int
    version: int
    created: float
    modified: float


class NameTaken(Exception):
    """A record of that kind and name is there already."""

    def __init__(self, record: Record) -> None:
        super().__init__(record.name)
        self.record = record


@dataclass(frozen=True, slots=True)
class Change:
    """What `update` writes; what is None stays as it is."""

    spec: Mapping[str, Any] | None = None
    status: Mapping[str, Any] | None = None
    state: str | None = None
    deleting: bool | None = None
    attributes: Attributes | None = None


@dataclass(frozen=True, slots=True)
class Records:
    """The records of one account in one region.

    Raises StaleRecord when a record moved on since it was read, and LeaseLost
    when a fence was given and its owner no longer leads.
    """

    database: Database
    clock: Clock
    bell: Bell
    account: str
    region: str
    fence: Fence | None = None
    _connection: Connection | None = field(default=None, repr=False)

    def create(
        self,
        kind: Kind,
        name: str,
        spec: Mapping[str, Any],
        *,
        status: Mapping[str, Any] | None = None,
        state: str = "",
        parent: str = "",
        attributes: Attributes | None = None,
    ) -> Record:
        """Add a record, or raise NameTaken with the one that is there."""
        now = self.clock()
        region = "" if kind.unique is Unique.ACCOUNT else self.region
        record = Record(
            account=self.account, region=region, kind=str(kind), name=name, uid=new_uid(), parent=parent,
            spec=dict(spec), status=dict(status or {}), state=state, deleting=False,
            generation=1, version=1, created=now, modified=now,
        )  # fmt: skip
        slot = kind.slot(self.account, region, name)
        with self._write() as connection:
            taken = FIND.first(connection, slot=slot)
            if taken is not None:
                raise NameTaken(record_of(taken))
            CREATE.run(connection, slot=slot, **_row(record))
            _write_attributes(connection, record.uid, attributes or {})
            self._note(connection, record, "create", before="")
        return record

    def find(self, kind: Kind, name: str) -> Record | None:
        """Return the record, or None; a world-wide name is found whoever owns it."""
        region = "" if kind.unique is Unique.ACCOUNT else self.region
        return self._one(FIND, slot=kind.slot(self.account, region, name))

    def find_uid(self, uid: str) -> Record | None:
        """Return the record of this account that has this uid, or None."""
        return self._one(FIND_UID, uid=uid, account=self.account)

    def children(self, parent: str) -> list[Record]:
        """Return the records whose parent has this uid, oldest first."""
        return [record_of(row) for row in self._ask(CHILDREN, parent=parent, account=self.account)]

    def page(self, kind: Kind, query: Query) -> Page[Record]:
        """Return one page of the records of a kind, and the token of the next.

        Names that are unique in more than a region are listed over all regions.
        """
        region = self.region if kind.unique is Unique.REGION else None
        with self._read() as connection:
            page = select_page(connection, Owner(self.account, region, str(kind)), query)
        return Page([record_of(row) for row in page.items], page.next_token)

    def attributes(self, uid: str) -> dict[str, str]:
        """Return the attributes of a record."""
        return {row.name: row.value for row in self._ask(ATTRIBUTES, uid=uid)}

    def update(self, record: Record, change: Change) -> Record:
        """Write a change and return the record as it then stands, or raise StaleRecord."""
        written = _changed(record, change, self.clock())
        with self._write() as connection:
            if UPDATE.run(connection, read_uid=record.uid, read_version=record.version, **_row(written)) != 1:
                raise StaleRecord(f"{record.kind} {record.name}")
            if change.attributes is not None:
                connection.execute(delete(ATTRIBUTE).where(ATTRIBUTE.c.uid == record.uid))
                _write_attributes(connection, record.uid, change.attributes)
            self._note(connection, written, "update", before=record.state)
        return written

    def remove(self, record: Record) -> None:
        """Forget the record, or raise StaleRecord."""
        with self._write() as connection:
            if REMOVE.run(connection, read_uid=record.uid, read_version=record.version) != 1:
                raise StaleRecord(f"{record.kind} {record.name}")
            self._note(connection, replace(record, state=""), "remove", before=record.state)

    @contextmanager
    def together(self) -> Iterator[Records]:
        """Give Records whose reads and writes are one transaction."""
        with self._write() as connection:
            yield replace(self, _connection=connection)

    def _one(self, statement: Statement, **values: Any) -> Record | None:
        rows = self._ask(statement, **values)
        return record_of(rows[0]) if rows else None

    def _ask(self, statement: Statement, **values: Any) -> list[Any]:
        if self._connection is not None:
            return statement.rows(self._connection, **values)
        return self.database.ask(statement, **values)

    def _note(self, connection: Connection, record: Record, verb: str, *, before: str) -> None:
        note_change(connection, record, verb)
        if before != record.state:
            note_transition(connection, record, before=before, at=self.clock())

    @contextmanager
    def _read(self) -> Iterator[Connection]:
        if self._connection is not None:
            yield self._connection
            return
        with self.database.read() as connection:
            yield connection

    @contextmanager
    def _write(self) -> Iterator[Connection]:
        if self._connection is not None:
            yield self._connection
            return
        with self.database.write() as connection:
            if self.fence is not None:
                self.fence(connection)
            yield connection
        self.bell.ring()


def _changed(record: Record, change: Change, now: float) -> Record:
    return replace(
        record,
        spec=record.spec if change.spec is None else dict(change.spec),
        status=record.status if change.status is None else dict(change.status),
        state=record.state if change.state is None else change.state,
        deleting=record.deleting if change.deleting is None else change.deleting,
        generation=record.generation + (change.spec is not None or bool(change.deleting)),
        version=record.version + 1,
        modified=now,
    )


def _write_attributes(connection: Connection, uid: str, attributes: Attributes) -> None:
    assert len(attributes) <= ATTRIBUTES_MAX, "a noun stores a bounded number of attributes"
    if attributes:
        rows = [{"uid": uid, "name": name, "value": value} for name, value in attributes.items()]
        connection.execute(insert(ATTRIBUTE), rows)


def _row(record: Record) -> dict[str, Any]:
    return {
        "account": record.account,
        "region": record.region,
        "kind": record.kind,
        "name": record.name,
        "uid": record.uid,
        "parent": record.parent,
        "spec": json.dumps(record.spec),
        "status": json.dumps(record.status),
        "state": record.state,
        "deleting": int(record.deleting),
        "generation": record.generation,
        "version": record.version,
        "created": record.created,
        "modified": record.modified,
    }


def record_of(row: Any) -> Record:
    """Return the record that a row of the table holds."""
    return Record(
        account=row.account,
        region=row.region,
        kind=row.kind,
        name=row.name,
        uid=row.uid,
        parent=row.parent,
        spec=json.loads(row.spec),
        status=json.loads(row.status),
        state=row.state,
        deleting=bool(row.deleting),
        generation=row.generation,
        version=row.version,
        created=row.created,
        modified=row.modified,
    )
