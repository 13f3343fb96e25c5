"""Forms, as older clients send them to SQS and all clients to SNS, signed by hand.

CloudWatch speaks three protocols: each is tried in test_alarms.py.
"""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Mapping
from hashlib import md5
from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from tests.e2e.conftest import REGION

FORM = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
SPACE = {"q": "http://queue.amazonaws.com/doc/2012-11-05/"}


@pytest.fixture
def send(account: Any) -> Any:
    """Give what signs a request as a service and returns status and body."""

    def sent(service: str, path: str, body: bytes, headers: Mapping[str, str], method: str = "POST") -> tuple[int, Any]:
        url = account.clary.environment["AWS_ENDPOINT_URL"] + path
        request = AWSRequest(method, url, data=body, headers=dict(headers))
        keys = Credentials(account.keys.access_key, account.keys.secret, account.keys.token)
        SigV4Auth(keys, service, REGION).add_auth(request)
        asked = urllib.request.Request(url, body or None, dict(request.headers), method=method)
        try:
            with urllib.request.urlopen(asked, timeout=30) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()

    return sent


def test_sqs_answers_forms_as_it_did_before_json(account: Any, send: Any) -> None:
    def query(path: str, **fields: str) -> ElementTree.Element:
        status, body = send("sqs", path, urlencode({"Version": "2012-11-05", **fields}).encode(), FORM)
        assert status == 200, body
        return ElementTree.fromstring(body)

    made = query("/", **{"Action": "CreateQueue", "QueueName": "q", "Attribute.1.Name": "DelaySeconds",
                         "Attribute.1.Value": "0", "Tag.1.Key": "a", "Tag.1.Value": "b"})  # fmt: skip
    url = made.findtext(".//q:QueueUrl", "", SPACE)
    path = "/" + url.split("/", 3)[3]
    attribute = "MessageAttribute.1"
    sent = query(path, **{"Action": "SendMessage", "MessageBody": "hällo & <b>", f"{attribute}.Name": "n",
                          f"{attribute}.Value.DataType": "String", f"{attribute}.Value.StringValue": "v"})  # fmt: skip
    assert sent.findtext(".//q:MD5OfMessageBody", "", SPACE) == md5("hällo & <b>".encode()).hexdigest()
    asked = {"Action": "ReceiveMessage", "QueueUrl": url, "WaitTimeSeconds": "5", "AttributeName.1": "SenderId"}
    got = query("/", **asked, **{"MessageAttributeName.1": "All"})
    assert got.findtext(".//q:Message/q:Body", "", SPACE) == "hällo & <b>"
    assert got.findtext(".//q:Message/q:Attribute/q:Name", "", SPACE) == "SenderId"
    assert got.findtext(".//q:MessageAttribute/q:Value/q:StringValue", "", SPACE) == "v"
    handle = got.findtext(".//q:ReceiptHandle", "", SPACE)
    query(path, Action="DeleteMessage", ReceiptHandle=handle)
    # What is asked in json is the same queue.
    told = account("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
    assert told["Attributes"] == {"ApproximateNumberOfMessages": "0"}
    assert account("sqs").list_queue_tags(QueueUrl=url)["Tags"] == {"a": "b"}


def test_sqs_tells_errors_to_forms_by_their_old_codes(send: Any) -> None:
    status, body = send("sqs", "/?Action=GetQueueUrl&QueueName=none", b"", {}, method="GET")
    assert status == 400
    assert ElementTree.fromstring(body).findtext(".//q:Code", "", SPACE) == "AWS.SimpleQueueService.NonExistentQueue"
    status, body = send("sqs", "/", b"Action=NoSuchThing", FORM)
    assert status == 404
    assert b"UnknownOperation" in body


def test_sns_answers_forms_which_is_all_it_speaks(account: Any, send: Any) -> None:
    status, body = send("sns", "/", b"Action=CreateTopic&Name=t&Attributes.entry.1.key=DisplayName"
                                    b"&Attributes.entry.1.value=d", FORM)  # fmt: skip
    assert status == 200
    topic = ElementTree.fromstring(body).findtext(".//{*}TopicArn", "")
    assert account("sns").get_topic_attributes(TopicArn=topic)["Attributes"]["DisplayName"] == "d"
    status, body = send("sns", "/", urlencode({"Action": "Publish", "TopicArn": topic, "Message": "m"}).encode(), FORM)
    assert status == 200
    assert ElementTree.fromstring(body).findtext(".//{*}MessageId")
