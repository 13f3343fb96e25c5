"""Handlers on a real store: `aws("s3")("CreateBucket", Bucket="b")`, as a fresh account."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from clary.access.principal import Principal
from clary.core.errors import ServiceError
from clary.core.ids import account_id, uid
from clary.core.settings import load
from clary.services.operation import Call, Client, Handler, Platform, handlers
from clary.store.store import Store
from clary.wire.message import Request


@dataclass(frozen=True)
class Account:
    """Calls handlers straight, without authorisation, as the root of an account in a region."""

    store: Store
    platform: Platform
    account: str
    region: str = "us-east-1"

    def __call__(self, service: str, *, http: Request | None = None) -> Callable[..., Any]:
        table = self._handlers(service)

        def invoke(name: str, /, **params: Any) -> Any:
            return table[name](self.call(service, name, http=http), params)

        return invoke

    def call(self, service: str, name: str, *, http: Request | None = None) -> Call:
        """Return the call that a handler gets."""
        principal = Principal(self.account, f"arn:aws:iam::{self.account}:root", "Root", self.account)
        return Call(
            service=service,
            operation=name,
            account=self.account,
            region=self.region,
            principal=principal,
            now=self.store.clock(),
            request_id=uid(),
            store=self.store.bind(self.account, self.region),
            caller=self,
            http=http,
        )

    def client(self, service: str, region: str, principal: Principal) -> Client:
        """Call another service as this account does; see services.operation.Caller."""
        assert principal.account == self.account
        return replace(self, region=region)(service)

    def as_role(self, service: str, region: str, role_arn: str, session_name: str) -> Client:
        """Call another service; a role may here what its account may."""
        return replace(self, region=region)(service)

    def other(self) -> Account:
        """Return another account of the same world."""
        return replace(self, account=account_id())

    def elsewhere(self, region: str) -> Account:
        """Return the same account in another region."""
        return replace(self, region=region)

    def _handlers(self, service: str) -> dict[str, Handler]:
        package = importlib.import_module(f"clary.services.{service}")
        return handlers(package.operations(self.platform))


@pytest.fixture
def aws(store: Store, home: Path) -> Account:
    return Account(store, Platform(store, load({"home": home}, {})), account_id())


@pytest.fixture
def refused() -> Callable[..., Any]:
    """Give a context that wants a ServiceError of a code, whose message holds a text."""

    @contextmanager
    def wanted(code: str, text: str = "") -> Iterator[None]:
        with pytest.raises(ServiceError) as caught:
            yield
        assert caught.value.code == code
        assert text in caught.value.message

    return wanted
