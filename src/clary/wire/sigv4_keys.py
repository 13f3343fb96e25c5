"""The keys that Signature Version 4 signs with."""

from __future__ import annotations

import hmac
from hashlib import sha256


class SigningKey(bytes):
    """The key of an HMAC with SHA-256 (RFC 2104), its first steps done; half as dear as starting anew each time."""

    def __init__(self, _: bytes) -> None:
        block = self.ljust(64, b"\0")
        self._inner = sha256(bytes(byte ^ 0x36 for byte in block))
        self._outer = sha256(bytes(byte ^ 0x5C for byte in block))

    def sign(self, text: bytes) -> str:
        """Return the HMAC of a text, in hex."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(text)
        outer.update(inner.digest())
        return outer.hexdigest()


def signing_key(secret: str, date: str, region: str, service: str) -> SigningKey:
    """Return the key that signatures of a day, region and service are made with; worth keeping."""
    key = f"AWS4{secret}".encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return SigningKey(key)
