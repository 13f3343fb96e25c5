"""What is remembered of callers between their requests, until the store tells of a change."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from clary.access.principal import Principal
from clary.wire.sigv4_keys import SigningKey

Asked = tuple[tuple[str, str], ...]
"""What a policy may speak of: names and values."""
Key = tuple[str, str]
"""An access key and the session token that came with it, "" for none."""


class Credential(Protocol):
    """Whose key it is, and what it signs with."""

    @property
    def secret(self) -> str:
        """Return the secret access key."""

    @property
    def principal(self) -> Principal:
        """Return the caller."""

    @property
    def expires(self) -> float | None:
        """Return when it ends, None if never."""


@dataclass(slots=True)
class Known:
    """What is remembered of one key."""

    credential: Credential
    lasting: bool  # decisions depend on nothing but principal and parameters
    tagged: bool = False  # decisions depend on the tags of endpoints
    signing_keys: dict[tuple[str, str], SigningKey] = field(default_factory=dict)
    decisions: dict[tuple[str, Asked], str] = field(default_factory=dict)

    def expired(self, now: float) -> bool:
        """Say whether the credential has ended."""
        return self.credential.expires is not None and self.credential.expires <= now


class Admitted(NamedTuple):
    """The call may go on, in this account and region."""

    account: str
    region: str


class Leave(NamedTuple):
    """What was decided of a request, and what of: it holds for those like it as long as the key is known so."""

    key: Key
    known: Known
    signing_key: SigningKey
    admitted: Admitted
