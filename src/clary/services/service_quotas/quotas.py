"""Quotas: what an account has, and what it would have if it had asked for nothing."""

from __future__ import annotations

from functools import partial
from typing import Any

from clary.resources.quotas import Limits, Quota, limits_of, quotas
from clary.services.operation import Call, Operations, Params, Result, operation
from clary.services.service_quotas.faults import NoSuchResource
from clary.services.service_quotas.pages import page
from clary.services.service_quotas.services import name_of


class Quotas(Operations):
    """GetServiceQuota and its siblings."""

    @operation("GetServiceQuota")
    def get(self, call: Call, request: Params) -> Result:
        """Return one quota of the account."""
        quota = find_quota(request)
        return {"Quota": view(call, quota, self._limits.value(call.store.records, quota))}

    @operation("ListServiceQuotas")
    def list_page(self, call: Call, request: Params) -> Result:
        """Return a page of the account's quotas, by name."""
        found = [find_quota(request)] if "QuotaCode" in request else _every(request)
        value = partial(self._limits.value, call.store.records)
        return page("Quotas", found, request, lambda quota: view(call, quota, value(quota)))

    @operation("GetAWSDefaultServiceQuota")
    def get_default(self, call: Call, request: Params) -> Result:
        """Return one quota as it is for an account that was granted nothing."""
        quota = find_quota(request)
        return {"Quota": view(call, quota, self._limits.default(quota))}

    @operation("ListAWSDefaultServiceQuotas")
    def list_defaults(self, call: Call, request: Params) -> Result:
        """Return a page of the quotas as they are for an account that was granted nothing."""
        return page("Quotas", _every(request), request, lambda quota: view(call, quota, self._limits.default(quota)))

    @property
    def _limits(self) -> Limits:
        return limits_of(self.platform.settings.quotas)


def _every(request: Params) -> list[Quota]:
    name_of(request["ServiceCode"])
    return list(quotas(request["ServiceCode"]).values())


def find_quota(request: Params) -> Quota:
    """Return the quota that a request names, or raise NoSuchResource."""
    name_of(request["ServiceCode"])
    found = quotas(request["ServiceCode"]).get(request["QuotaCode"])
    if found is None:
        raise NoSuchResource("The request failed because the specified quota does not exist.")
    return found


def view(call: Call, quota: Quota, value: float) -> dict[str, Any]:
    """Return a quota as the API shows it."""
    return {**named_view(call, quota), "Value": value, "Adjustable": True, "QuotaAppliedAtLevel": "ACCOUNT"}


def named_view(call: Call, quota: Quota) -> dict[str, Any]:
    """Return what quotas and requests for more of them share."""
    return {
        "ServiceCode": quota.service,
        "ServiceName": name_of(quota.service),
        "QuotaArn": call.arn(f"{quota.service}/{quota.code}", service="servicequotas"),
        "QuotaCode": quota.code,
        "QuotaName": quota.name,
        "GlobalQuota": False,
        "Unit": "None",
    }
