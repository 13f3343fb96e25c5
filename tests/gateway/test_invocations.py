"""What clients of InvokeEndpoint are answered, in AWS's words."""

from __future__ import annotations

import json
import signal
import socket

import boto3
import pytest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from clary.gateway import answers
from clary.resources.route import ROUTE
from clary.services.iam.identities import create_access_key
from clary.services.iam.kinds import ACCESS_KEY, ACCOUNT, ACTIVE, USER
from clary.store.records import Change

CONSOLE = (
    "https://us-east-1.console.aws.amazon.com/cloudwatch/home?region=us-east-1#logEventViewer:"
    "group=/aws/sagemaker/Endpoints/churn"
)


def refused(gateway, body=b"1", **params):
    with pytest.raises(ClientError) as raised:
        gateway.client().invoke_endpoint(**{"EndpointName": "churn", "Body": body, **params})
    return raised.value.response


def test_boto3_gets_the_prediction_of_the_model(running):
    answer = running.client().invoke_endpoint(
        EndpointName="churn", Body=b"1,2,3", ContentType="text/csv", CustomAttributes="trace=7"
    )
    assert answer["Body"].read() == b"1,2,3"
    assert answer["ContentType"] == "text/csv"
    assert answer["InvokedProductionVariant"] == "AllTraffic"
    assert answer["CustomAttributes"] == "trace=7"
    assert len(answer["ResponseMetadata"]["RequestId"]) == 36


def test_the_model_receives_the_documented_headers_and_no_credentials(running):
    answer = running.client().invoke_endpoint(
        EndpointName="churn", Body=b"headers", ContentType="text/csv", Accept="application/json",
        CustomAttributes="a=b", InferenceId="i-1", TargetVariant="AllTraffic",
    )  # fmt: skip
    received = json.loads(answer["Body"].read())
    assert received == {
        "host": "localhost:8080",
        "content-type": "text/csv",
        "accept": "application/json",
        "content-length": "7",
        "x-amzn-sagemaker-custom-attributes": "a=b",
        "x-amzn-sagemaker-inference-id": "i-1",
        "x-amzn-sagemaker-target-variant": "AllTraffic",
    }


@pytest.mark.parametrize(
    ("body", "result"),
    [(b"chunks ab cd", b"abcd"), (b"unframed xyz", b"xyz"), (b"early xyz", b"xyz"), (b"status 204 ", b"")],
)
def test_every_way_to_frame_an_answer_is_understood(running, body, result):
    answer = running.client().invoke_endpoint(EndpointName="churn", Body=body)
    assert answer["Body"].read() == result


@pytest.mark.parametrize(
    ("status", "sort", "code"),
    [
        (400, "client", "CLIENT_ERROR_FROM_MODEL"),
        (499, "client", "CLIENT_ERROR_FROM_MODEL"),
        (500, "server", "INTERNAL_FAILURE_FROM_MODEL"),
        (503, "server", "INTERNAL_FAILURE_FROM_MODEL"),
    ],
)
def test_an_error_of_the_model_is_a_model_error(running, status, sort, code):
    response = refused(running, b"status %d bad row" % status)
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert response["Error"]["Code"] == "ModelError"
    assert response["OriginalStatusCode"] == status
    assert response["OriginalMessage"] == "bad row"
    assert response["LogStreamArn"] == (
        f"arn:aws:logs:us-east-1:{running.account}:log-group:/aws/sagemaker/Endpoints/churn"
    )
    assert response["Error"]["Message"] == (
        f'Received {sort} error ({status}) from primary with message "bad row". '
        f"See {CONSOLE} in account {running.account} for more information."
    )
    assert (
        json.loads(running.exchange(running.signed(b"status %d x" % status)).split(b"\r\n\r\n")[1])["ErrorCode"] == code
    )


@pytest.mark.parametrize("gateway", [{"invocation_timeout_s": 1.0}], indirect=True)
def test_a_model_that_takes_too_long_is_a_model_error_and_its_connection_is_not_used_again(gateway):
    model = gateway.model("a")
    gateway.start()
    gateway.route("churn", "a")
    response = refused(gateway, b"wait 30")
    assert response["Error"]["Code"] == "ModelError"
    assert response["OriginalStatusCode"] == 0
    assert response["OriginalMessage"] == answers.TIMED_OUT
    (connection,) = model.connections
    connection.settimeout(60)
    assert connection.recv(1) == b""
    gateway.eventually(lambda: gateway.exchange(gateway.signed(b"next")).endswith(b"\r\n\r\nnext"))


def test_a_model_that_closes_without_an_answer_is_an_internal_failure(running):
    before = len(running.models["a"].requests)
    response = refused(running, b"die")
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 500
    assert response["Error"]["Code"] == "InternalFailure"
    assert response["Error"]["Message"] == "The model closed the connection before it answered."
    assert refused(running, b"half")["Error"]["Code"] == "InternalFailure"
    asked = running.models["a"].requests[before:]
    assert asked.count(b"die") <= 2, "once more at most, if the connection had been kept"
    assert asked.count(b"half") == 1, "an answer had begun"


@pytest.mark.parametrize(
    ("body", "said"), [(b"garbage", "is not valid HTTP"), (b"large 1000001", "exceeds 1000000 bytes")]
)
def test_an_answer_that_cannot_be_passed_on_is_a_model_error(running, body, said):
    response = refused(running, body)
    assert response["Error"]["Code"] == "ModelError"
    assert said in response["OriginalMessage"]


def test_an_answer_as_large_as_allowed_is_passed_on(running):
    answer = running.client().invoke_endpoint(EndpointName="churn", Body=b"large 1000000")
    assert len(answer["Body"].read()) == 1_000_000


def test_a_body_beyond_the_limit_is_refused_with_413(running):
    response = refused(running, b"x" * 1_000_001)
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 413
    assert response["Error"]["Message"] == "HTTP content length exceeded 1000000 bytes."
    answer = running.client().invoke_endpoint(EndpointName="churn", Body=b"x" * 1_000_000)
    assert len(answer["Body"].read()) == 1_000_000


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"EndpointName": "none"}, "Endpoint none of account {account} not found."),
        (
            {"TargetVariant": "other"},
            "Variant other not found for endpoint churn of account {account}.",
        ),
        (
            {"TargetModel": "m.tar.gz"},
            "Endpoint churn is not a multi-model endpoint and does not support target model header.",
        ),
        (
            {"CustomAttributes": "x" * 1025},
            "1 validation error detected: Value at 'customAttributes' failed to satisfy constraint: "
            "Member must have length less than or equal to 1024",
        ),
        (
            {"EndpointName": "under_score"},
            "1 validation error detected: Value 'under_score' at 'endpointName' failed to satisfy constraint: "
            "Member must satisfy regular expression pattern: ^[a-zA-Z0-9](-*[a-zA-Z0-9])*",
        ),
        (
            {"EndpointName": "x" * 64},
            f"1 validation error detected: Value '{'x' * 64}' at 'endpointName' failed to satisfy constraint: "
            "Member must have length less than or equal to 63",
        ),
    ],
)
def test_a_request_that_breaks_a_rule_is_a_validation_error(running, params, message):
    response = refused(running, **params)
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert response["Error"]["Code"] == "ValidationError"
    assert response["Error"]["Message"] == message.format(account=running.account)


@pytest.mark.parametrize(
    ("tamper", "code"),
    [
        (lambda raw: raw.replace(b"Authorization:", b"X-Other:"), b"MissingAuthenticationTokenException"),
        (lambda raw: raw[:-1] + b"9", b"InvalidSignatureException"),
        (lambda raw: raw.replace(b"/sagemaker/aws4", b"/ec2/aws4"), b"InvalidSignatureException"),
        (lambda raw: raw.replace(b"Credential=AKIA", b"Credential=AKIB"), b"UnrecognizedClientException"),
        (lambda raw: raw.replace(b"Signature=", b"Sig="), b"IncompleteSignatureException"),
        (lambda raw: raw.replace(b"/churn/", b"/other/"), b"InvalidSignatureException"),
    ],
)
def test_a_request_that_is_not_rightly_signed_is_refused(running, tamper, code):
    before = len(running.models["a"].requests)
    head, _, body = running.exchange(tamper(running.signed(b"1,2"))).partition(b"\r\n\r\n")
    assert head.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 403 "))
    assert b"\r\nx-amzn-ErrorType: " + code + b"\r\n" in head
    assert json.loads(body)["Message"]
    assert len(running.models["a"].requests) == before


def user(gateway, *statements):
    """Return the credentials of a new user with these statements as its inline policy."""
    records = gateway.store.records(gateway.account, "")
    document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    number = gateway.store.feed.newest()
    record = records.create(
        USER, f"u{number}",
        {"UserName": f"u{number}", "Path": "/", "Inline": {"p": document} if statements else {}, "Attached": [],
         "Boundary": "", "Groups": [], "Tags": {}},
        status={"Id": f"AIDA{number:017}"},
    )  # fmt: skip
    key, secret = create_access_key(records, gateway.store.sealer, record)
    return record, Credentials(key.name, secret)


def invoke_as(gateway, credentials, endpoint="churn"):
    own, gateway.credentials = gateway.credentials, credentials
    try:
        return gateway.exchange(gateway.signed(endpoint=endpoint))
    finally:
        gateway.credentials = own


def allow(resource, **more):
    return {"Effect": "Allow", "Action": "sagemaker:InvokeEndpoint", "Resource": resource, **more}


def test_a_user_may_invoke_what_a_policy_allows_and_nothing_else(running):
    resource = f"arn:aws:sagemaker:us-east-1:{running.account}:endpoint/churn"
    record, credentials = user(running, allow(resource))
    assert invoke_as(running, credentials).startswith(b"HTTP/1.1 200 OK")
    head, _, body = invoke_as(running, credentials, "other").partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 403 ")
    assert b"x-amzn-ErrorType: AccessDeniedException" in head
    assert json.loads(body)["Message"] == (
        f"User: arn:aws:iam::{running.account}:user/{record.spec['UserName']} is not authorized to perform: "
        f"sagemaker:InvokeEndpoint on resource: {resource.replace('churn', 'other')} "
        "because no identity-based policy allows the sagemaker:InvokeEndpoint action"
    )


def test_a_condition_is_looked_at_in_every_request(running):
    for lasts_s in (1.5, 6, 24):
        until = running.store.clock() + lasts_s
        _, credentials = user(running, allow("*", Condition={"NumericLessThan": {"aws:EpochTime": str(until)}}))
        answer = invoke_as(running, credentials)
        if running.store.clock() < until:  # else it may have been over before the request came
            break
    assert answer.startswith(b"HTTP/1.1 200 OK")
    running.eventually(lambda: invoke_as(running, credentials).startswith(b"HTTP/1.1 403 "))


def test_a_policy_may_ask_for_tls(running):
    _, credentials = user(running, allow("*", Condition={"Bool": {"aws:SecureTransport": "true"}}))
    head, _, _ = invoke_as(running, credentials).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 403 ")
    with running.secured() as connection:
        own, running.credentials = running.credentials, credentials
        connection.sendall(running.signed())
        running.credentials = own
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 OK")


def test_a_change_of_policy_or_key_is_obeyed_at_once_although_decisions_are_remembered(running):
    record, credentials = user(running, allow("*"))
    records = running.store.records(running.account, "")
    assert invoke_as(running, credentials).startswith(b"HTTP/1.1 200 OK")
    record = records.update(record, Change(spec={**record.spec, "Inline": {}}))
    running.eventually(lambda: invoke_as(running, credentials).startswith(b"HTTP/1.1 403 "))
    records.remove(records.find(ACCESS_KEY, credentials.access_key))
    running.eventually(lambda: b"UnrecognizedClientException" in invoke_as(running, credentials))


def test_the_keys_of_an_account_that_is_closed_stop_working(gateway):
    gateway.model("a")
    gateway.start()
    management = gateway.store.records(gateway.account, "")
    spec = {"AccountName": "n", "Email": "n@example.com", "JoinedMethod": "CREATED", "Tags": {}}
    account = management.create(ACCOUNT, "222222222222", spec, state=ACTIVE)
    gateway.account = account.name
    gateway.route("churn", "a")
    _, credentials = user(gateway, allow("*"))
    assert invoke_as(gateway, credentials).startswith(b"HTTP/1.1 200 OK")
    management.update(account, Change(state="PENDING_CLOSURE", deleting=True))
    gateway.eventually(lambda: b"UnrecognizedClientException" in invoke_as(gateway, credentials))


def test_a_key_that_was_unknown_works_as_soon_as_it_is_made(running):
    record, _ = user(running, allow("*"))
    key, secret = create_access_key(running.store.records(running.account, ""), running.store.sealer, record)
    credentials = Credentials(key.name, secret)
    assert invoke_as(running, credentials).startswith(b"HTTP/1.1 200 OK")


def test_code_inside_instances_comes_in_by_the_platform_socket(running):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(60)
        connection.connect(str(running.settings.platform_socket))
        connection.sendall(running.signed(b"from inside"))
        assert connection.recv(65536).endswith(b"\r\n\r\nfrom inside")


def test_each_endpoint_is_found_in_its_own_account_and_region_alone(running):
    client = boto3.client(
        "sagemaker-runtime", region_name="eu-west-1", endpoint_url=running.url,
        aws_access_key_id=running.credentials.access_key, aws_secret_access_key=running.credentials.secret_key,
    )  # fmt: skip
    with pytest.raises(ClientError, match="not found"):
        client.invoke_endpoint(EndpointName="churn", Body=b"1")


def test_connections_to_the_model_are_kept(running):
    client = running.client()
    client.invoke_endpoint(EndpointName="churn", Body=b"1")
    before = len(running.models["a"].connections)
    for _ in range(20):
        client.invoke_endpoint(EndpointName="churn", Body=b"1")
    assert len(running.models["a"].connections) == before


def test_a_server_that_closes_kept_connections_is_asked_on_a_new_one(running):
    client = running.client()
    for _ in range(20):
        assert client.invoke_endpoint(EndpointName="churn", Body=b"close")["Body"].read() == b"closing"


def test_an_endpoint_without_instances_is_unavailable_and_a_removed_one_is_not_found(gateway):
    gateway.model("a")
    worker = gateway.start()
    gateway.route("churn", "a")
    gateway.route("churn")
    assert refused(gateway)["Error"]["Code"] == "ServiceUnavailable"
    records = gateway.store.records(gateway.account, "us-east-1")
    records.remove(records.find(ROUTE, "churn"))
    gateway.applied()
    assert "not found" in refused(gateway)["Error"]["Message"]
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(60) == 0
