"""PutDashboard, GetDashboard, ListDashboards and DeleteDashboards."""

from __future__ import annotations

import json
from typing import Any

import pytest

from clary.core.errors import ServiceError

WIDGET = {"type": "metric", "x": 0, "y": 0, "width": 12, "height": 6, "properties": {"metrics": [["N", "m"]]}}


def test_a_dashboard_is_kept_as_it_was_put_and_seen_from_every_region(aws: Any) -> None:
    cloudwatch = aws("cloudwatch")
    for name in ("b", "a"):
        body = json.dumps({"widgets": [WIDGET], "odd": 1})
        answer = cloudwatch("PutDashboard", DashboardName=name, DashboardBody=body)
    assert answer["DashboardValidationMessages"] == [
        {"DataPath": "/odd", "Message": "Should NOT have additional properties"}
    ]
    elsewhere = aws.elsewhere("eu-west-1")("cloudwatch")
    assert elsewhere("GetDashboard", DashboardName="a") == {
        "DashboardArn": f"arn:aws:cloudwatch::{aws.account}:dashboard/a", "DashboardBody": body, "DashboardName": "a",
    }  # fmt: skip
    listed = elsewhere("ListDashboards")["DashboardEntries"]
    assert [(each["DashboardName"], each["Size"]) for each in listed] == [("a", len(body)), ("b", len(body))]
    assert len(cloudwatch("ListDashboards", DashboardNamePrefix="b")["DashboardEntries"]) == 1


def test_a_dashboard_is_replaced_and_deleted(aws: Any) -> None:
    cloudwatch = aws("cloudwatch")
    for widgets in ([], [WIDGET]):
        cloudwatch("PutDashboard", DashboardName="a", DashboardBody=json.dumps({"widgets": widgets}))
    assert json.loads(cloudwatch("GetDashboard", DashboardName="a")["DashboardBody"]) == {"widgets": [WIDGET]}
    with pytest.raises(ServiceError, match="Dashboard gone does not exist"):
        cloudwatch("DeleteDashboards", DashboardNames=["a", "gone"])
    cloudwatch("DeleteDashboards", DashboardNames=["a"])
    with pytest.raises(ServiceError) as caught:
        cloudwatch("GetDashboard", DashboardName="a")
    assert (caught.value.code, caught.value.status) == ("ResourceNotFound", 404)


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ("{", ""),
        ("[]", ""),
        ("{}", ""),
        (json.dumps({"widgets": [1]}), "/widgets/0"),
        (json.dumps({"widgets": [{"properties": {}}]}), "/widgets/0"),
        (json.dumps({"widgets": [{**WIDGET, "type": "odd"}]}), "/widgets/0/type"),
        (json.dumps({"widgets": [{**WIDGET, "width": 25}]}), "/widgets/0/width"),
        (json.dumps({"widgets": [{**WIDGET, "x": "1"}]}), "/widgets/0/x"),
        (json.dumps({"widgets": [{**WIDGET, "properties": {}}]}), "/widgets/0/properties"),
    ],
)
def test_a_body_that_cannot_be_drawn_is_refused_with_the_place(aws: Any, body: str, path: str) -> None:
    with pytest.raises(ServiceError, match="The dashboard body is invalid") as caught:
        aws("cloudwatch")("PutDashboard", DashboardName="a", DashboardBody=body)
    assert caught.value.code == "InvalidParameterInput"
    assert [each["DataPath"] for each in caught.value.members["dashboardValidationMessages"]] == [path]
