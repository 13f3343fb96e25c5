"""Rarer ways to say the same: images of other regions and versions, other regions, flat models, live logs."""

from __future__ import annotations

import threading

import pytest
from botocore.config import Config

ACCOUNTS = {"us-east-1": "683313688378", "eu-west-1": "141502667606", "ap-northeast-1": "354813040037"}
TAGS = (
    "sagemaker-xgboost:1.2-1",
    "sagemaker-xgboost:1.5-1",
    "sagemaker-xgboost:3.0-5",
    "sagemaker-xgboost:1.0-1-cpu-py3",
)
PARAMETERS = {"objective": "reg:squarederror", "num_round": "3"}
ROWS = "".join(f"{number},{number},{number * 2 % 7}\n" for number in range(60))

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("tag", TAGS)
@pytest.mark.parametrize("region", ACCOUNTS)
def test_awss_images_of_any_region_and_version_train(account, region, tag):
    image = f"{ACCOUNTS[region]}.dkr.ecr.{region}.amazonaws.com/{tag}"
    account.train("any", image, PARAMETERS, channels={"train": account.put("d/rows.csv", ROWS)})
    job = account.completed("any")
    assert [each["MetricName"] for each in job["FinalMetricDataList"]] == ["train:rmse"]


def test_a_model_is_kept_as_files_where_no_archive_is_wanted(account):
    where = {"S3OutputPath": f"s3://{account.bucket}/flat", "CompressionType": "NONE"}
    data = account.put("d/rows.csv", ROWS)
    image = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"
    account.train("flat", image, PARAMETERS, channels={"train": data}, OutputDataConfig=where)
    artifact = account.completed("flat")["ModelArtifacts"]["S3ModelArtifacts"]
    assert artifact == f"s3://{account.bucket}/flat/flat/output/model/"
    source = {"S3DataSource": {"S3Uri": artifact, "S3DataType": "S3Prefix", "CompressionType": "None"}}
    account.model("flat", image, container={"ModelDataSource": source})
    account.deploy("flat")
    account.serving("flat")
    assert float(account.invoke("flat", "30,4")["Body"])


def test_the_log_of_a_job_can_be_followed_while_it_runs(account, tmp_path):
    train = "#!/bin/sh\nfor number in 1 2 3 4 5 6; do echo line $number; sleep 1; done\n"
    account("logs").create_log_group(logGroupName="/aws/sagemaker/TrainingJobs")
    group = account.arn("log-group:/aws/sagemaker/TrainingJobs", "logs")
    plain = Config(inject_host_prefix=False, read_timeout=60)  # no name of this machine begins with `streaming-`
    client = account.clary.client("logs", account.keys, config=plain)
    stream = client.start_live_tail(logGroupIdentifiers=[group])["responseStream"]
    account.train("talks", account.image(tmp_path / "image", train=train))
    seen: list[str] = []
    stop = threading.Timer(60, stream.close)
    stop.start()
    for event in stream:
        seen += [each["message"] for each in event.get("sessionUpdate", {}).get("sessionResults", ())]
        if "line 6" in seen:
            break
    stop.cancel()
    stream.close()
    client.close()
    assert [line for line in seen if line.startswith("line")] == [f"line {number}" for number in range(1, 7)]
