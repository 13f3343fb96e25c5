"""The services that have quotas here."""

from __future__ import annotations

from clary.resources.quotas import SAGEMAKER
from clary.services.operation import Call, Operations, Params, Result, operation
from clary.services.service_quotas.faults import NoSuchResource
from clary.services.service_quotas.pages import page

NAMES = {SAGEMAKER: "Amazon SageMaker"}


class Services(Operations):
    """ListServices."""

    @operation("ListServices")
    def list_page(self, call: Call, request: Params) -> Result:
        """Return the services that have quotas."""
        return page("Services", list(NAMES), request, lambda code: {"ServiceCode": code, "ServiceName": NAMES[code]})


def name_of(service: str) -> str:
    """Return the name of a service, or raise NoSuchResource."""
    if service not in NAMES:
        raise NoSuchResource("The request failed because the specified service does not exist.")
    return NAMES[service]
