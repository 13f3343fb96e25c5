"""ListServices."""

from __future__ import annotations

from typing import Any


def test_the_services_that_have_quotas_are_listed(service_quotas: Any) -> None:
    services = service_quotas("ListServices")["Services"]
    assert services == [{"ServiceCode": "sagemaker", "ServiceName": "Amazon SageMaker"}]
