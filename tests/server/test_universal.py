"""Any operation is called by the name that AWS's SDKs give its service."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from clary.access.principal import Principal
from clary.core.errors import ServiceError
from clary.core.settings import load
from clary.server.internal import InternalCaller
from clary.server.perform import Performer
from clary.server.registry import Registry
from clary.server.universal import call_named
from clary.services import logs, sqs
from clary.services.iam.principals import Principals
from clary.services.operation import Platform
from clary.store.store import Store
from clary.wire.models import Models
from clary.wire.service_index import ServiceIndex

ACCOUNT, REGION = "111111111111", "us-east-1"
ROOT = Principal(ACCOUNT, f"arn:aws:iam::{ACCOUNT}:root", "Root", ACCOUNT)


@pytest.fixture
def caller(store: Store, home: Path) -> InternalCaller:
    platform = Platform(store, load({"home": home}, {}))
    groups = {"logs": logs.operations(platform), "sqs": sqs.operations(platform)}
    registry = Registry(Models(), ServiceIndex.read(), groups)
    return InternalCaller(Performer(store, registry, store.clock), Principals(store, store.clock))


def call(caller: InternalCaller, service: str, operation: str, params: Any) -> dict[str, Any]:
    return call_named(caller, ("logs", "sqs"), (service, operation), (REGION, ROOT), params)


def test_services_go_by_the_names_of_sdks(caller: InternalCaller) -> None:
    assert call(caller, "sqs", "CreateQueue", {"QueueName": "q"})["QueueUrl"].endswith(f"/{ACCOUNT}/q")
    call(caller, "cloudwatchlogs", "CreateLogGroup", {"logGroupName": "/x"})
    groups = call(caller, "cloudwatchlogs", "DescribeLogGroups", {})["logGroups"]
    assert [each["logGroupName"] for each in groups] == ["/x"]


@pytest.mark.parametrize(
    ("service", "operation", "params", "code"),
    [
        ("none", "CreateQueue", {}, "ValidationException"),
        ("sqs", "DoNothing", {}, "ValidationException"),
        ("sqs", "CreateQueue", {"QueueName": 1}, "SerializationException"),
        ("cloudwatchlogs", "CreateLogGroup", {"logGroupName": ""}, "ValidationException"),
        ("cloudwatchlogs", "CreateLogGroup", [], "SerializationException"),
    ],
)
def test_what_is_no_call_is_refused(
    caller: InternalCaller, service: str, operation: str, params: Any, code: str
) -> None:
    with pytest.raises(ServiceError) as caught:
        call(caller, service, operation, params)
    assert caught.value.code == code
