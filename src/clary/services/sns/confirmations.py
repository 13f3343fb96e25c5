"""Confirmations: an endpoint gets a token, and who brings it back wants the messages.

The token of a first message names a subscription that waits; that of a farewell holds one that is gone.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from clary.access.principal import ANONYMOUS
from clary.core.errors import StaleRecord
from clary.core.ids import Arn
from clary.resources.topic import CONFIRMATION, CONFIRMED, FAREWELL, PENDING, SUBSCRIPTION, TOPIC, topic_arn_of
from clary.services.operation import Call, Operations, Params, Platform, Result, operation
from clary.services.sns.faults import InvalidParameter, NotFound
from clary.services.sns.reach import arn_of, same_subscription
from clary.store.deliveries import Notice
from clary.store.records import Change, Record
from clary.store.sealing import Unsealable

TOKEN_DAYS = 2
PURPOSE = "sns confirmation"
FAREWELL_BYTES_MAX = 4096
"""A subscription of more attributes fits into no link; it ends without a farewell."""


class Confirmations(Operations):
    """ConfirmSubscription."""

    @operation("ConfirmSubscription")
    def confirm(self, call: Call, request: Params) -> Result:
        """Turn a subscription on, once its endpoint shows the token it was sent."""
        arn = Arn.parse(request["TopicArn"])
        told = self._told(call, request["Token"])
        records = self.platform.store.records(arn.account if arn else "", call.region)
        found = records.find_uid(told["uid"])  # the token says enough: no policy is asked
        if found is None and "name" in told and arn is not None:
            found = self._restored(records.find(TOPIC, arn.resource), told)
        if found is None or topic_arn_of(arn_of(found)) != request["TopicArn"]:
            raise NotFound("Subscription")
        if found.state == PENDING:
            authenticated = request.get("AuthenticateOnUnsubscribe", "").lower() == "true"
            authenticated = authenticated and call.principal is not ANONYMOUS
            try:
                records.update(found, Change(state=CONFIRMED, status={"Authenticated": authenticated}))
            except StaleRecord:
                return self.confirm(call, request)
        return {"SubscriptionArn": arn_of(found)}

    def _restored(self, topic: Record | None, told: Mapping[str, Any]) -> Record | None:
        """Return a subscription of the topic as it was before it ended, made anew unless that was done already."""
        if topic is None or topic.name != told["name"].partition(":")[0]:
            return None
        spec = told["spec"]
        found = same_subscription(self.platform, topic, spec["Protocol"], spec["Endpoint"])
        records = self.platform.store.records(topic.account, topic.region)
        return found or records.create(
            SUBSCRIPTION, told["name"], spec, status={"Authenticated": False}, state=CONFIRMED, parent=topic.uid
        )

    def _told(self, call: Call, token: str) -> dict[str, Any]:
        try:
            sealed = base64.urlsafe_b64decode(token)
            told: dict[str, Any] = json.loads(self.platform.store.sealer.open(sealed, PURPOSE))
        except (ValueError, Unsealable):
            raise InvalidParameter("Token") from None
        if told["expires"] < call.now:
            raise InvalidParameter("Token Reason: It has expired")
        return told


def ask_to_confirm(platform: Platform, call: Call, topic: Record, subscription: Record) -> None:
    """Send a subscription's endpoint a token that confirms it."""
    text = (
        f"You have chosen to subscribe to the topic {arn_of(topic)}.\n"
        "To confirm the subscription, visit the SubscribeURL included in this message."
    )
    _send(platform, call, subscription, {"Type": CONFIRMATION, "Message": text}, {})


def bid_farewell(platform: Platform, call: Call, subscription: Record) -> None:
    """Send a subscription's endpoint a last message, with a token that brings the subscription back."""
    if len(json.dumps(subscription.spec["Attributes"])) > FAREWELL_BYTES_MAX:
        return
    text = (
        f"You have chosen to deactivate subscription {arn_of(subscription)}.\n"
        "To cancel this operation and restore the subscription, visit the SubscribeURL included in this message."
    )
    whole = {"name": subscription.name, "spec": dict(subscription.spec)}
    content = {"Type": FAREWELL, "Message": text, "Subscription": whole["spec"]}
    _send(platform, call, subscription, content, whole)


def _send(
    platform: Platform, call: Call, subscription: Record, content: Mapping[str, Any], held: Mapping[str, Any]
) -> None:
    """Send a message with a token that names a subscription, and holds whatever is to come back of it."""
    arn = arn_of(subscription)
    expires = call.now + TOKEN_DAYS * 24 * 3600
    told = {"uid": subscription.uid, "expires": expires, "nonce": secrets.token_hex(4), **held}
    token = base64.urlsafe_b64encode(platform.store.sealer.seal(json.dumps(told).encode(), PURPOSE)).decode()
    host = call.http.headers.get("host") if call.http else f"{platform.settings.host}:{platform.settings.port}"
    query = urlencode({"Action": "ConfirmSubscription", "TopicArn": topic_arn_of(arn), "Token": token})
    document = {**content, "Token": token, "SubscribeURL": f"http://{host}/?{query}"}
    notice = Notice(topic_arn_of(arn), json.dumps(document).encode(), {arn: None})
    platform.store.deliveries.publish([notice], int(call.now * 1000))
