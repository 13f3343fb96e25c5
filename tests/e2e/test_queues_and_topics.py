"""SQS and SNS as boto3 speaks to them, through a whole Clary that is killed in the middle."""

from __future__ import annotations

import base64
import json
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from botocore.exceptions import ClientError, HTTPClientError
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA1


@pytest.fixture
def queue(account: Any) -> str:
    return account("sqs").create_queue(QueueName="q")["QueueUrl"]


def let_in(account: Any, url: str, topic: str) -> str:
    """Let a topic send to a queue; return the queue's ARN."""
    arn = account.arn("q", "sqs")
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    account("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    return arn


def drained(account: Any, url: str, wanted: set[str]) -> set[str]:
    """Receive and delete until all these messages of a topic came, some perhaps twice; return what came."""
    sqs, came = account("sqs"), set()
    ends = time.monotonic() + 60
    while not came >= wanted and time.monotonic() < ends:
        asked = {"MaxNumberOfMessages": 10, "WaitTimeSeconds": 5}
        for message in sqs.receive_message(QueueUrl=url, **asked).get("Messages", ()):
            came.add(json.loads(message["Body"])["Message"])
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return came


def test_boto3_accepts_the_digests_of_bodies_and_attributes(account: Any, queue: str) -> None:
    sqs = account("sqs")
    attributes = {
        "s": {"DataType": "String", "StringValue": "ü"},
        "b": {"DataType": "Binary", "BinaryValue": b"\0\1"},
    }
    sqs.send_message(QueueUrl=queue, MessageBody="hällo", MessageAttributes=attributes)
    (message,) = sqs.receive_message(QueueUrl=queue, MessageAttributeNames=["All"])["Messages"]
    assert (message["Body"], message["MessageAttributes"]) == ("hällo", attributes)


def test_a_long_poll_ends_as_soon_as_a_message_comes_and_many_hold_no_thread(account: Any, queue: str) -> None:
    answers: list[Any] = []

    def poll(sqs: Any) -> None:
        answers.append(sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=20).get("Messages", []))
        sqs.close()

    own = [account.clary.client("sqs", account.keys) for _ in range(40)]  # more than the server has threads
    pollers = [threading.Thread(target=poll, args=(each,)) for each in own]
    began = time.monotonic()
    for each in pollers:
        each.start()
    sqs = account("sqs")
    for number in range(40):
        sqs.send_message(QueueUrl=queue, MessageBody=str(number))
    for each in pollers:
        each.join()
    assert sorted(int(each["Body"]) for messages in answers for each in messages) == list(range(40))
    assert time.monotonic() - began < 20


def test_errors_have_the_codes_that_clients_know(account: Any, queue: str) -> None:
    sqs = account("sqs")
    with pytest.raises(sqs.exceptions.QueueDoesNotExist) as caught:
        sqs.get_queue_url(QueueName="nope")
    assert caught.value.response["Error"]["Code"] == "AWS.SimpleQueueService.NonExistentQueue"
    stranger = account.user({"Effect": "Allow", "Action": "sqs:ReceiveMessage", "Resource": "*"})("sqs")
    with pytest.raises(ClientError) as denied:
        stranger.send_message(QueueUrl=queue, MessageBody="a")
    assert denied.value.response["Error"]["Code"] == "AccessDenied"


class Endpoint(HTTPServer):
    """Confirms the subscriptions it is asked to, by their link, and keeps what it is sent."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answerer)
        self.got: list[dict[str, Any]] = []


class Answerer(BaseHTTPRequestHandler):
    server: Endpoint

    def do_POST(self) -> None:
        told = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()
        if told["Type"] == "SubscriptionConfirmation":
            urllib.request.urlopen(told["SubscribeURL"], timeout=20).close()
        self.server.got.append(told)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    server = Endpoint()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_an_endpoint_confirms_gets_messages_and_leaves_by_links_alone(account: Any, endpoint: Endpoint) -> None:
    sns = account("sns")
    topic = sns.create_topic(Name="t")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=f"http://127.0.0.1:{endpoint.server_port}/")
    account.eventually(lambda: sns.get_topic_attributes(TopicArn=topic)["Attributes"]["SubscriptionsConfirmed"] == "1")
    sns.publish(TopicArn=topic, Message="m")
    told = account.eventually(lambda: next((each for each in endpoint.got if each["Type"] == "Notification"), None))
    assert told["Message"] == "m"
    urllib.request.urlopen(told["UnsubscribeURL"], timeout=20).close()
    assert sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"] == []
    account.eventually(lambda: endpoint.got[-1]["Type"] == "UnsubscribeConfirmation")
    assert {each["Type"] for each in endpoint.got} >= {"SubscriptionConfirmation", "Notification"}
    for each in endpoint.got:
        verify(each)


def verify(told: dict[str, Any]) -> None:
    """Hold a message against its signature, by the certificate that it names and nothing else."""
    names = ("Message", "MessageId", "SubscribeURL", "Subject", "Timestamp", "Token", "TopicArn", "Type")
    text = "".join(f"{name}\n{told[name]}\n" for name in names if name in told)
    with urllib.request.urlopen(told["SigningCertURL"], timeout=20) as answer:
        key = x509.load_pem_x509_certificate(answer.read()).public_key()
    key.verify(base64.b64decode(told["Signature"]), text.encode(), PKCS1v15(), SHA1())


def test_what_was_published_arrives_though_controller_and_api_are_killed(clary: Any, account: Any, queue: str) -> None:
    sns = account("sns")
    topic = sns.create_topic(Name="t")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=let_in(account, queue, topic))
    sent = set()
    for number in range(30):
        with suppress(HTTPClientError):  # the api that is killed may take an open connection along
            sns.publish(TopicArn=topic, Message=str(number))
            sent.add(str(number))
        if number in (10, 20):
            clary.kill("controller" if number == 10 else "api")
    assert len(sent) > 20
    assert drained(account, queue, sent) >= sent
