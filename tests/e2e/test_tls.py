"""A whole Clary over TLS, with its own certificate: what `clary env` prints is all that AWS's clients need."""

from __future__ import annotations

import json
import ssl
import tempfile
from pathlib import Path

import boto3
import httpx
import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError, SSLError

BODY = bytes(range(256)) * 40_000
TLS_ONLY = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "s3:*", "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": "true"}}}
    ],
}


@pytest.fixture(scope="module")
def secure(clary):
    """Give another Clary, which answers TLS."""
    with tempfile.TemporaryDirectory(prefix="cl", dir="/tmp") as home:
        running = type(clary)(Path(home))
        running.start("--tls")
        try:
            yield running
        finally:
            running.stop()


@pytest.fixture(scope="module")
def session(secure):
    """Give a session of boto3 with the keys and the region that `clary env` prints."""
    told = secure.environment
    return boto3.Session(told["AWS_ACCESS_KEY_ID"], told["AWS_SECRET_ACCESS_KEY"], region_name=told["AWS_REGION"])


def client(secure, session, service, **more):
    told = {"endpoint_url": secure.environment["AWS_ENDPOINT_URL"], "verify": secure.environment["AWS_CA_BUNDLE"]}
    return session.client(service, **{**told, **more})


def test_the_sdk_works_with_the_bundle_and_refuses_without_it(secure, session, monkeypatch):
    assert secure.environment["AWS_ENDPOINT_URL"].startswith("https://127.0.0.1:")
    s3 = client(secure, session, "s3")
    s3.create_bucket(Bucket="secured")
    s3.put_object(Bucket="secured", Key="large", Body=BODY)
    assert s3.get_object(Bucket="secured", Key="large")["Body"].read() == BODY
    assert client(secure, session, "sagemaker").list_endpoints()["Endpoints"] == []
    with pytest.raises(ClientError, match="not found"):
        client(secure, session, "sagemaker-runtime").invoke_endpoint(EndpointName="nobody", Body=b"1")
    with pytest.raises(SSLError):
        client(secure, session, "sts", verify=True).get_caller_identity()


def test_a_queue_is_named_by_the_way_one_came(secure, session):
    assert client(secure, session, "sqs").create_queue(QueueName="q")["QueueUrl"].startswith("https://")
    plain = secure.environment["AWS_ENDPOINT_URL"].replace("https:", "http:")
    told = client(secure, session, "sqs", endpoint_url=plain).get_queue_url(QueueName="q")
    assert told["QueueUrl"].startswith("http://")


def test_a_policy_that_wants_tls_gets_it(secure, session):
    iam = client(secure, session, "iam")
    iam.create_user(UserName="careful")
    iam.put_user_policy(UserName="careful", PolicyName="p", PolicyDocument=json.dumps(TLS_ONLY))
    key = iam.create_access_key(UserName="careful")["AccessKey"]
    careful = boto3.Session(key["AccessKeyId"], key["SecretAccessKey"], region_name="us-east-1")
    assert client(secure, careful, "s3").list_buckets()["Buckets"] is not None
    plain = secure.environment["AWS_ENDPOINT_URL"].replace("https:", "http:")
    with pytest.raises(ClientError, match="AccessDenied"):
        client(secure, careful, "s3", endpoint_url=plain).list_buckets()


def test_http_2_carries_objects_both_ways(secure, session):
    keys = session.get_credentials()
    url = secure.environment["AWS_ENDPOINT_URL"]
    context = ssl.create_default_context(cafile=secure.environment["AWS_CA_BUNDLE"])
    client(secure, session, "s3").create_bucket(Bucket="over-http2")

    def call(method, body=b""):
        request = AWSRequest(method, f"{url}/over-http2/key", data=body)
        S3SigV4Auth(Credentials(keys.access_key, keys.secret_key), "s3", "us-east-1").add_auth(request)
        return http.request(method, request.url, content=body, headers=dict(request.headers.items()))

    with httpx.Client(http1=False, http2=True, verify=context, timeout=60) as http:
        assert call("PUT", BODY).status_code == 200
        assert call("HEAD").headers["content-length"] == str(len(BODY))
        answer = call("GET")
        assert (answer.http_version, answer.content == BODY) == ("HTTP/2", True)
