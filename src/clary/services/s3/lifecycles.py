"""The lifecycle of what is in a bucket: rules that `controllers/expirations.py` carries out every day.

Objects move to no other storage class, since there is one kind of disk: rules that ask for it are refused.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from clary.core.errors import ServiceError
from clary.resources.lifecycle import DAY_S
from clary.services.operation import Call, Operations, Params, Result, operation
from clary.services.s3 import faults
from clary.services.s3.ownership import configure, own_bucket

RULES_MAX = 1000
ID_MAX = 255
MINIMUM_SIZE = "all_storage_classes_128K"
ACTIONS = ("Expiration", "NoncurrentVersionExpiration", "AbortIncompleteMultipartUpload")
MOVES = ("Transitions", "NoncurrentVersionTransitions")
NUMBERS = (
    ("Expiration", "Days"),
    ("NoncurrentVersionExpiration", "NoncurrentDays"),
    ("AbortIncompleteMultipartUpload", "DaysAfterInitiation"),
)


class Lifecycles(Operations):
    """Keeps the lifecycle rules of buckets."""

    @operation("PutBucketLifecycleConfiguration")
    def put(self, call: Call, request: Params) -> Result:
        """Give a bucket rules, in place of those it had."""
        bucket = own_bucket(call, request)
        rules = [_checked(each) for each in request.get("LifecycleConfiguration", {}).get("Rules", ())]
        names = [each["ID"] for each in rules]
        if not 1 <= len(rules) <= RULES_MAX:
            raise faults.malformed_xml()
        if len(set(names)) != len(names):
            raise faults.invalid_argument("Rule ID must be unique. Found same ID for more than one rule")
        configure(call, bucket.name, {"Lifecycle": rules})
        return {"TransitionDefaultMinimumObjectSize": MINIMUM_SIZE}

    @operation("GetBucketLifecycleConfiguration")
    def get(self, call: Call, request: Params) -> Result:
        """Return a bucket's rules."""
        rules = own_bucket(call, request).spec.get("Lifecycle")
        if not rules:
            text = "The lifecycle configuration does not exist"
            raise ServiceError(text, code="NoSuchLifecycleConfiguration", status=404)
        return {"Rules": rules, "TransitionDefaultMinimumObjectSize": MINIMUM_SIZE}

    @operation("DeleteBucketLifecycle")
    def delete(self, call: Call, request: Params) -> Result:
        """Take a bucket's rules away; nothing expires any more."""
        configure(call, own_bucket(call, request).name, {"Lifecycle": None})
        return None


def _checked(rule: Params) -> dict[str, Any]:
    """Return a rule as it is kept, or raise what S3 does."""
    if any(rule.get(name) for name in MOVES):
        raise ServiceError(
            "Transitions to other storage classes are not implemented", code="NotImplemented", status=501
        )
    if rule.get("Status") not in ("Enabled", "Disabled") or ("Filter" in rule) is ("Prefix" in rule):
        raise faults.malformed_xml()
    if len(rule.get("ID") or "") > ID_MAX:
        raise faults.invalid_argument("ID length should not exceed allowed limit of 255")
    if not any(rule.get(name) for name in ACTIONS):
        raise faults.invalid_request("At least one action needs to be specified in a rule.")
    _check_numbers(rule)
    kept = {**rule, "ID": rule.get("ID") or secrets.token_urlsafe(36)}
    return {**kept, "Expiration": _expiration(rule["Expiration"])} if "Expiration" in rule else kept


def _check_numbers(rule: Params) -> None:
    for action, member in NUMBERS:
        value = rule.get(action, {}).get(member)
        if value is not None and value < 1:
            raise faults.invalid_argument(f"'{member}' for {action} action must be a positive integer")
    if rule.get("NoncurrentVersionExpiration", {"NoncurrentDays": 1}).get("NoncurrentDays") is None:
        raise faults.malformed_xml()
    tagged = "Tag" in rule.get("Filter", {}) or rule.get("Filter", {}).get("And", {}).get("Tags")
    if tagged and "AbortIncompleteMultipartUpload" in rule:
        raise faults.invalid_request("AbortIncompleteMultipartUpload cannot be specified with Tags.")


def _expiration(told: Mapping[str, Any]) -> dict[str, Any]:
    if len(told) != 1:
        raise faults.malformed_xml()
    date = told.get("Date")
    if not isinstance(date, datetime):
        return dict(told)
    if date.timestamp() % DAY_S:
        raise faults.invalid_argument("'Date' must be at midnight GMT")
    return {"Date": date.timestamp()}
