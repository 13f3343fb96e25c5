"""Signatures of requests that are alike but for some header fields and the body, checked at a third of the cost.

What is signed is laid out once, with gaps; of each request only the gaps are filled in, and all of it is hashed and
compared. A seal only ever says that a signature holds: why one does not is for `sigv4.check` to find out.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from hashlib import sha256

from clary.wire.message import Headers, Request
from clary.wire.sigv4 import ALGORITHM, SKEW_S, Signature, unix_time
from clary.wire.sigv4_canonical import canonical_request
from clary.wire.sigv4_keys import SigningKey

GAP = "\x01"
"""Stands around what is to be filled in; no header field has this character."""
SIGNED, PAYLOAD, STAMP = "authorization", "x-amz-content-sha256", "x-amz-date"


class Seal:
    """How the requests that are like `request` are signed; `gaps` are the fields that differ, `SIGNED` and `STAMP` too.

    The value of a gap is tidy: no space at either end, nor two in a row. Of the field `SIGNED` it is the signature.
    """

    def __init__(self, request: Request, signature: Signature, gaps: Sequence[str]) -> None:
        self._date = signature.date.encode()
        self._signature, self._stamp = gaps.index(SIGNED), gaps.index(STAMP)
        self._payload = gaps.index(PAYLOAD) if PAYLOAD in gaps else None
        marked = Headers(
            (name, f"{GAP}{name}{GAP}" if name in gaps else text) for name, text in request.headers.items()
        )
        alike = Request(request.method, request.path, request.query, marked, b"", request.secure)
        told = canonical_request(alike, signature.signed_headers, "", encode_again=signature.dialect != "s3")
        fixed = told.replace(b"%", b"%%").decode("latin-1").split(GAP)
        self._order = [gaps.index(name) for name in fixed[1::2]]
        self._canonical = "%b".join(fixed[::2]).encode("latin-1") + b"%b"
        self._to_sign = f"{ALGORITHM}\n%b\n{signature.scope.replace('%', '%%')}\n%b".encode()

    def holds(self, values: Sequence[bytes], body: bytes, key: SigningKey, now: float) -> bool:
        """Say whether `key` signed the request with these values of its gaps and this body, and signed it now."""
        stamp, payload = values[self._stamp], sha256(body).hexdigest().encode()
        if stamp[:8] != self._date or (self._payload is not None and values[self._payload] != payload):
            return False
        canonical = self._canonical % (*[values[gap] for gap in self._order], payload)
        text = self._to_sign % (stamp, sha256(canonical).hexdigest().encode())
        signed = hmac.compare_digest(key.sign(text), values[self._signature].decode())
        return signed and abs(now - unix_time(stamp.decode())) <= SKEW_S
