"""What every service is made of: a Call, and classes of operations that answer it.

The author of a service needs this page alone: `@operation` names the AWS
operation a method answers, `Call` says who asks and holds what may be touched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar, Union

from clary.access.match import Context
from clary.access.principal import Principal
from clary.core.ids import arn
from clary.core.settings import Settings
from clary.store.bound import BoundStore
from clary.store.records import Record
from clary.store.store import Store
from clary.wire.message import Request

Params = Mapping[str, Any]
Result = Mapping[str, Any] | None
Answer = Union["Wait", Result]
Handler = Callable[["Call", Params], Answer]
F = TypeVar("F", bound=Callable[..., Any])


class Client(Protocol):
    """The operations of one service, called from inside as `client("PutObject", Bucket=…, …)`.

    The same authorisation, audit and errors as from outside.
    """

    def __call__(self, operation: str, /, **params: Any) -> dict[str, Any]:
        """Return the operation's result, or raise its ServiceError."""


class Caller(Protocol):
    """Calls operations of any service from inside, as some principal."""

    def client(self, service: str, region: str, principal: Principal) -> Client:
        """Return a client that acts as `principal`."""

    def as_role(self, service: str, region: str, role_arn: str, session_name: str) -> Client:
        """Return a client that acts as a new session of a role; the platform itself is trusted to take it on."""


@dataclass(frozen=True, slots=True)
class Call:
    """One authenticated and authorised API call: who asks, where, when, and what it may touch."""

    service: str
    operation: str
    account: str
    region: str
    principal: Principal
    now: float
    request_id: str
    store: BoundStore
    caller: Caller
    http: Request | None = None  # None when called from inside
    context: Context = field(default_factory=dict)  # the condition keys that the way of the request gives
    bucket: Record | None = None  # an S3 bucket as it stood when the call was allowed

    def arn(self, resource: str, *, service: str | None = None) -> str:
        """Return the ARN of a resource in this account and region."""
        return arn(service or self.service, self.region, self.account, resource)

    def aws(self, service: str) -> Client:
        """Return a client of another service that acts as this call's principal."""
        return self.caller.client(service, self.region, self.principal)


@dataclass(frozen=True, slots=True)
class Wait:
    """What a handler returns that has no answer yet: it is asked again, and holds no thread meanwhile.

    `ask` is called when `word` is said (store.words), and at a time at the latest;
    `otherwise` is the answer where nobody can wait, as in calls from inside.
    """

    word: str
    at: float
    ask: Callable[[], Answer]
    otherwise: Result


@dataclass(frozen=True, slots=True)
class Platform:
    """What a service may be built on: the whole store (few need it), and the settings."""

    store: Store
    settings: Settings


def operation(name: str) -> Callable[[F], F]:
    """Mark a method as the handler of the AWS operation `name`."""

    def mark(handler: F) -> F:
        handler.__dict__["operation"] = name
        return handler

    return mark


class Operations:
    """The handlers of one noun."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform


def handlers(groups: Iterable[Operations]) -> dict[str, Handler]:
    """Return the handler of each operation; two for one name is a bug."""
    table: dict[str, Handler] = {}
    for group in groups:
        for method in vars(type(group)).values():
            name = getattr(method, "operation", None)
            if name is not None:
                assert name not in table, f"two handlers for {name}"
                table[name] = method.__get__(group)
    return table
