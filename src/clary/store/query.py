"""List and Search: filters, sorting and keyset paging over records.

A token is opaque to clients and bound to its query: with another query it is refused.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar

from sqlalchemy import Connection, Select, and_, exists, literal, select, tuple_

from clary.core.errors import ValidationError
from clary.store.schema import ATTRIBUTE, RECORD

PAGE_MAX = 1000
T = TypeVar("T")
Sort = Literal["name", "created", "modified", "state"]


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some items, and the token that continues behind them ('' at the end)."""

    items: Sequence[T]
    next_token: str


@dataclass(frozen=True, slots=True)
class Query:
    """Which records, in which order, from where on."""

    limit: int = 100
    token: str = ""
    sort: Sort = "name"
    descending: bool = False
    name_contains: str = ""
    name_prefix: str = ""
    states: Sequence[str] = ()
    created_after: float | None = None
    created_before: float | None = None
    modified_after: float | None = None
    modified_before: float | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)

    def fingerprint(self) -> str:
        """Return what a token is bound to: all but the token and the page's size."""
        told = {name: getattr(self, name) for name in self.__slots__ if name not in ("limit", "token")}
        return hashlib.sha256(json.dumps(told, sort_keys=True, default=list).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose records, and of which kind; region None is every region."""

    account: str
    region: str | None
    kind: str


def select_page(connection: Connection, owner: Owner, query: Query) -> Page[Any]:
    """Return the rows of one page."""
    limit = max(1, min(query.limit, PAGE_MAX))
    column = RECORD.c[query.sort]
    statement = _filtered(owner, query)
    if query.token:
        statement = statement.where(_behind(column, query))
    order = (column.desc(), RECORD.c.name.desc()) if query.descending else (column, RECORD.c.name)
    rows = connection.execute(statement.order_by(*order).limit(limit + 1)).all()
    if len(rows) <= limit:
        return Page(rows, "")
    last = rows[limit - 1]
    return Page(rows[:limit], _token(query, getattr(last, query.sort), last.name))


def _filtered(owner: Owner, query: Query) -> Select[Any]:
    wheres = [RECORD.c.account == owner.account, RECORD.c.kind == owner.kind]
    if owner.region is not None:
        wheres.append(RECORD.c.region == owner.region)
    if query.name_contains:
        wheres.append(RECORD.c.name.contains(query.name_contains, autoescape=True))
    if query.name_prefix:
        wheres.append(RECORD.c.name.startswith(query.name_prefix, autoescape=True))
    if query.states:
        wheres.append(RECORD.c.state.in_(query.states))
    bounds = (
        (RECORD.c.created, query.created_after, query.created_before),
        (RECORD.c.modified, query.modified_after, query.modified_before),
    )
    for column, after, before in bounds:
        if after is not None:
            wheres.append(column > after)
        if before is not None:
            wheres.append(column < before)
    for name, value in query.attributes.items():
        match = and_(ATTRIBUTE.c.uid == RECORD.c.uid, ATTRIBUTE.c.name == name, ATTRIBUTE.c.value == value)
        wheres.append(exists().where(match))
    return select(RECORD).where(*wheres)


def _behind(column: Any, query: Query) -> Any:
    """Return the condition on rows behind the token; SQLite goes straight to the place of a pair."""
    here, there = tuple_(column, RECORD.c.name), tuple_(*map(literal, _position(query)))
    return here < there if query.descending else here > there


def _token(query: Query, value: Any, name: str) -> str:
    text = json.dumps([query.fingerprint(), value, name])
    return base64.urlsafe_b64encode(text.encode()).decode()


def _position(query: Query) -> tuple[Any, str]:
    try:
        bound_to, value, name = json.loads(base64.urlsafe_b64decode(query.token.encode()))
    except ValueError:
        raise ValidationError("Invalid pagination token.") from None
    if bound_to != query.fingerprint() or not isinstance(name, str):
        raise ValidationError("The pagination token does not match the filters of the request.")
    return value, name
