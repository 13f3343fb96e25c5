"""Alarms, metric math and dashboards through boto3, in each protocol that clients of CloudWatch speak."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import botocore
import botocore.session
import pytest
from botocore.exceptions import ClientError
from tests.e2e.conftest import ONE_TRY, REGION, Account, eventually

MODEL = Path(botocore.__file__).parent / "data/cloudwatch/2010-08-01/service-2.json.gz"
WATCH: dict[str, Any] = {
    "Namespace": "Team", "MetricName": "Errors", "Statistic": "Sum", "Period": 10, "EvaluationPeriods": 1,
    "Threshold": 1, "ComparisonOperator": "GreaterThanOrEqualToThreshold", "TreatMissingData": "notBreaching",
}  # fmt: skip


@pytest.fixture(params=["smithy-rpc-v2-cbor", "json", "query"])
def cloudwatch(request: Any, account: Account, tmp_path: Path) -> Iterator[Any]:
    """Give a client that speaks one protocol, as clients of that age do."""
    model = json.loads(gzip.decompress(MODEL.read_bytes()))
    model["metadata"] |= {"protocol": request.param, "protocols": [request.param]}
    folder = tmp_path / "cloudwatch" / "2010-08-01"
    folder.mkdir(parents=True)
    (folder / "service-2.json").write_text(json.dumps(model))
    session = botocore.session.Session()
    session.get_component("data_loader").search_paths.insert(0, str(tmp_path))
    session.set_credentials(account.keys.access_key, account.keys.secret, account.keys.token)
    url = account.clary.environment["AWS_ENDPOINT_URL"]
    client = session.create_client("cloudwatch", region_name=REGION, endpoint_url=url, config=ONE_TRY)
    assert client.meta.service_model.resolved_protocol == request.param
    yield client
    client.close()


def alarm(cloudwatch: Any, name: str) -> Any:
    (found,) = cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
    return found


def test_alarms_live_their_lives_in_every_protocol(cloudwatch: Any) -> None:
    cloudwatch.put_metric_alarm(AlarmName="a", **WATCH, Dimensions=[{"Name": "d", "Value": "v"}])
    cloudwatch.put_composite_alarm(AlarmName="c", AlarmRule="ALARM(a)")
    eventually(lambda: alarm(cloudwatch, "a")["StateValue"] == "OK", 10)
    cloudwatch.set_alarm_state(AlarmName="a", StateValue="ALARM", StateReason="a drill", StateReasonData='{"n": 1}')
    (shown,) = cloudwatch.describe_alarms_for_metric(
        Namespace="Team", MetricName="Errors", Dimensions=[{"Name": "d", "Value": "v"}]
    )["MetricAlarms"]
    assert shown["Threshold"] == 1.0
    assert datetime.now(UTC) - shown["StateUpdatedTimestamp"] < timedelta(minutes=1)
    history = cloudwatch.get_paginator("describe_alarm_history").paginate(AlarmName="a", HistoryItemType="StateUpdate")
    told = [item["HistorySummary"] for page in history for item in page["AlarmHistoryItems"]]
    assert {"Alarm updated from OK to ALARM", "Alarm updated from INSUFFICIENT_DATA to OK"} <= set(told)
    cloudwatch.disable_alarm_actions(AlarmNames=["a"])
    assert alarm(cloudwatch, "a")["ActionsEnabled"] is False
    with pytest.raises(ClientError, match="composite alarm") as caught:
        cloudwatch.delete_alarms(AlarmNames=["a"])
    assert caught.value.response["Error"]["Code"] == "ResourceConflict"
    with pytest.raises(cloudwatch.exceptions.ResourceNotFound):
        cloudwatch.set_alarm_state(AlarmName="gone", StateValue="OK", StateReason="r")
    cloudwatch.delete_alarms(AlarmNames=["a", "c"])
    assert cloudwatch.describe_alarms(AlarmTypes=["MetricAlarm", "CompositeAlarm"])["CompositeAlarms"] == []


def test_metrics_are_calculated_with_in_every_protocol(cloudwatch: Any) -> None:
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    for endpoint, count in (("one", 3.0), ("two", 5.0)):
        dimensions = [{"Name": "EndpointName", "Value": endpoint}]
        datum = {"MetricName": "Calls", "Dimensions": dimensions, "Value": count, "Timestamp": now}
        cloudwatch.put_metric_data(Namespace="Team", MetricData=[datum])
    search = "SEARCH('{Team,EndpointName} MetricName=\"Calls\"', 'Sum', 60)"
    queries = [
        {"Id": "found", "Expression": search},
        {"Id": "all", "Expression": "SUM(found) * 10", "Label": "all: ${LAST}"},
    ]
    times = {"StartTime": now - timedelta(minutes=5), "EndTime": now + timedelta(minutes=5)}
    lines = cloudwatch.get_metric_data(MetricDataQueries=queries, **times)["MetricDataResults"]
    assert [(line["Id"], line["Label"], line["Values"]) for line in lines] == [
        ("found", "one", [3.0]), ("found", "two", [5.0]), ("all", "all: 80", [80.0]),
    ]  # fmt: skip
    assert [line["Timestamps"] for line in lines] == [[now]] * 3
    with pytest.raises(ClientError, match="Unknown id 'lost'") as caught:
        cloudwatch.get_metric_data(MetricDataQueries=[{"Id": "e", "Expression": "lost * 2"}], **times)
    assert caught.value.response["Error"]["Code"] == "ValidationError"


def test_dashboards_and_tags_in_every_protocol(cloudwatch: Any) -> None:
    body = json.dumps({"widgets": [{"type": "text", "properties": {"markdown": "# Team"}}]})
    assert cloudwatch.put_dashboard(DashboardName="d", DashboardBody=body)["DashboardValidationMessages"] == []
    (entry,) = cloudwatch.list_dashboards()["DashboardEntries"]
    cloudwatch.tag_resource(ResourceARN=entry["DashboardArn"], Tags=[{"Key": "team", "Value": "red"}])
    tags = cloudwatch.list_tags_for_resource(ResourceARN=entry["DashboardArn"])["Tags"]
    assert tags == [{"Key": "team", "Value": "red"}]
    assert cloudwatch.get_dashboard(DashboardName="d")["DashboardBody"] == body
    with pytest.raises(cloudwatch.exceptions.DashboardInvalidInputError, match="validation errors"):
        cloudwatch.put_dashboard(DashboardName="d", DashboardBody="{}")
    cloudwatch.delete_dashboards(DashboardNames=["d"])
    with pytest.raises(ClientError, match="Dashboard d does not exist"):
        cloudwatch.get_dashboard(DashboardName="d")


def test_a_metric_raises_an_alarm_and_the_alarms_on_it_within_its_period(account: Account) -> None:
    cloudwatch = account("cloudwatch")
    topic = account.arn("nobody", "sns")
    cloudwatch.put_metric_alarm(AlarmName="a", **WATCH)
    cloudwatch.put_composite_alarm(AlarmName="c", AlarmRule="ALARM(a)", AlarmActions=[topic])
    cloudwatch.put_metric_data(
        Namespace="Team", MetricData=[{"MetricName": "Errors", "Value": 5, "StorageResolution": 1}]
    )
    cloudwatch.get_waiter("alarm_exists").wait(AlarmNames=["a"])
    eventually(lambda: alarm(cloudwatch, "a")["StateValue"] == "ALARM", 20)
    assert "was greater than or equal to the threshold (1.0)" in alarm(cloudwatch, "a")["StateReason"]

    def composite() -> Any:
        return cloudwatch.describe_alarms(AlarmNames=["c"], AlarmTypes=["CompositeAlarm"])["CompositeAlarms"][0]

    eventually(lambda: composite()["StateValue"] == "ALARM", 5)
    asked = {"AlarmName": "c", "AlarmTypes": ["CompositeAlarm"], "HistoryItemType": "Action"}
    (done,) = eventually(lambda: cloudwatch.describe_alarm_history(**asked)["AlarmHistoryItems"], 10)
    assert done["HistorySummary"] == f"Failed to execute action {topic}"


def test_an_alarm_tells_those_who_listen_to_its_topic(account: Account) -> None:
    cloudwatch, sns, sqs = account("cloudwatch"), account("sns"), account("sqs")
    topic = sns.create_topic(Name="alerts")["TopicArn"]
    queue = sqs.create_queue(QueueName="inbox")["QueueUrl"]
    arn = account.arn("inbox", "sqs")
    allowed = {
        "Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
    }  # fmt: skip
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    watch = {name: value for name, value in WATCH.items() if name != "TreatMissingData"}
    cloudwatch.put_metric_alarm(AlarmName="a", **watch, TreatMissingData="breaching", AlarmActions=[topic])
    (received,) = eventually(lambda: sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=5).get("Messages"), 20)
    envelope = json.loads(received["Body"])
    notice = json.loads(envelope["Message"])
    assert (envelope["TopicArn"], envelope["Subject"]) == (topic, 'ALARM: "a" in US East (N. Virginia)')
    assert (notice["AlarmName"], notice["NewStateValue"], notice["Trigger"]["MetricName"]) == ("a", "ALARM", "Errors")
    asked = {"AlarmName": "a", "HistoryItemType": "Action"}
    (done,) = eventually(lambda: cloudwatch.describe_alarm_history(**asked)["AlarmHistoryItems"], 10)
    assert done["HistorySummary"] == f"Successfully executed action {topic}"


def test_many_points_are_taken_compressed_as_sdks_send_them(cloudwatch: Any) -> None:
    data = [{"MetricName": f"m{number:03}", "Value": float(number), "Unit": "Count"} for number in range(500)]
    cloudwatch.put_metric_data(Namespace="Compressed", MetricData=data)
    pages = cloudwatch.get_paginator("list_metrics").paginate(Namespace="Compressed")
    assert sum(len(page["Metrics"]) for page in pages) == 500
