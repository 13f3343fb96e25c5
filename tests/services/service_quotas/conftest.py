"""Service Quotas, as the root of a fresh account."""

from __future__ import annotations

from typing import Any

import pytest

from clary.resources.quotas import ENDPOINTS, SAGEMAKER, named


@pytest.fixture
def service_quotas(aws: Any) -> Any:
    return aws("service_quotas")


@pytest.fixture
def asked() -> dict[str, str]:
    """Give the names of one quota, as requests have them."""
    quota = named(SAGEMAKER, ENDPOINTS)
    assert quota is not None
    return {"ServiceCode": SAGEMAKER, "QuotaCode": quota.code}
