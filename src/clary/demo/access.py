"""Where the demo's calls go, and with which keys."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.config import Config


@dataclass(frozen=True, slots=True)
class Access:
    """An endpoint and who calls it; without keys boto3 looks for them where it always does.

    `direct` calls go past any proxy that the environment names.
    """

    endpoint: str
    access_key: str | None = None
    secret_key: str | None = None
    region: str | None = None
    direct: bool = False


@dataclass(frozen=True, slots=True)
class Clients:
    """boto3's clients, made once each; threads may share them."""

    access: Access
    _session: Any
    _made: dict[str, Any] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def region(self) -> str:
        """The region of every client."""
        return str(self._session.region_name)

    def __call__(self, service: str) -> Any:
        """Return the client of a service."""
        with self._lock:  # making clients is not safe in threads, using them is
            if service not in self._made:
                config = Config(proxies={}) if self.access.direct else Config()
                self._made[service] = self._session.client(service, endpoint_url=self.access.endpoint, config=config)
            return self._made[service]


def connect(access: Access) -> Clients:
    """Return clients for an access."""
    session = boto3.Session(
        aws_access_key_id=access.access_key,
        aws_secret_access_key=access.secret_key,
        region_name=access.region,
    )
    return Clients(access, session)
