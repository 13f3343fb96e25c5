"""Who may do what: accounts apart from each other, policies that allow and deny, roles that are passed on."""

from __future__ import annotations

import http.client
import json
import time
from urllib.parse import urlsplit

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

SKLEARN = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
META = {"x-amz-meta-colour": "blue"}
ALL = {"Effect": "Allow", "Action": "*", "Resource": "*"}


def refused(call, *, code: str = "AccessDeniedException") -> str:
    """Return the message with which a call is refused."""
    with pytest.raises(ClientError) as raised:
        call()
    error = raised.value.response["Error"]
    assert error["Code"] == code, error
    return error["Message"]


def test_a_fresh_account_takes_milliseconds(clary):
    clary.account().close()  # makes the clients
    began = time.process_time()
    made = [clary.account() for _ in range(5)]
    spent_s = time.process_time() - began
    assert len({each.id for each in made}) == 5
    assert spent_s < 1.0
    assert made[0]("sts").get_caller_identity()["Account"] == made[0].id
    for each in made:
        each.close()


def test_two_accounts_do_not_see_each_other(account, clary):
    other = clary.account()
    try:
        uri = account.put("mine", "secret")
        account.model("mine", SKLEARN)
        assert other("sagemaker").list_models()["Models"] == []
        message = refused(lambda: other("sagemaker").describe_model(ModelName="mine"), code="ValidationException")
        assert message == f'Could not find model "{other.arn("model/mine")}".'
        assert other("s3").list_buckets()["Buckets"] == []
        bucket, key = account.bucket, uri.rpartition("/")[2]
        refused(lambda: other("s3").get_object(Bucket=bucket, Key=key), code="AccessDenied")
        refused(lambda: other("s3").create_bucket(Bucket=bucket), code="BucketAlreadyExists")
        refused(lambda: other("sagemaker").list_tags(ResourceArn=account.arn("model/mine")))
        passed = refused(lambda: other.model("theirs", SKLEARN, role=account.role))
        assert passed == "Cross-account pass role is not allowed."
    finally:
        other.close()


def test_regions_do_not_see_each_other(account):
    account.model("here", SKLEARN)
    elsewhere = account.clary.client("sagemaker", account.keys, region_name="eu-west-1")
    assert elsewhere.list_models()["Models"] == []
    elsewhere.close()


def test_nothing_is_allowed_until_a_policy_says_so_and_a_deny_beats_every_allow(account):
    account.model("public", SKLEARN)
    account.model("private", SKLEARN)
    deny = {"Effect": "Deny", "Action": "sagemaker:*", "Resource": account.arn("model/private")}
    nobody, somebody = account.user({**ALL, "Action": "s3:*"}), account.user(ALL, deny)

    message = refused(lambda: nobody("sagemaker").describe_model(ModelName="public"))
    who = nobody("sts").get_caller_identity()["Arn"]
    assert message == (
        f"User: {who} is not authorized to perform: sagemaker:DescribeModel on resource: {account.arn('model/public')} "
        "because no identity-based policy allows the sagemaker:DescribeModel action"
    )
    assert somebody("sagemaker").describe_model(ModelName="public")["ModelName"] == "public"
    message = refused(lambda: somebody("sagemaker").describe_model(ModelName="private"))
    assert message.endswith("with an explicit deny in an identity-based policy")


def test_a_role_must_be_passed_by_who_may_and_must_trust_sagemaker(account):
    clerk = account.user({"Effect": "Allow", "Action": "sagemaker:*", "Resource": "*"})
    wanted = {"ModelName": "m", "PrimaryContainer": {"Image": SKLEARN}, "ExecutionRoleArn": account.role}
    assert "iam:PassRole" in refused(lambda: clerk("sagemaker").create_model(**wanted))

    strange = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [strange]})
    role = account("iam").create_role(RoleName="strange", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    message = refused(lambda: account.model("m", SKLEARN, role=role), code="ValidationException")
    assert message.startswith(f"Could not assume role {role}. Please ensure that the role exists and allows principal")


def test_a_policy_that_changes_is_obeyed_at_once(account):
    user = account.user({"Effect": "Allow", "Action": "sts:*", "Resource": "*"})
    name = user("sts").get_caller_identity()["Arn"].rpartition("/")[2]
    refused(lambda: user("s3").list_buckets(), code="AccessDenied")
    document = json.dumps({"Version": "2012-10-17", "Statement": [ALL]})
    account("iam").put_user_policy(UserName=name, PolicyName="more", PolicyDocument=document)
    assert user("s3").list_buckets()["Buckets"] == []
    account("iam").delete_user_policy(UserName=name, PolicyName="more")
    refused(lambda: user("s3").list_buckets(), code="AccessDenied")


@pytest.mark.parametrize("version", ["s3", "s3v4"])  # the first is what boto3 does in us-east-1 unless it is told
def test_a_link_that_was_signed_beforehand_opens_one_object_in_one_way(account, version):
    account.put("shared.txt", "read me")
    account.put("other.txt", "not me")
    where = {"Bucket": account.bucket, "Key": "shared.txt"}
    s3 = account.clary.client("s3", account.keys, config=None if version == "s3" else Config(signature_version="s3v4"))
    url = s3.generate_presigned_url("get_object", Params=where, ExpiresIn=60)
    assert followed("GET", url) == (200, b"read me")
    assert followed("GET", url.replace("shared.txt", "other.txt"))[0] == 403
    assert followed("DELETE", url)[0] == 403
    assert followed("GET", url.partition("?")[0])[0] == 403

    put = s3.generate_presigned_url("put_object", Params={**where, "Metadata": {"colour": "blue"}}, ExpiresIn=60)
    assert followed("PUT", put, b"written", META if version == "s3v4" else {})[0] == 200
    assert account.get(f"s3://{account.bucket}/shared.txt") == b"written"
    assert account("s3").head_object(**where)["Metadata"] == {"colour": "blue"}
    s3.close()


def followed(method: str, url: str, body: bytes = b"", headers: dict[str, str] | None = None) -> tuple[int, bytes]:
    """Return the status and the body that who follows a link receives."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=30)
    try:
        connection.request(method, f"{parts.path}?{parts.query}", body, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_wrong_keys_and_ended_ones_are_told_apart(account):
    stranger = account.clary.client("sts", type(account.keys)("AKIAAAAAAAAAAAAAAAAA", "x" * 40))
    refused(stranger.get_caller_identity, code="InvalidClientTokenId")
    stranger.close()
    forger = account.clary.client("sts", type(account.keys)(account.keys.access_key, "x" * 40, account.keys.token))
    refused(forger.get_caller_identity, code="SignatureDoesNotMatch")
    forger.close()


def test_an_account_that_is_closed_leaves_nothing_and_lets_nobody_in(clary):
    account = clary.account()
    account.put("data", "x" * 100_000)
    account.model("gone", SKLEARN)
    bucket = account.bucket
    clary.root("organizations").close_account(AccountId=account.id)
    account.eventually(lambda: _is_refused(account))
    account.eventually(lambda: _may_be_made(clary, bucket))
    account.close()


def _is_refused(account) -> bool:
    try:
        account("sagemaker").list_models()
    except ClientError:
        return True
    return False


def _may_be_made(clary, bucket: str) -> bool:
    """Say whether a bucket's name is free again, and leave it so."""
    try:
        clary.root("s3").create_bucket(Bucket=bucket)
    except ClientError:
        return False
    clary.root("s3").delete_bucket(Bucket=bucket)
    return True
