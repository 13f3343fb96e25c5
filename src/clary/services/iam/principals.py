"""Who an access key belongs to, and what its policies say.

What was found is kept until the feed of changes says that an identity of its
account changed, in whatever process: an answer is never older than the question.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from threading import Lock

from clary.access.policy import Policy
from clary.access.principal import Principal
from clary.core.clock import Clock
from clary.core.errors import AccessDenied
from clary.core.ids import Arn, arn
from clary.services.iam.kinds import (
    ACCESS_KEY,
    ACCESS_KEY_PURPOSE,
    ACCOUNT,
    ACTIVE,
    GROUP,
    ROLE,
    USER,
    key_of,
    record_arn,
)  # fmt: skip
from clary.services.iam.library import Library
from clary.services.iam.session_tokens import TEMPORARY_KEY, Ticket, new_keys, seal, unseal
from clary.store.changes import Behind
from clary.store.records import Record, Records
from clary.store.store import Store

KEPT_MAX = 20_000


@dataclass(frozen=True, slots=True)
class Credential:
    """A secret, and who signs with it; who uses it checks `expires`."""

    secret: str
    principal: Principal
    expires: float | None


@dataclass(frozen=True, slots=True)
class Session:
    """New temporary credentials."""

    access_key: str
    secret: str
    token: str
    expires: float
    principal: Principal


class Principals:
    """Finds principals by access key, and makes sessions of roles."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self.library = Library()
        self._store = store
        self._clock = clock
        self._lock = Lock()
        self._kept: dict[tuple[str, str], Credential] = {}
        self._seen = store.feed.newest()

    def find(self, access_key: str, session_token: str) -> Credential | None:
        """Return whose key it is; None if nobody's, switched off, or of an identity that is gone."""
        seen = self._catch_up()
        key = (access_key, session_token)
        credential = self._kept.get(key)
        if credential is None:
            credential = self._load(access_key, session_token)
            if credential is not None:
                self._keep(key, credential, seen)
        return credential

    def role_session(
        self,
        role_arn: str,
        session_name: str,
        duration_s: float,
        *,
        session_policies: Sequence[str] = (),
        policy_arns: Sequence[str] = (),
        tags: Mapping[str, str] | None = None,
        transitive: Sequence[str] = (),
        chained: bool = False,
    ) -> Session:
        """Return a new session of a role; asks nobody for leave. Raises AccessDenied if there is no such role."""
        role = self.find_role(role_arn)
        if role is None:
            raise AccessDenied(f"The role {role_arn} does not exist or its account is closed.")
        access_key, secret = new_keys()
        ticket = Ticket(
            access_key, secret, role.account, self._clock() + duration_s, role.uid, role.name, session_name,
            tuple(session_policies), tuple(policy_arns), dict(tags or {}), tuple(transitive), chained=chained,
        )  # fmt: skip
        return self._session(ticket)

    def user_session(self, principal: Principal, duration_s: float) -> Session:
        """Return temporary credentials of a user or of the account's root."""
        access_key, secret = new_keys()
        name = key_of(principal.arn.rpartition("/")[2]) if principal.sort == "User" else ""
        user = self._records(principal.account).find(USER, name) if name else None
        owner = user.uid if user is not None else ""
        return self._session(
            Ticket(access_key, secret, principal.account, self._clock() + duration_s, owner, owner_name=name)
        )

    def ticket(self, session_token: str) -> Ticket | None:
        """Return what a session token says, None if Clary did not make it."""
        return unseal(self._store.sealer, session_token)

    def find_role(self, role_arn: str) -> Record | None:
        """Return the record of a role in whatever account, None if there is none."""
        parts = Arn.parse(role_arn)
        if parts is None or parts.service != "iam" or not parts.resource.startswith("role/"):
            return None
        records = self._records(parts.account)
        role = records.find(ROLE, key_of(parts.resource.rpartition("/")[2]))
        if role is None or record_arn(role) != role_arn or not self._open(records):
            return None
        return role

    def principal_of(self, record: Record) -> Principal:
        """Return the principal that a user is, or a member of a group, or a session of a role: for simulations."""
        if record.kind == str(USER):
            return self._user(record)
        if record.kind == str(GROUP):
            policies = self._policies(self._records(record.account), record)
            return Principal(record.account, record_arn(record), "User", record.status["Id"], identity=tuple(policies))
        return replace(self._role(record, session_name="simulation"), arn=record_arn(record))

    def _session(self, ticket: Ticket) -> Session:
        principal = self._ticket_principal(ticket)
        if principal is None:
            raise AccessDenied("The identity of the session does not exist any more.")
        token = seal(self._store.sealer, ticket)
        return Session(ticket.access_key, ticket.secret, token, ticket.expires, principal)

    def _catch_up(self) -> int:
        """Forget what changed since the last look; return the number of the newest change that was seen."""
        newest = self._store.feed.newest()
        if newest == self._seen:
            return newest
        with self._lock:
            try:
                while changes := self._store.feed.since(self._seen):
                    told = [each for each in changes if each.kind.startswith(("iam/", "organizations/"))]
                    # The record of an account lies with its organization, and bears the account's number as its name.
                    self._forget(name for each in told for name in (each.account, each.name))
                    self._seen = changes[-1].seq
            except Behind:
                self._kept.clear()
                self._seen = newest
            return self._seen

    def _forget(self, accounts: Iterable[str]) -> None:
        gone = set(accounts)
        if gone:
            self._kept = {key: each for key, each in self._kept.items() if each.principal.account not in gone}

    def _keep(self, key: tuple[str, str], credential: Credential, seen: int) -> None:
        with self._lock:
            if seen != self._seen:
                return  # Something changed while it was read: the next call reads again.
            if len(self._kept) >= KEPT_MAX:
                self._kept.clear()
            self._kept[key] = credential

    def _records(self, account: str) -> Records:
        return self._store.records(account, "")

    def _open(self, records: Records) -> bool:
        account = records.find(ACCOUNT, records.account)
        return account is not None and account.state == ACTIVE and not account.deleting

    def _load(self, access_key: str, session_token: str) -> Credential | None:
        if access_key.startswith(TEMPORARY_KEY):
            return self._load_temporary(access_key, session_token)
        key = self._records("").find(ACCESS_KEY, access_key)
        if key is None or key.state != "Active" or session_token:
            return None
        records = self._records(key.account)
        if not self._open(records):
            return None
        principal = _root(key.account)
        if key.parent:
            user = records.find_uid(key.parent)
            if user is None:
                return None
            principal = self._user(user)
        sealed = base64.b64decode(key.spec["Secret"])
        secret = self._store.sealer.open(sealed, ACCESS_KEY_PURPOSE).decode()
        return Credential(secret, replace(principal, access_key=access_key), None)

    def _load_temporary(self, access_key: str, session_token: str) -> Credential | None:
        ticket = unseal(self._store.sealer, session_token)
        if ticket is None or ticket.access_key != access_key or not self._open(self._records(ticket.account)):
            return None
        principal = self._ticket_principal(ticket)
        return None if principal is None else Credential(ticket.secret, principal, ticket.expires)

    def _ticket_principal(self, ticket: Ticket) -> Principal | None:
        """Return the principal of a session, None if its role or user is gone or another one by now."""
        if not ticket.owner:
            return replace(_root(ticket.account), access_key=ticket.access_key)
        owner = self._records(ticket.account).find_uid(ticket.owner)
        if owner is None:
            return None
        if not ticket.session_name:
            return replace(self._user(owner), access_key=ticket.access_key)
        principal = self._role(owner, ticket.session_name)
        return replace(
            principal,
            access_key=ticket.access_key,
            session=self._session_policies(ticket),
            tags={**principal.tags, **ticket.tags},
        )

    def _session_policies(self, ticket: Ticket) -> tuple[Policy, ...] | None:
        if not ticket.policies and not ticket.policy_arns:
            return None
        own = [self.library.parsed(document, source="session policy") for document in ticket.policies]
        return (*own, *self.library.attached(self._records(ticket.account), ticket.policy_arns))

    def _user(self, user: Record) -> Principal:
        records = self._records(user.account)
        groups = [group for name in user.spec["Groups"] if (group := records.find(GROUP, key_of(name))) is not None]
        policies = [policy for each in (user, *groups) for policy in self._policies(records, each)]
        return Principal(
            account=user.account,
            arn=record_arn(user),
            sort="User",
            user_id=user.status["Id"],
            identity=tuple(policies),
            boundary=self._boundary(records, user),
            tags=dict(user.spec["Tags"]),
        )

    def _role(self, role: Record, session_name: str) -> Principal:
        records = self._records(role.account)
        return Principal(
            account=role.account,
            arn=arn("sts", "", role.account, f"assumed-role/{role.spec['RoleName']}/{session_name}"),
            sort="AssumedRole",
            user_id=f"{role.status['Id']}:{session_name}",
            identity=tuple(self._policies(records, role)),
            boundary=self._boundary(records, role),
            tags=dict(role.spec["Tags"]),
            role_arn=record_arn(role),
        )

    def _policies(self, records: Records, record: Record) -> Iterable[Policy]:
        yield from self.library.inline(record.spec["Inline"])
        yield from self.library.attached(records, record.spec["Attached"])

    def _boundary(self, records: Records, record: Record) -> tuple[Policy, ...] | None:
        boundary = record.spec["Boundary"]
        return tuple(self.library.attached(records, [boundary])) if boundary else None


def _root(account: str) -> Principal:
    return Principal(account, arn("iam", "", account, "root"), "Root", account)
