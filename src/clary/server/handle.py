"""The life of an API request, top to bottom."""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from sqlalchemy.exc import DatabaseError

from clary.core.errors import ServiceError, UnknownOperation
from clary.server.access import LOOPBACK, Authenticator, Identity, whole
from clary.server.guests import SERVICE, Guest, certificate_for, guest_of
from clary.server.internal import InternalCaller
from clary.server.perform import Asked, Performer
from clary.server.registry import Match
from clary.server.waits import Pending
from clary.services.operation import Answer, Wait
from clary.services.s3.addressing import to_path_style
from clary.store.database import unavailable
from clary.wire.compression import inflated
from clary.wire.message import Body, Request, Response
from clary.wire.validation import validate

log = logging.getLogger(__name__)

FORM = "x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Front:
    """Answers the requests of clients."""

    performer: Performer
    authenticator: Authenticator
    caller: InternalCaller
    body_bytes_max: int
    metrics: Callable[[Request], Response | None]

    def handle(self, request: Request) -> Response | Pending:
        """Answer one request: who asks, what it means, what is asked, is it allowed, do it, write it down."""
        certificate = certificate_for(request, self.performer.store.notary)
        if certificate is not None:
            return certificate
        scraped = self.metrics(request)
        if scraped is not None:
            return scraped
        request_id = str(uuid.uuid4())
        signing_name = self.authenticator.signing_name(request)
        guest = None if signing_name else guest_of(request)
        match = self.performer.registry.match(
            to_path_style(self._told_plainly(request)), SERVICE if guest else signing_name
        )
        if match is None:
            return _nobody(signing_name, request_id)
        return self._told(match, request_id, partial(self._answer, request, match, request_id, guest))

    def _told_plainly(self, request: Request) -> Request:
        """Return a request whose form, which names the operation, can be read."""
        encoding = request.headers.get("content-encoding")
        if not encoding or FORM not in request.headers.get("content-type") or not isinstance(request.body, bytes):
            return request
        with suppress(ServiceError):  # which is raised again once it is known in whose words
            return replace(request, body=inflated(request.body, encoding, self.body_bytes_max))
        return request

    def _told(self, match: Match, request_id: str, act: Callable[[], Response | Pending]) -> Response | Pending:
        """Return what `act` returns, or the error that it raises."""
        try:
            return act()
        except ServiceError as error:
            return match.protocol.write_error(match.model, match.operation, error, request_id)
        except DatabaseError as error:
            log.exception("request %s failed", request_id)
            return match.protocol.write_error(match.model, match.operation, unavailable(error), request_id)
        except Exception:
            log.exception("request %s failed", request_id)
            ours = ServiceError("We encountered an internal error. Please try again.", code="InternalFailure")
            return match.protocol.write_error(match.model, match.operation, ours, request_id)

    def _answer(self, request: Request, match: Match, request_id: str, guest: Guest | None) -> Response | Pending:
        request = self._with_what_was_signed(request, match)
        identity = guest or self.authenticator.authenticate(request, match.service.name)
        if match.operation is None:
            raise match.error or UnknownOperation("The operation is unknown.")
        received, body = to_path_style(identity.request), self._body(request, match, identity)
        if body is not received.body:
            received = replace(received, body=body)
        params = match.protocol.read(match.operation, received)
        if match.service.name != "s3":  # S3 has rules of its own, and words of its own for them.
            validate(match.operation, params)
        asked = Asked(
            service=match.service,
            operation=match.operation,
            params=params,
            principal=identity.principal,
            region=identity.region,
            request_id=request_id,
            http=received,
            source=LOOPBACK,
            context=self.authenticator.context(request),
        )
        return self._written(match, request_id, self.performer.perform(asked, self.caller))

    def _written(self, match: Match, request_id: str, answer: Answer) -> Response | Pending:
        assert match.operation is not None
        if not isinstance(answer, Wait):
            return match.protocol.write(match.operation, answer or {}, request_id)
        again = answer.ask
        return Pending(
            word=answer.word,
            at=answer.at,
            ask=lambda: self._told(match, request_id, lambda: self._written(match, request_id, again())),
            otherwise=match.protocol.write(match.operation, answer.otherwise or {}, request_id),
        )

    def _with_what_was_signed(self, request: Request, match: Match) -> Request:
        """Read a large body at once where nothing but the body itself shows what was signed."""
        streams = match.operation is None or match.operation.has_streaming_input
        if streams or isinstance(request.body, bytes) or "x-amz-content-sha256" in request.headers:
            return request
        return replace(request, body=whole(request.body, self.body_bytes_max))

    def _body(self, request: Request, match: Match, identity: Identity | Guest) -> Body:
        """Return the body, checked against its signature: at once if it fits, else as it is read."""
        assert match.operation is not None
        if match.operation.has_streaming_input:
            return identity.stream()
        body = identity.whole_body(self.body_bytes_max)
        if match.service.name == "s3":  # whose objects are kept as they came
            return body
        return inflated(body, request.headers.get("content-encoding"), self.body_bytes_max)


def _nobody(signing_name: str, request_id: str) -> Response:
    told: Mapping[str, Any] = {
        "__type": UnknownOperation.code,
        "message": f"Clary has no service that signs as {signing_name!r}.",
    }
    headers = [("content-type", "application/x-amz-json-1.1"), ("x-amzn-requestid", request_id)]
    return Response(UnknownOperation.status, headers, json.dumps(told).encode())
