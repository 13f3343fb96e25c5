"""Confirmations: an endpoint gets a token, and who brings it back wants the messages."""

from __future__ import annotations

import base64
import json
import secrets
from urllib.parse import urlencode

from clary.access.principal import ANONYMOUS
from clary.core.errors import StaleRecord
from clary.core.ids import Arn
from clary.resources.topic import CONFIRMED, PENDING, topic_arn_of
from clary.services.operation import Call, Operations, Params, Platform, Result, operation
from clary.services.sns.faults import InvalidParameter, NotFound
from clary.services.sns.reach import arn_of
from clary.store.deliveries import Notice
from clary.store.records import Change, Record
from clary.store.sealing import Unsealable

TOKEN_DAYS = 2
PURPOSE = "sns confirmation"


class Confirmations(Operations):
    """ConfirmSubscription."""

    @operation("ConfirmSubscription")
    def confirm(self, call: Call, request: Params) -> Result:
        """Turn a subscription on, once its endpoint shows the token it was sent."""
        arn = Arn.parse(request["TopicArn"])
        uid = self._uid(call, request["Token"])
        records = self.platform.store.records(arn.account if arn else "", call.region)
        found = records.find_uid(uid)  # the token says enough: no policy is asked
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

    def _uid(self, call: Call, token: str) -> str:
        try:
            sealed = base64.urlsafe_b64decode(token)
            uid, expires, _ = json.loads(self.platform.store.sealer.open(sealed, PURPOSE))
        except (ValueError, Unsealable):
            raise InvalidParameter("Token") from None
        if expires < call.now:
            raise InvalidParameter("Token Reason: It has expired")
        return str(uid)


def ask_to_confirm(platform: Platform, call: Call, topic: Record, subscription: Record) -> None:
    """Send a subscription's endpoint a token that confirms it."""
    told = json.dumps([subscription.uid, call.now + TOKEN_DAYS * 24 * 3600, secrets.token_hex(4)]).encode()
    token = base64.urlsafe_b64encode(platform.store.sealer.seal(told, PURPOSE)).decode()
    topic_arn, arn = arn_of(topic), arn_of(subscription)
    host = call.http.headers.get("host") if call.http else f"{platform.settings.host}:{platform.settings.port}"
    query = urlencode({"Action": "ConfirmSubscription", "TopicArn": topic_arn, "Token": token})
    content = {
        "Type": "SubscriptionConfirmation",
        "Token": token,
        "Message": f"You have chosen to subscribe to the topic {topic_arn}.\n"
        "To confirm the subscription, visit the SubscribeURL included in this message.",
        "SubscribeURL": f"http://{host}/?{query}",
    }
    notice = Notice(topic_arn, json.dumps(content).encode(), {arn: None})
    platform.store.deliveries.publish([notice], int(call.now * 1000))
