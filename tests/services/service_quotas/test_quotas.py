"""GetServiceQuota and its siblings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from clary.core.errors import ServiceError, SettingsError
from clary.resources.quotas import limits_of
from clary.services.operation import Platform


def pages(service_quotas: Any, operation: str, **more: Any) -> Iterator[dict[str, Any]]:
    request = {"ServiceCode": "sagemaker", **more}
    while True:
        answer = service_quotas(operation, **request)
        yield answer
        if "NextToken" not in answer:
            return
        request["NextToken"] = answer["NextToken"]


def test_a_quota_is_told_with_its_name_code_and_value(aws: Any, service_quotas: Any, asked: dict[str, str]) -> None:
    code = asked["QuotaCode"]
    assert service_quotas("GetServiceQuota", **asked)["Quota"] == {
        "ServiceCode": "sagemaker",
        "ServiceName": "Amazon SageMaker",
        "QuotaArn": f"arn:aws:servicequotas:us-east-1:{aws.account}:sagemaker/{code}",
        "QuotaCode": code,
        "QuotaName": "Number of endpoints",
        "Value": 1000.0,
        "Unit": "None",
        "Adjustable": True,
        "GlobalQuota": False,
        "QuotaAppliedAtLevel": "ACCOUNT",
    }


@pytest.mark.parametrize("operation", ["ListServiceQuotas", "ListAWSDefaultServiceQuotas"])
def test_quotas_are_listed_by_name_in_pages(service_quotas: Any, operation: str) -> None:
    found = [[each["QuotaName"] for each in page["Quotas"]] for page in pages(service_quotas, operation, MaxResults=90)]
    names = [name for page in found for name in page]
    assert names == sorted(set(names))
    assert len(found) > 2
    assert {"Number of endpoints", "ml.m5.large for endpoint usage", "ml.g5.xlarge for training job usage"} <= {*names}


def test_one_quota_may_be_listed(service_quotas: Any, asked: dict[str, str]) -> None:
    (quota,) = service_quotas("ListServiceQuotas", **asked)["Quotas"]
    assert quota["QuotaCode"] == asked["QuotaCode"]


def test_an_operator_chooses_defaults(aws: Any, asked: dict[str, str]) -> None:
    settings = replace(aws.platform.settings, quotas=f"{asked['QuotaCode']}=3")
    here = replace(aws, platform=Platform(aws.store, settings))("service_quotas")
    assert here("GetAWSDefaultServiceQuota", **asked)["Quota"]["Value"] == 3.0
    assert here("GetServiceQuota", **asked)["Quota"]["Value"] == 3.0


@pytest.mark.parametrize("text", ["L-00000000=1", "nonsense", "L-00000000"])
def test_a_quota_that_there_is_not_cannot_be_chosen(text: str) -> None:
    with pytest.raises(SettingsError, match="quotas"):
        limits_of(text)


@pytest.mark.parametrize(
    ("operation", "request_", "code"),
    [
        ("GetServiceQuota", {"ServiceCode": "sagemaker", "QuotaCode": "L-0"}, "NoSuchResourceException"),
        ("GetServiceQuota", {"ServiceCode": "ec2", "QuotaCode": "L-0"}, "NoSuchResourceException"),
        ("ListServiceQuotas", {"ServiceCode": "ec2"}, "NoSuchResourceException"),
        ("ListServiceQuotas", {"ServiceCode": "sagemaker", "NextToken": "x"}, "InvalidPaginationTokenException"),
    ],
)
def test_what_is_not_there_is_refused(service_quotas: Any, operation: str, request_: dict[str, str], code: str) -> None:
    with pytest.raises(ServiceError) as caught:
        service_quotas(operation, **request_)
    assert caught.value.code == code
