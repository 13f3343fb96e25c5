"""RequestServiceQuotaIncrease and its siblings."""

from __future__ import annotations

from typing import Any

import pytest

from clary.core.errors import ServiceError


def test_more_is_granted_at_once_in_this_account_and_region_alone(
    aws: Any, service_quotas: Any, asked: dict[str, str]
) -> None:
    told = service_quotas("RequestServiceQuotaIncrease", **asked, DesiredValue=5000.0)["RequestedQuota"]
    assert (told["Status"], told["DesiredValue"], told["QuotaCode"]) == ("APPROVED", 5000.0, asked["QuotaCode"])
    assert told["Requester"] == f"arn:aws:iam::{aws.account}:root"
    assert service_quotas("GetServiceQuota", **asked)["Quota"]["Value"] == 5000.0
    assert service_quotas("GetAWSDefaultServiceQuota", **asked)["Quota"]["Value"] == 1000.0
    for elsewhere in (aws.other(), aws.elsewhere("eu-west-1")):
        assert elsewhere("service_quotas")("GetServiceQuota", **asked)["Quota"]["Value"] == 1000.0
    assert service_quotas("GetRequestedServiceQuotaChange", RequestId=told["Id"])["RequestedQuota"] == told


def test_requests_are_listed_newest_first(service_quotas: Any, asked: dict[str, str]) -> None:
    other = service_quotas("ListServiceQuotas", ServiceCode="sagemaker", MaxResults=1)["Quotas"][0]["QuotaCode"]
    for value in (2000.0, 3000.0):
        service_quotas("RequestServiceQuotaIncrease", **asked, DesiredValue=value)
    service_quotas("RequestServiceQuotaIncrease", ServiceCode="sagemaker", QuotaCode=other, DesiredValue=1e9)

    def listed(operation: str, **request: Any) -> list[float]:
        return [each["DesiredValue"] for each in service_quotas(operation, **request)["RequestedQuotas"]]

    assert listed("ListRequestedServiceQuotaChangeHistory") == [1e9, 3000.0, 2000.0]
    assert listed("ListRequestedServiceQuotaChangeHistory", Status="PENDING") == []
    assert listed("ListRequestedServiceQuotaChangeHistoryByQuota", **asked) == [3000.0, 2000.0]
    assert listed("ListRequestedServiceQuotaChangeHistoryByQuota", **asked, QuotaRequestedAtLevel="RESOURCE") == []


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"DesiredValue": 1000.0}, "IllegalArgumentException"),
        ({"DesiredValue": 9999.0, "ContextId": "arn"}, "IllegalArgumentException"),
        ({"DesiredValue": 9999.0, "QuotaCode": "L-0"}, "NoSuchResourceException"),
    ],
)
def test_less_and_what_is_not_there_are_refused(
    service_quotas: Any, asked: dict[str, str], more: dict[str, Any], code: str
) -> None:
    with pytest.raises(ServiceError) as caught:
        service_quotas("RequestServiceQuotaIncrease", **{**asked, **more})
    assert caught.value.code == code
    with pytest.raises(ServiceError):
        service_quotas("GetRequestedServiceQuotaChange", RequestId="none")
