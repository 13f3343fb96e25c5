"""Prometheus scrapes Clary with an access key, and sees what its owner may see."""

from __future__ import annotations

import base64
import urllib.error
import urllib.request

import pytest
from tests.e2e.conftest import Keys


def scrape(account, keys: Keys | None = None, **fields: str) -> str:
    if keys is not None:
        given = base64.b64encode(f"{keys.access_key}:{keys.secret}".encode()).decode()
        fields["Authorization"] = f"Basic {given}"
    asked = urllib.request.Request(f"{account.clary.environment['AWS_ENDPOINT_URL']}/metrics", headers=fields)
    with urllib.request.urlopen(asked) as answer:
        assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
        return answer.read().decode()


def keys_of_user(account, name: str, *policies: str) -> Keys:
    iam = account("iam")
    iam.create_user(UserName=name)
    for policy in policies:
        iam.attach_user_policy(UserName=name, PolicyArn=f"arn:aws:iam::aws:policy/{policy}")
    return Keys.of(iam.create_access_key(UserName=name)["AccessKey"])


@pytest.fixture
def reader(account) -> Keys:
    return keys_of_user(account, "prometheus", "CloudWatchReadOnlyAccess")


def test_the_managing_account_sees_everybody_and_others_themselves(account, reader):
    account("sagemaker").list_endpoints()
    account.train("job", account.image(account.clary.home / "scraped", train="#!/bin/sh\n"))
    account.completed("job")
    environment = account.clary.environment
    root = Keys(environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"])
    line = f'clary_sagemaker_training_jobs{{account="{account.id}",region="us-east-1",status="Completed"}} 1'
    assert line in scrape(account, root)
    own = scrape(account, reader)
    assert line in own
    assert all(f'account="{account.id}"' in each for each in own.splitlines() if not each.startswith("#"))


@pytest.mark.parametrize("fields", [{}, {"Authorization": "Basic bm90OmtleQ=="}, {"Authorization": "Bearer x"}])
def test_nobody_else_sees_anything(account, fields):
    with pytest.raises(urllib.error.HTTPError) as caught:
        scrape(account, **fields)
    assert caught.value.code == 401
    assert caught.value.headers["www-authenticate"].startswith("Basic")
    caught.value.close()


def test_a_wrong_secret_and_a_user_without_leave_are_refused(account, reader):
    with pytest.raises(urllib.error.HTTPError) as caught:
        scrape(account, Keys(reader.access_key, "wrong"))
    assert caught.value.code == 401
    caught.value.close()
    with pytest.raises(urllib.error.HTTPError) as caught:
        scrape(account, keys_of_user(account, "nobody"))
    assert caught.value.code == 403
    assert b"cloudwatch:ListMetrics" in caught.value.read()
    caught.value.close()


def test_a_bucket_named_metrics_is_still_a_bucket(account):
    account("s3").create_bucket(Bucket="metrics")
    account("s3").put_object(Bucket="metrics", Key="k", Body=b"1")
    assert [each["Key"] for each in account("s3").list_objects_v2(Bucket="metrics")["Contents"]] == ["k"]
