"""Requests for more: they are granted at once, since it is the machine that sets the bound in the end.

Who may ask is for IAM to say (`servicequotas:RequestServiceQuotaIncrease`).
"""

from __future__ import annotations

from typing import Any

from clary.core.ids import uid
from clary.resources.quotas import APPLIED, Quota, limits_of, quotas
from clary.services.operation import Call, Operations, Params, Result, operation
from clary.services.service_quotas.faults import IllegalArgument, NoSuchResource
from clary.services.service_quotas.pages import page
from clary.services.service_quotas.quotas import find_quota, named_view
from clary.store.query import PAGE_MAX, Query
from clary.store.records import Change, Kind, Record, Records

REQUESTED = Kind("service-quotas", "change")
APPROVED = "APPROVED"
LEVELS = ("ACCOUNT", "ALL")


class Changes(Operations):
    """RequestServiceQuotaIncrease and its siblings."""

    @operation("RequestServiceQuotaIncrease")
    def request(self, call: Call, request: Params) -> Result:
        """Grant the account more, and write down that it was asked for; raise IllegalArgument for less."""
        quota, desired = find_quota(request), request["DesiredValue"]
        if "ContextId" in request:
            raise IllegalArgument("The quota cannot be requested for a resource.")
        with call.store.records.together() as records:
            if desired <= limits_of(self.platform.settings.quotas).value(records, quota):
                raise IllegalArgument("You must provide a quota value greater than the current quota value.")
            _grant(records, quota, desired)
            spec = {
                "ServiceCode": quota.service,
                "QuotaCode": quota.code,
                "DesiredValue": desired,
                "Requester": call.principal.arn,
            }
            record = records.create(REQUESTED, uid(), spec, state=APPROVED)
        return {"RequestedQuota": _view(call, record)}

    @operation("GetRequestedServiceQuotaChange")
    def get(self, call: Call, request: Params) -> Result:
        """Return one request."""
        record = call.store.records.find(REQUESTED, request["RequestId"])
        if record is None:
            raise NoSuchResource("The request failed because the specified quota change request does not exist.")
        return {"RequestedQuota": _view(call, record)}

    @operation("ListRequestedServiceQuotaChangeHistory")
    def list_page(self, call: Call, request: Params) -> Result:
        """Return a page of the account's requests, newest first."""
        return _page(call, request)

    @operation("ListRequestedServiceQuotaChangeHistoryByQuota")
    def list_by_quota(self, call: Call, request: Params) -> Result:
        """Return a page of the requests for one quota, newest first."""
        find_quota(request)
        return _page(call, request)


def _grant(records: Records, quota: Quota, value: float) -> None:
    held = records.find(APPLIED, quota.code)
    if held is None:
        records.create(APPLIED, quota.code, {"Value": value})
    else:
        records.update(held, Change(spec={"Value": value}))


def _page(call: Call, request: Params) -> dict[str, Any]:
    at_all = request.get("QuotaRequestedAtLevel", "ACCOUNT") in LEVELS
    found = _found(call, request) if at_all else []
    return page("RequestedQuotas", found, request, lambda record: _view(call, record))


def _found(call: Call, request: Params) -> list[Record]:
    """Return the requests that fit, newest first, of the last PAGE_MAX."""
    states = [request["Status"]] if "Status" in request else ()
    wanted = {name: request[name] for name in ("ServiceCode", "QuotaCode") if name in request}
    query = Query(limit=PAGE_MAX, sort="created", descending=True, states=states)
    asked = call.store.records.page(REQUESTED, query).items
    return [record for record in asked if wanted.items() <= record.spec.items()]


def _view(call: Call, record: Record) -> dict[str, Any]:
    quota = quotas(record.spec["ServiceCode"])[record.spec["QuotaCode"]]
    return {
        **named_view(call, quota),
        "Id": record.name,
        "DesiredValue": record.spec["DesiredValue"],
        "Status": record.state,
        "Created": record.created,
        "LastUpdated": record.modified,
        "Requester": record.spec["Requester"],
        "QuotaRequestedAtLevel": "ACCOUNT",
    }
