"""Member accounts: made in milliseconds, each with a role that lets the managing account in."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from clary.core.errors import ServiceError
from clary.core.ids import account_id, arn, uid
from clary.services.iam.identities import create_role
from clary.services.iam.kinds import ACCOUNT, ACTIVE, AWS_POLICIES
from clary.services.operation import Call, Operations, Params, Result, operation
from clary.services.organizations.organization import Organization, organization_of, require_management
from clary.store.query import Query
from clary.store.records import Change, Kind, Record, Records, Unique

REQUEST = Kind("organizations", "create-account-request", Unique.ACCOUNT)
ROLE_NAME = "OrganizationAccountAccessRole"
PENDING_CLOSURE = "PENDING_CLOSURE"
PAGE_DEFAULT = 20
TAGS_MAX = 50


class Accounts(Operations):
    """CreateAccount and its siblings."""

    @operation("CreateAccount")
    def create(self, call: Call, request: Params) -> Result:
        """Make an account, at once; a request that cannot be met is told by its state, as AWS tells it."""
        organization = require_management(call, self.platform.store)
        with call.store.records.together() as records:
            taken = records.page(ACCOUNT, Query(limit=1, attributes={"email": request["Email"].lower()})).items
            outcome = {"State": "FAILED", "FailureReason": "EMAIL_ALREADY_EXISTS"}
            if not taken:
                outcome = {"State": "SUCCEEDED", "AccountId": _create(records, organization, request)}
            told = {"AccountName": request["AccountName"], **outcome}
            record = records.create(REQUEST, f"car-{uid()}{uid()}", told, state=outcome["State"])
        return {"CreateAccountStatus": _request_view(record)}

    @operation("DescribeCreateAccountStatus")
    def describe_request(self, call: Call, request: Params) -> Result:
        """Tell how the making of an account went."""
        require_management(call, self.platform.store)
        record = call.store.records.find(REQUEST, request["CreateAccountRequestId"])
        if record is None:
            text = "We can't find a create account request with the CreateAccountRequestId that you specified."
            raise ServiceError(text, code="CreateAccountStatusNotFoundException", status=400)
        return {"CreateAccountStatus": _request_view(record)}

    @operation("ListCreateAccountStatus")
    def list_requests(self, call: Call, request: Params) -> Result:
        """List how the making of accounts went."""
        require_management(call, self.platform.store)
        query = Query(
            limit=request.get("MaxResults", PAGE_DEFAULT),
            token=request.get("NextToken", ""),
            states=tuple(request.get("States", ())),
        )
        page = call.store.records.page(REQUEST, query)
        return {"CreateAccountStatuses": [_request_view(each) for each in page.items], **_next(page.next_token)}

    @operation("DescribeAccount")
    def describe(self, call: Call, request: Params) -> Result:
        """Tell of an account of the organization."""
        organization = organization_of(call, self.platform.store)
        if call.account not in (organization.management, request["AccountId"]):
            require_management(call, self.platform.store)
        record = _find(self.platform.store.records(organization.management, ""), request["AccountId"])
        return {"Account": _view(organization, record)}

    @operation("ListAccounts")
    def list_page(self, call: Call, request: Params) -> Result:
        """List the accounts of the organization."""
        organization = require_management(call, self.platform.store)
        query = Query(limit=request.get("MaxResults", PAGE_DEFAULT), token=request.get("NextToken", ""))
        page = call.store.records.page(ACCOUNT, query)
        return {"Accounts": [_view(organization, record) for record in page.items], **_next(page.next_token)}

    @operation("ListAccountsForParent")
    def list_for_parent(self, call: Call, request: Params) -> Result:
        """List the accounts below the root, which are all."""
        organization = require_management(call, self.platform.store)
        if request["ParentId"] != organization.root_id:
            text = "You specified a parent that doesn't exist."
            raise ServiceError(text, code="ParentNotFoundException", status=400)
        return self.list_page(call, {name: value for name, value in request.items() if name != "ParentId"})

    @operation("ListParents")
    def list_parents(self, call: Call, request: Params) -> Result:
        """Tell what an account hangs below: the root."""
        organization = require_management(call, self.platform.store)
        child = call.store.records.find(ACCOUNT, request["ChildId"])
        if child is None:
            text = "You specified a child that doesn't exist."
            raise ServiceError(text, code="ChildNotFoundException", status=400)
        return {"Parents": [{"Id": organization.root_id, "Type": "ROOT"}]}

    @operation("CloseAccount")
    def close(self, call: Call, request: Params) -> Result:
        """Close an account: its credentials are worth nothing from now on, and all it has will be removed."""
        organization = require_management(call, self.platform.store)
        account = request["AccountId"]
        if account == organization.management:
            raise ServiceError(
                "You can't close the management account of an organization.",
                code="ConstraintViolationException",
                status=400,
                Reason="CANNOT_CLOSE_MANAGEMENT_ACCOUNT",
            )
        with call.store.records.together() as records:
            record = _find(records, account)
            if record.deleting or record.state != ACTIVE:
                text = "You attempted to close an account that is already closed."
                raise ServiceError(text, code="AccountAlreadyClosedException", status=400)
            records.update(record, Change(state=PENDING_CLOSURE, deleting=True))
        return None

    @operation("TagResource")
    def tag(self, call: Call, request: Params) -> Result:
        """Add tags to an account."""
        self._retag(call, request, lambda tags: {**tags, **_tags(request)})
        return None

    @operation("UntagResource")
    def untag(self, call: Call, request: Params) -> Result:
        """Take tags off an account."""
        gone = set(request["TagKeys"])
        self._retag(call, request, lambda tags: {key: value for key, value in tags.items() if key not in gone})
        return None

    @operation("ListTagsForResource")
    def list_tags(self, call: Call, request: Params) -> Result:
        """List the tags of an account."""
        require_management(call, self.platform.store)
        tags = _find(call.store.records, request["ResourceId"]).spec.get("Tags", {})
        return {"Tags": [{"Key": key, "Value": value} for key, value in sorted(tags.items())]}

    def _retag(self, call: Call, request: Params, change: Callable[[dict[str, str]], dict[str, str]]) -> None:
        require_management(call, self.platform.store)
        with call.store.records.together() as records:
            record = _find(records, request["ResourceId"], code="TargetNotFoundException")
            spec = {**record.spec, "Tags": change(record.spec.get("Tags", {}))}
            if len(spec["Tags"]) > TAGS_MAX:
                raise ServiceError(
                    f"You have exceeded the allowed number of tags: {TAGS_MAX}.",
                    code="ConstraintViolationException",
                    status=400,
                    Reason="MAX_TAG_LIMIT_EXCEEDED",
                )
            records.update(record, Change(spec=spec, attributes=_attributes(spec)))


def _create(records: Records, organization: Organization, request: Params) -> str:
    account = account_id()
    while records.find(ACCOUNT, account) is not None:
        account = account_id()
    spec = {
        "AccountName": request["AccountName"],
        "Email": request["Email"],
        "JoinedMethod": "CREATED",
        "Tags": _tags(request),
    }
    records.create(ACCOUNT, account, spec, state=ACTIVE, attributes=_attributes(spec))
    # The same transaction, but as the new account: its first role is its own.
    create_role(
        replace(records, account=account),
        request.get("RoleName", ROLE_NAME),
        _trust(organization.management),
        Attached=[f"{AWS_POLICIES}AdministratorAccess"],
    )
    return account


def _trust(management: str) -> str:
    principal = {"AWS": arn("iam", "", management, "root")}
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _attributes(spec: Mapping[str, Any]) -> dict[str, str]:
    return {"email": spec["Email"].lower(), **{f"tag:{key}": value for key, value in spec.get("Tags", {}).items()}}


def _tags(request: Params) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in request.get("Tags", ())}


def _find(records: Records, account: str, *, code: str = "AccountNotFoundException") -> Record:
    record = records.find(ACCOUNT, account)
    if record is None:
        raise ServiceError("You specified an account that doesn't exist.", code=code, status=400)
    return record


def _view(organization: Organization, record: Record) -> dict[str, Any]:
    return {
        "Id": record.name,
        "Arn": organization.account_arn(record.name),
        "Email": record.spec["Email"],
        "Name": record.spec["AccountName"],
        "Status": record.state,
        "State": record.state,
        "JoinedMethod": record.spec["JoinedMethod"],
        "JoinedTimestamp": record.created,
    }


def _request_view(record: Record) -> dict[str, Any]:
    times = {"RequestedTimestamp": record.created, "CompletedTimestamp": record.created}
    return {"Id": record.name, **record.spec, **times}


def _next(token: str) -> dict[str, str]:
    return {"NextToken": token} if token else {}
