"""Who may come without a signature: whoever follows a link of SNS, and nobody else."""

from __future__ import annotations

from pathlib import Path

import pytest

from clary.access.principal import ANONYMOUS
from clary.server.guests import certificate_for, guest_of
from clary.store.notary import Notary
from clary.store.sealing import Sealer
from clary.wire.message import Headers, Request

TOPIC = "arn:aws:sns:eu-west-1:123456789012:t"


def request(query: str, method: str = "GET", path: str = "/") -> Request:
    return Request(method, path, query, Headers(), b"")


@pytest.mark.parametrize(
    "query", [f"Action=ConfirmSubscription&TopicArn={TOPIC}&Token=x", f"Action=Unsubscribe&SubscriptionArn={TOPIC}:1"]
)
def test_a_link_is_followed_by_nobody_in_particular(query: str) -> None:
    guest = guest_of(request(query))
    assert guest is not None
    assert (guest.principal, guest.region, guest.whole_body(1), guest.stream()) == (ANONYMOUS, "eu-west-1", b"", b"")


@pytest.mark.parametrize(
    "wrong",
    [
        request(f"Action=Publish&TopicArn={TOPIC}"),
        request("Action=ConfirmSubscription&TopicArn=arn:aws:sqs:eu-west-1:123456789012:q"),
        request("Action=ConfirmSubscription"),
        request("Action="),
        request("Action=Unsubscribe&" + "a=b&" * 30),
        request(f"Action=Unsubscribe&SubscriptionArn={TOPIC}:1", "POST"),
        request(f"Action=Unsubscribe&SubscriptionArn={TOPIC}:1", path="/bucket"),
    ],
)
def test_everything_else_needs_a_signature(wrong: Request) -> None:
    assert guest_of(wrong) is None


def test_anybody_may_have_the_certificate_of_messages_and_no_other_file(tmp_path: Path) -> None:
    notary = Notary(tmp_path / "sns.json", Sealer.at(tmp_path / "root.key"), lambda: 1_800_000_000.0)
    answer = certificate_for(request("", path=f"/{notary.name}"), notary)
    assert answer is not None
    assert answer.body == notary.certificate
    other = certificate_for(request("", path="/SimpleNotificationService-0.pem"), notary)
    assert other is not None
    assert other.status == 404
    assert certificate_for(request("", path="/bucket/key.pem"), notary) is None
    assert certificate_for(request("", "PUT", f"/{notary.name}"), notary) is None
