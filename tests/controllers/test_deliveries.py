"""What is published arrives: at queues and at real HTTP servers, again and again until it does."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1, SHA256

from clary.access.principal import Principal
from clary.controllers.deliveries import Courier, NotDelivered
from clary.controllers.posts import address_of, post
from clary.core.errors import ServiceError
from clary.resources.topic import CONFIRMED, SUBSCRIPTION, TOPIC, Retries
from clary.store.deliveries import Notice
from clary.store.records import Change
from clary.store.store import Store

ACCOUNT, REGION = "123456789012", "us-east-1"
ARN = f"arn:aws:sns:{REGION}:{ACCOUNT}:t"
QUEUE = f"arn:aws:sqs:{REGION}:{ACCOUNT}:q"


@dataclass
class Queues:
    """Stands for the internal caller: takes messages, or refuses them with a status."""

    status: int = 200
    sent: list[tuple[Principal, dict[str, Any]]] = field(default_factory=list)

    def client(self, service: str, region: str, principal: Principal) -> Any:
        assert (service, region) == ("sqs", REGION)

        def invoke(operation: str, /, **params: Any) -> dict[str, Any]:
            assert operation == "SendMessage"
            if self.status != 200:
                raise ServiceError("no", status=self.status)
            self.sent.append((principal, params))
            return {}

        return invoke


class Receiver(HTTPServer):
    """Answers posts with a status, and keeps them."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answerer)
        self.status = 200
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.url = f"http://127.0.0.1:{self.server_port}/x?y=1"


class Answerer(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        assert self.path == "/x?y=1"
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.got.append((dict(self.headers), body))
        self.send_response(self.server.status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def courier(store: Store) -> Courier:
    return Courier(store, Queues(), post, store.clock, "http://127.0.0.1:4566")


def subscribe(store: Store, protocol: str, endpoint: str, attributes: dict[str, str] | None = None) -> str:
    records = store.records(ACCOUNT, REGION)
    topic = records.create(TOPIC, "t", {"Attributes": {}})
    spec = {"Protocol": protocol, "Endpoint": endpoint, "Attributes": attributes or {}}
    return records.create(SUBSCRIPTION, "t:1", spec, state=CONFIRMED, parent=topic.uid).name


def publish(store: Store, **content: Any) -> None:
    told = {"Type": "Notification", "Message": "m", "Attributes": {}, "Group": None, "Deduplication": None, **content}
    store.deliveries.publish([Notice(ARN, json.dumps(told).encode(), {f"{ARN}:1": None})], int(store.clock() * 1000))


def deliver(courier: Courier, *, later_s: float = 0.0) -> int:
    """Make what is due, as it were some time later; return how many deliveries there were."""
    now = courier.store.clock() + later_s
    due = courier.deliveries.due(int(now * 1000), 100)
    for each in due:
        replace(courier, clock=lambda: now).deliver(each)
    return len(due)


def test_a_queue_gets_an_envelope_from_the_service_for_its_topic(store: Store, courier: Courier) -> None:
    subscribe(store, "sqs", QUEUE)
    publish(store, Subject="s", Messages={"default": "d", "sqs": "for queues"})
    assert deliver(courier) == 1
    ((principal, params),) = courier.caller.sent  # type: ignore[attr-defined]
    assert (principal.arn, principal.source_arn, params["QueueUrl"]) == ("sns.amazonaws.com", ARN, f"/{ACCOUNT}/q")
    told = json.loads(params["MessageBody"])
    assert (told["Type"], told["Message"], told["Subject"], told["TopicArn"]) == (
        "Notification",
        "for queues",
        "s",
        ARN,
    )
    assert deliver(courier, later_s=1e6) == 0


def test_a_raw_message_brings_its_attributes(store: Store, courier: Courier) -> None:
    subscribe(store, "sqs", f"{QUEUE}.fifo", {"RawMessageDelivery": "true"})
    attributes = {"a": {"Type": "Binary", "Value": "AAE="}, "b": {"Type": "Number", "Value": "3"}}
    publish(store, Attributes=attributes, Group="g", Deduplication="d")
    deliver(courier)
    ((_, params),) = courier.caller.sent  # type: ignore[attr-defined]
    assert params == {
        "QueueUrl": f"/{ACCOUNT}/q.fifo",
        "MessageBody": "m",
        "MessageAttributes": {
            "a": {"DataType": "Binary", "BinaryValue": b"\0\1"},
            "b": {"DataType": "Number", "StringValue": "3"},
        },
        "MessageGroupId": "g",
        "MessageDeduplicationId": "d",
    }


def test_a_server_that_stumbles_gets_it_again_and_then_no_more(
    store: Store, courier: Courier, receiver: Receiver
) -> None:
    subscribe(store, "http", receiver.url)
    publish(store)
    receiver.status = 503
    assert deliver(courier) == 1
    assert deliver(courier) == 0
    receiver.status = 200
    assert deliver(courier, later_s=21) == 1
    assert deliver(courier, later_s=1e6) == 0
    headers, body = receiver.got[-1]
    assert headers["x-amz-sns-message-type"] == "Notification"
    assert json.loads(body)["Message"] == "m"


@pytest.mark.parametrize("status", [404, 302])
def test_a_server_that_refuses_is_not_asked_again_and_the_message_is_a_dead_letter(
    store: Store, courier: Courier, receiver: Receiver, status: int
) -> None:
    subscribe(store, "http", receiver.url, {"RedrivePolicy": json.dumps({"deadLetterTargetArn": QUEUE})})
    publish(store)
    receiver.status = status
    assert deliver(courier) == 1
    assert deliver(courier, later_s=1e6) == 0
    assert len(courier.caller.sent) == 1  # type: ignore[attr-defined]


def verified(store: Store, told: dict[str, Any]) -> bool:
    """Tell whether a message is signed by whom its certificate belongs to, as AWS's documentation has it verified."""
    names = ("Message", "MessageId", "SubscribeURL", "Subject", "Timestamp", "Token", "TopicArn", "Type")
    text = "".join(f"{name}\n{told[name]}\n" for name in names if name in told)
    assert told["SigningCertURL"] == f"http://127.0.0.1:4566/{store.notary.name}"
    key = x509.load_pem_x509_certificate(store.notary.certificate).public_key()
    assert isinstance(key, RSAPublicKey)
    algorithm = {"1": SHA1(), "2": SHA256()}[told["SignatureVersion"]]
    try:
        key.verify(base64.b64decode(told["Signature"]), text.encode(), PKCS1v15(), algorithm)
    except InvalidSignature:
        return False
    return True


@pytest.mark.parametrize("version", ["1", "2"])
def test_messages_are_signed_as_their_topic_says(
    store: Store, courier: Courier, receiver: Receiver, version: str
) -> None:
    subscribe(store, "http", receiver.url)
    topic = store.records(ACCOUNT, REGION).find(TOPIC, "t")
    assert topic is not None
    store.records(ACCOUNT, REGION).update(topic, Change(spec={"Attributes": {"SignatureVersion": version}}))
    publish(store, Subject="s")
    publish(store, Type="SubscriptionConfirmation", Token="t", SubscribeURL="http://u")
    deliver(courier)
    for _, body in receiver.got:
        told = json.loads(body)
        assert told["SignatureVersion"] == version
        assert verified(store, told)
        assert not verified(store, {**told, "Message": "another"})


def test_a_farewell_reaches_whom_no_subscription_knows_any_more(
    store: Store, courier: Courier, receiver: Receiver
) -> None:
    told = {"Protocol": "http", "Endpoint": receiver.url, "Attributes": {"RawMessageDelivery": "true"}}
    publish(store, Type="UnsubscribeConfirmation", Token="t", SubscribeURL="http://u", Subscription=told)
    assert deliver(courier) == 1
    ((headers, body),) = receiver.got
    assert headers["x-amz-sns-message-type"] == "UnsubscribeConfirmation"
    assert verified(store, json.loads(body))
    assert deliver(courier, later_s=1e6) == 0


def test_a_queue_that_is_down_gets_it_later_and_one_that_denies_never(store: Store, courier: Courier) -> None:
    subscribe(store, "sqs", QUEUE)
    queues: Any = courier.caller
    queues.status = 500
    publish(store)
    deliver(courier)
    queues.status = 403
    assert deliver(courier, later_s=5) == 1
    assert deliver(courier, later_s=1e6) == 0
    assert queues.sent == []


def test_what_was_unsubscribed_meanwhile_is_dropped(store: Store, courier: Courier, receiver: Receiver) -> None:
    name = subscribe(store, "http", receiver.url)
    publish(store)
    records = store.records(ACCOUNT, REGION)
    found = records.find(SUBSCRIPTION, name)
    assert found is not None
    records.remove(found)
    assert deliver(courier) == 1
    assert deliver(courier, later_s=1e6) == 0
    assert receiver.got == []


def test_nothing_is_posted_to_the_addresses_of_a_clouds_metadata() -> None:
    for host in ("169.254.169.254", "0.0.0.0", "224.0.0.1", "fe80::1"):
        with pytest.raises(NotDelivered) as caught:
            address_of(host, 80)
        assert caught.value.permanent
    assert address_of("127.0.0.1", 80) == "127.0.0.1"


def test_retries_go_through_the_phases_of_their_policy() -> None:
    policy = Retries(1, 9, 9, 1, 2, 2, "linear")
    assert [policy.delay_s(tries) for tries in range(1, 11)] == [0, 1, 1, 1, 1 + 8 / 3, 1 + 16 / 3, 9, 9, 9, None]
    assert [Retries().delay_s(tries) for tries in range(1, 5)] == [20, 20, 20, None]
