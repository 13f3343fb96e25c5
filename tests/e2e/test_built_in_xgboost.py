"""The main job with AWS's built-in XGBoost: data in S3, a training job, an endpoint, predictions, metrics, the end."""

from __future__ import annotations

import gzip
import json
import random
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from botocore.exceptions import ClientError

XGBOOST = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"
WALK = ["Starting", "Downloading", "Training", "Uploading", "Completed"]
PARAMETERS = {"objective": "binary:logistic", "num_round": "12", "max_depth": "3", "eval_metric": "error,logloss"}


def rows(count: int, seed: int) -> list[tuple[int, list[float]]]:
    """Return labelled points; the label is 1 where the first two numbers are large together."""
    chance = random.Random(seed)
    points = [[chance.random() for _ in range(4)] for _ in range(count)]
    return [(int(point[0] + point[1] > 1), point) for point in points]


def csv(labelled) -> str:
    return "".join(f"{label}," + ",".join(f"{value:.5f}" for value in point) + "\n" for label, point in labelled)


def libsvm(labelled) -> str:
    return "".join(
        f"{label} " + " ".join(f"{index}:{value:.5f}" for index, value in enumerate(point, 1)) + "\n"
        for label, point in labelled
    )


def features(labelled) -> str:
    return "\n".join(csv([each]).strip().split(",", 1)[1] for each in labelled)


def accuracy(answer: str, labelled) -> float:
    scores = [float(score) for score in answer.replace(",", "\n").split()]
    return sum((score > 0.5) == bool(label) for score, (label, _) in zip(scores, labelled, strict=True)) / len(scores)


def test_a_table_in_s3_becomes_a_model_an_endpoint_and_predictions_and_then_nothing(account):
    train = account.put("data/train/part-0.csv", csv(rows(300, 1)))
    validation = account.put("data/validation/part-0.csv", csv(rows(100, 2)))
    account.train("churn", XGBOOST, PARAMETERS, channels={"train": train, "validation": validation})
    job = account.completed("churn")

    transitions = job["SecondaryStatusTransitions"]
    assert [each["Status"] for each in transitions if each["Status"] != "Pending"] == WALK
    assert all(before["EndTime"] == after["StartTime"] for before, after in pairwise(transitions))
    assert all(each["StatusMessage"] for each in transitions)
    assert job["CreationTime"] <= job["TrainingStartTime"] <= job["TrainingEndTime"] <= job["LastModifiedTime"]

    artifact = job["ModelArtifacts"]["S3ModelArtifacts"]
    assert artifact == f"s3://{account.bucket}/output/churn/output/model.tar.gz"
    assert list(account.archive(artifact)) == ["xgboost-model"]

    account.model("churn", XGBOOST, artifact)
    account.deploy("churn")
    seen = account.serving("churn")
    assert seen["ProductionVariants"][0]["CurrentInstanceCount"] == 1
    held_out = rows(50, 3)
    answer = account.invoke("churn", features(held_out))
    assert answer["InvokedProductionVariant"] == "AllTraffic"
    assert answer["ContentType"].startswith("text/csv")
    assert accuracy(answer["Body"], held_out) > 0.85

    sagemaker = account("sagemaker")
    sagemaker.delete_endpoint(EndpointName="churn")
    sagemaker.get_waiter("endpoint_deleted").wait(EndpointName="churn", WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    sagemaker.delete_endpoint_config(EndpointConfigName="churn")
    sagemaker.delete_model(ModelName="churn")
    with pytest.raises(ClientError, match=f"Endpoint churn of account {account.id} not found"):
        account.invoke("churn", "1,2,3,4")
    account.eventually(lambda: not account.instances())


def test_the_last_value_of_each_metric_is_told_and_all_of_them_are_in_cloudwatch(account):
    account.train("measured", XGBOOST, PARAMETERS, channels={"train": account.put("d/a.csv", csv(rows(200, 1)))})
    job = account.completed("measured")
    final = {each["MetricName"]: each["Value"] for each in job["FinalMetricDataList"]}
    assert set(final) == {"train:error", "train:logloss"}
    assert 0 <= final["train:error"] < 0.2

    now = datetime.now(UTC)
    answer = account("cloudwatch").get_metric_statistics(
        Namespace="/aws/sagemaker/TrainingJobs", MetricName="train:logloss",
        Dimensions=[{"Name": "TrainingJobName", "Value": "measured"}],
        StartTime=now - timedelta(hours=1), EndTime=now + timedelta(hours=1), Period=7200,
        Statistics=["SampleCount", "Minimum", "Maximum"],
    )  # fmt: skip
    assert sum(point["SampleCount"] for point in answer["Datapoints"]) == int(PARAMETERS["num_round"])
    assert min(point["Minimum"] for point in answer["Datapoints"]) == pytest.approx(final["train:logloss"], abs=1e-5)
    assert any("#011train-logloss:" in line for line in account.log_of_job("measured"))


def test_libsvm_trains_and_predicts_as_csv_does(account):
    train = {"S3Uri": account.put("svm/train", libsvm(rows(300, 1))), "ContentType": "text/libsvm"}
    account.train("svm", XGBOOST, PARAMETERS, channels={"train": train})
    account.model("svm", XGBOOST, account.completed("svm")["ModelArtifacts"]["S3ModelArtifacts"])
    account.deploy("svm")
    account.serving("svm")
    held_out = rows(40, 3)
    answer = account.invoke("svm", libsvm(held_out), ContentType="text/libsvm", Accept="text/csv")
    assert accuracy(answer["Body"], held_out) > 0.85
    answer = account.invoke("svm", libsvm(held_out[:2]), ContentType="text/libsvm", Accept="application/json")
    assert len(json.loads(answer["Body"])["predictions"]) == 2


def test_a_manifest_names_the_files_that_are_read_and_gzip_is_unpacked(account):
    halves = csv(rows(100, 1)), csv(rows(100, 2))
    account.put("parts/a.csv.gz", gzip.compress(halves[0].encode()))
    account.put("parts/b.csv.gz", gzip.compress(halves[1].encode()))
    account.put("parts/c.csv.gz", gzip.compress(b"this,is,no,table\n"))
    manifest = account.put("list", json.dumps([{"prefix": f"s3://{account.bucket}/parts/"}, "a.csv.gz", "b.csv.gz"]))
    train = {"S3DataType": "ManifestFile", "S3Uri": manifest, "CompressionType": "Gzip"}
    account.train("listed", XGBOOST, PARAMETERS, channels={"train": train})
    job = account.completed("listed")
    assert any("200" in line and "rows" in line.lower() for line in account.log_of_job("listed"))
    assert job["InputDataConfig"][0]["DataSource"]["S3DataSource"]["S3DataType"] == "ManifestFile"


def test_hyperparameters_that_make_no_sense_are_the_clients_error(account):
    wrong = {**PARAMETERS, "max_depth": "deep"}
    account.train("senseless", XGBOOST, wrong, channels={"train": account.put("d/a.csv", csv(rows(50, 1)))})
    job = account.ended("senseless")
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("ClientError: ")
    assert "max_depth" in job["FailureReason"]
    assert "S3ModelArtifacts" not in job.get("ModelArtifacts", {})


def test_data_that_is_not_there_fails_the_job_with_a_reason(account):
    account.train("hungry", XGBOOST, PARAMETERS, channels={"train": f"s3://{account.bucket}/nothing/here"})
    job = account.ended("hungry")
    assert job["TrainingJobStatus"] == "Failed"
    where = f"s3://{account.bucket}/nothing/here"
    said = f"ClientError: No S3 objects found under S3 URL '{where}' given in input data source."
    assert job["FailureReason"].startswith(said)
    assert job["SecondaryStatus"] == "Failed"


def test_what_the_jobs_role_may_not_read_is_its_failure_reason(account):
    poor = account.role_of("poor", "AmazonSageMakerFullAccess")
    data = account.put("secret/data.csv", csv(rows(50, 1)))
    account.train("denied", XGBOOST, PARAMETERS, channels={"train": data}, role=poor)
    job = account.ended("denied")
    assert job["TrainingJobStatus"] == "Failed"
    assert "AccessDenied" in job["FailureReason"]
    assert "s3:ListBucket" in job["FailureReason"] or "s3:GetObject" in job["FailureReason"]
