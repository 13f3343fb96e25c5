"""Secrets at rest: AES-256-GCM under a root key that only its owner may read."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from clary.core.ids import uid

KEY_BYTES = 32
NONCE_BYTES = 12


class Unsealable(Exception):
    """The text was not sealed with this key for this purpose, or it was changed."""


@dataclass(frozen=True, slots=True)
class Sealer:
    """Seals and opens small secrets; `purpose` is bound in, so that one kind never passes for another."""

    key: bytes

    @classmethod
    def at(cls, path: Path) -> Sealer:
        """Return the sealer of a key file, made at first use; readable by its owner alone."""
        if not path.exists():
            keep_first(path, secrets.token_bytes(KEY_BYTES))
        return cls(path.read_bytes())

    def seal(self, secret: bytes, purpose: str) -> bytes:
        """Return the sealed form."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + AESGCM(self.key).encrypt(nonce, secret, purpose.encode())

    def open(self, sealed: bytes, purpose: str) -> bytes:
        """Return the secret, or raise Unsealable."""
        try:
            return AESGCM(self.key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], purpose.encode())
        except (InvalidTag, ValueError):
            raise Unsealable(purpose) from None


def keep_first(path: Path, content: bytes) -> None:
    """Write a file for its owner beside and link it into place: of two that do at once, one wins."""
    draft = path.with_name(f".{path.name}.{uid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
