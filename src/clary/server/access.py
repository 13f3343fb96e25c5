"""Authentication: every request is signed by a key that somebody has, or it goes no further."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from urllib.parse import unquote

from clary.access.context import request_context
from clary.access.match import Context, Later
from clary.access.principal import ANONYMOUS, Principal
from clary.core.clock import Clock
from clary.core.errors import ServiceError
from clary.server.registry import UNSIGNED
from clary.services.iam.principals import Credential, Principals
from clary.services.s3 import bodies
from clary.services.s3.addressing import to_path_style
from clary.services.s3.buckets import HOME_REGION
from clary.wire import sigv2, sigv4, sigv4_faults
from clary.wire.message import Body, BodyStream, Request
from clary.wire.sigv4_keys import signing_key

KEYS_MAX = 4096
"""Derived signing keys that are kept."""
PIECE_BYTES = 256 * 1024
CREDENTIAL = re.compile(r"Credential=[^/,&\s]+/[0-9]+/[^/]+/([^/,&\s]+)/aws4_request")
READS = ("GET", "HEAD")
LOOPBACK = "127.0.0.1"
"""Where every call comes from: Clary listens on loopback addresses and Unix sockets alone."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who made a request, and what is left to check of it: the body."""

    principal: Principal
    region: str
    request: Request
    signature: sigv4.Signature | None  # None where the body is not covered by it
    key: bytes = b""

    def stream(self) -> Body:
        """Return the body as a stream that is checked as it is read."""
        return self.request.body if self.signature is None else bodies.wrap(self.request, self.signature, self.key)

    def whole_body(self, bytes_max: int) -> bytes:
        """Return the whole body, or raise a ServiceError if it is too large or not what was signed."""
        body = self.request.body
        if isinstance(body, bytes):
            return body  # The signature covers it already.
        data = whole(body, bytes_max)
        if self.signature is not None:
            sigv4.check_digest(self.signature, sha256(data).hexdigest())
        return data


def whole(body: BodyStream, bytes_max: int) -> bytes:
    """Return all of a body, or raise a ServiceError if it is too large; one that says so is not read at all."""
    too_large = ServiceError("The request body is too large.", code="RequestEntityTooLargeException", status=413)
    if body.length is not None and body.length > bytes_max:
        raise too_large
    data = bytearray()
    while piece := body.read(PIECE_BYTES):
        data += piece
        if len(data) > bytes_max:
            raise too_large
    return bytes(data)


class Authenticator:
    """Finds out who makes a request."""

    def __init__(self, principals: Principals, clock: Clock) -> None:
        self._principals = principals
        self._clock = clock
        self._signing_key = lru_cache(KEYS_MAX)(signing_key)

    def signing_name(self, request: Request) -> str:
        """Return the service that the request claims to be signed for; '' if it claims nothing."""
        claimed = CREDENTIAL.search(request.headers.get("authorization")) or CREDENTIAL.search(
            unquote(request.query).replace("X-Amz-Credential", "Credential")
        )
        return claimed[1] if claimed else ""

    def authenticate(self, request: Request, signing_name: str) -> Identity:
        """Return who signed the request, or raise the ServiceError that AWS would; S3 may be read by anybody."""
        link = sigv2.parse(request) if signing_name == UNSIGNED else None
        if link is not None:
            return self._follow(link, request)
        signature = sigv4.parse(request)
        if signature is None and signing_name == UNSIGNED and request.method in READS:
            return Identity(ANONYMOUS, HOME_REGION, request, signature=None)  # a bucket's policy may let it go on
        if signature is None:
            raise sigv4_faults.missing_signature(sigv4_faults.dialect_of(request, signing_name or UNSIGNED))
        now = self._clock()
        credential = self._credential(signature.access_key, signature.session_token, signature.dialect, now)
        key = self._signing_key(credential.secret, signature.date, signature.region, signature.service)
        sigv4.check(signature, request, key, now)
        return Identity(credential.principal, signature.region, request, signature, key)

    def _follow(self, link: sigv2.Link, request: Request) -> Identity:
        """Return who made a link of the older signature, which knows no region and covers no body."""
        now = self._clock()
        credential = self._credential(link.access_key, link.session_token, "s3", now)
        received = sigv2.meant(request)
        sigv2.check(link, to_path_style(received), credential.secret, now)
        return Identity(credential.principal, HOME_REGION, received, signature=None)

    def _credential(self, access_key: str, token: str, dialect: sigv4_faults.Dialect, now: float) -> Credential:
        credential = self._principals.find(access_key, token)
        if credential is None:
            raise (sigv4_faults.wrong_token if token else sigv4_faults.unknown_access_key)(dialect, access_key)
        if credential.expires is not None and credential.expires <= now:
            raise sigv4_faults.expired_token(dialect)
        return credential

    def context(self, request: Request) -> Context:
        """Return the condition keys that the way of a request gives."""
        now, agent = self._clock(), request.headers.get("user-agent")
        return Later(lambda: request_context(now=now, secure=request.secure, source_ip=LOOPBACK, user_agent=agent))
