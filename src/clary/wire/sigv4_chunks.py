"""Signatures of a body that is sent in signed chunks: each is bound to the one before it.

Amazon S3 API reference, «Signature calculations for chunked uploads» and
«… including trailing headers».
"""

from __future__ import annotations

import hmac
from hashlib import sha256

from clary.wire import sigv4_faults as faults
from clary.wire.sigv4 import EMPTY_SHA256, Signature


class ChunkSignatures:
    """Verifies the chunks of one body, in order; raises SignatureDoesNotMatch at the first that is wrong."""

    def __init__(self, signature: Signature, key: bytes) -> None:
        self._signature = signature
        self._key = key
        self._previous = signature.signature

    def verify_chunk(self, signature_hex: str, data: bytes) -> None:
        """Check the next chunk; the last one is empty."""
        self.verify_digest(signature_hex, sha256(data).hexdigest())

    def verify_digest(self, signature_hex: str, digest: str) -> None:
        """Check the next chunk by the SHA-256 of its bytes, in hex: for who hashes them as they pass."""
        self._verify("PAYLOAD", signature_hex, f"{EMPTY_SHA256}\n{digest}")

    def verify_trailer(self, signature_hex: str, trailer: bytes) -> None:
        """Check the trailing headers, `name:value` a line; comes after the last chunk."""
        lines = trailer.replace(b"\r\n", b"\n")
        self._verify("TRAILER", signature_hex, sha256(lines).hexdigest())

    def _verify(self, what: str, signature_hex: str, digests: str) -> None:
        signature = self._signature
        text = f"AWS4-HMAC-SHA256-{what}\n{signature.timestamp}\n{signature.scope}\n{self._previous}\n{digests}"
        computed = hmac.digest(self._key, text.encode(), "sha256").hex()
        if not hmac.compare_digest(computed.encode(), signature_hex.encode()):
            raise faults.mismatch(
                signature.dialect,
                AWSAccessKeyId=signature.access_key,
                StringToSign=text,
                SignatureProvided=signature_hex,
            )
        self._previous = computed
