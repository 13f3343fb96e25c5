"""Links that need no signature: who was sent an SNS subscription's token may confirm it, who gets its messages end it.

Only these two operations see a guest; whether it may is for them to decide. The certificate of messages is for all.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qs

from clary.access.principal import ANONYMOUS, Principal
from clary.core.ids import Arn
from clary.store.notary import CERTIFICATE_PREFIX, Notary
from clary.wire.message import Body, Request, Response

SERVICE = "sns"
LINKS = {"ConfirmSubscription": "TopicArn", "Unsubscribe": "SubscriptionArn"}
FIELDS_MAX = 20
PEM = "application/x-pem-file"


@dataclass(frozen=True, slots=True)
class Guest:
    """Somebody who follows a link."""

    region: str
    request: Request
    principal: Principal = ANONYMOUS

    def stream(self) -> Body:
        """Return the body, which a link has none of."""
        return b""

    def whole_body(self, _: int) -> bytes:
        """Return the body, which a link has none of."""
        return b""


def guest_of(request: Request) -> Guest | None:
    """Return who follows a link of SNS, None if the request is anything else."""
    if request.method != "GET" or request.path != "/" or "Action=" not in request.query:
        return None
    try:
        told = parse_qs(request.query, max_num_fields=FIELDS_MAX)
    except ValueError:
        return None
    arn = Arn.parse(told.get(LINKS.get(told["Action"][0], ""), [""])[0]) if "Action" in told else None
    return None if arn is None or arn.service != SERVICE else Guest(arn.region, request)


def certificate_for(request: Request, notary: Notary) -> Response | None:
    """Return the certificate of SNS's messages if the request asks for it."""
    if request.method != "GET" or not request.path.startswith(f"/{CERTIFICATE_PREFIX}"):
        return None
    if request.path != f"/{notary.name}":
        return Response(404, [("content-type", "text/plain")], b"There is no such certificate.")
    return Response(200, [("content-type", PEM)], notary.certificate)
