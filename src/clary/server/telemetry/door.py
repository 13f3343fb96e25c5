"""`GET /metrics`, for Prometheus: with an access key as user name and its secret as password, as Prometheus can.

Whoever may list CloudWatch's metrics may read these, of the own account; the account that manages the organization
reads everybody's. A request that is signed is S3's, which may have a bucket of that name.
"""

from __future__ import annotations

import base64
import hmac
from dataclasses import dataclass

from clary.access.principal import Principal
from clary.core.errors import ServiceError
from clary.server.internal import InternalCaller
from clary.server.telemetry import prometheus
from clary.server.telemetry.families import Readings
from clary.services.iam.kinds import ORGANIZATION
from clary.wire.message import Request, Response

PATH = "/metrics"
REALM = 'Basic realm="An access key and its secret"'
SIGNED = ("aws4-hmac-sha256", "aws ")


@dataclass(frozen=True, slots=True)
class Door:
    """Answers scrapes."""

    readings: Readings
    caller: InternalCaller
    region: str

    def answer(self, request: Request) -> Response | None:
        """Return the answer to a scrape, None if the request is anything else."""
        authorization = request.headers.get("authorization")
        signed = authorization.lower().startswith(SIGNED) or "Signature=" in request.query
        if request.method != "GET" or request.path != PATH or signed:
            return None
        principal = self._principal(authorization)
        if principal is None:
            return _said(
                401, "Give an access key as user name and its secret as password.", ("www-authenticate", REALM)
            )
        try:
            self.caller.client("cloudwatch", self.region, principal)("ListMetrics", Namespace="AWS/SageMaker")
        except ServiceError as error:
            return _said(error.status, error.message)
        body = prometheus.text(self.readings.families(self._account(principal)))
        return Response(200, [("content-type", prometheus.CONTENT_TYPE)], body.encode())

    def _principal(self, authorization: str) -> Principal | None:
        """Return who a user name and password belong to; only keys without an end can be given so."""
        scheme, _, given = authorization.partition(" ")
        if scheme.lower() != "basic":
            return None
        try:
            name, _, password = base64.b64decode(given, validate=True).decode().partition(":")
        except ValueError:
            return None
        credential = self.caller.principals.find(name, "")
        known = credential is not None and hmac.compare_digest(credential.secret.encode(), password.encode())
        return credential.principal if credential is not None and known else None

    def _account(self, principal: Principal) -> str | None:
        """Return the account whose numbers a principal may see, None for all."""
        managed = self.readings.store.records(principal.account, "").find(ORGANIZATION, "organization")
        return None if managed is not None else principal.account


def _said(status: int, text: str, *fields: tuple[str, str]) -> Response:
    return Response(status, [("content-type", "text/plain; charset=utf-8"), *fields], f"{text}\n".encode())
