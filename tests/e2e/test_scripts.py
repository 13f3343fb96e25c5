"""Training scripts and programs of one's own: what reaches them, what is kept of them, and how they may end."""

from __future__ import annotations

import json

import pytest

SKLEARN = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
XGBOOST = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"
ROWS = "".join(f"{int(number > 20)},{number},{40 - number}\n" for number in range(40))

SKLEARN_SCRIPT = """
import argparse, os, json
import joblib, numpy
from sklearn.linear_model import LogisticRegression

def model_fn(folder):
    return joblib.load(os.path.join(folder, "model.joblib"))

def predict_fn(data, model):
    return model.predict_proba(data)[:, 1]

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--strength", type=float)
    parser.add_argument("--label", type=str)
    given = parser.parse_args()
    table = numpy.loadtxt(os.path.join(os.environ["SM_CHANNEL_TRAIN"], "data.csv"), delimiter=",")
    model = LogisticRegression(C=given.strength).fit(table[:, 1:], table[:, 0])
    print(f"label={given.label}; accuracy={model.score(table[:, 1:], table[:, 0])};")
    joblib.dump(model, os.path.join(os.environ["SM_MODEL_DIR"], "model.joblib"))
    with open(os.path.join(os.environ["SM_OUTPUT_DATA_DIR"], "report.json"), "w") as report:
        json.dump({"host": os.environ["SM_CURRENT_HOST"], "colour": os.environ["COLOUR"]}, report)
"""

XGBOOST_SCRIPT = """
import os
import numpy, xgboost

if __name__ == "__main__":
    table = numpy.loadtxt(os.path.join(os.environ["SM_CHANNEL_TRAIN"], "data.csv"), delimiter=",")
    data = xgboost.DMatrix(table[:, 1:], label=table[:, 0])
    booster = xgboost.train({"objective": "binary:logistic", "max_depth": 2}, data, num_boost_round=15)
    booster.save_model(os.path.join(os.environ["SM_MODEL_DIR"], "xgboost-model"))
"""

STOPPABLE = """
import os, signal, sys, time
kept = os.path.join(os.environ["SM_MODEL_DIR"], "weights")
def leave(*_):
    with open(kept, "a") as file:
        file.write("told to stop")
    sys.exit(0)
signal.signal(signal.SIGTERM, leave)
with open(kept, "w") as file:
    file.write("so far;")
os.makedirs("/opt/ml/checkpoints", exist_ok=True)
with open("/opt/ml/checkpoints/epoch", "a") as file:
    file.write("1")
print("waiting", flush=True)
time.sleep(600)
"""

STOPPABLE_AT_ONCE = """#!/bin/sh
trap 'printf "told to stop" >> /opt/ml/model/weights; exit 0' TERM
printf "so far;" > /opt/ml/model/weights
sleep 600 &
wait
"""


@pytest.fixture
def data(account) -> str:
    return account.put("table/data.csv", ROWS)


def test_a_scikit_learn_script_trains_and_serves(account, data):
    account.script(
        "sk", SKLEARN, SKLEARN_SCRIPT, {"strength": 0.5, "label": "two words"},
        channels={"train": data}, Environment={"COLOUR": "blue"},
        AlgorithmSpecification={
            "TrainingImage": SKLEARN, "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": "accuracy", "Regex": "accuracy=([0-9.]+);"}],
        },
    )  # fmt: skip
    job = account.completed("sk")
    assert job["FinalMetricDataList"][0]["MetricName"] == "accuracy"
    assert job["FinalMetricDataList"][0]["Value"] > 0.9
    assert any(line.startswith("label=two words;") for line in account.log_of_job("sk"))
    extra = account.archive(f"s3://{account.bucket}/output/sk/output/output.tar.gz")
    assert json.loads(extra["report.json"]) == {"host": "algo-1", "colour": "blue"}

    told = {"SAGEMAKER_PROGRAM": "train.py", "SAGEMAKER_SUBMIT_DIRECTORY": f"s3://{account.bucket}/sk/sourcedir.tar.gz"}
    account.model("sk", SKLEARN, job["ModelArtifacts"]["S3ModelArtifacts"], container={"Environment": told})
    account.deploy("sk")
    account.serving("sk")
    low, high = json.loads(account.invoke("sk", "1,39\n39,1", Accept="application/json")["Body"])
    assert low < 0.2
    assert high > 0.8


def test_an_xgboost_script_trains_and_the_image_serves_its_model_without_a_script_of_its_own(account, data):
    account.script("xs", XGBOOST, XGBOOST_SCRIPT, channels={"train": data})
    artifact = account.completed("xs")["ModelArtifacts"]["S3ModelArtifacts"]
    account.model("xs", XGBOOST, artifact)
    account.deploy("xs")
    account.serving("xs")
    low, high = account.invoke("xs", "1,39\n39,1", Accept="text/csv")["Body"].split()
    assert float(low) < 0.5 < float(high)


def test_a_program_of_ones_own_finds_what_the_container_contract_promises_and_serves_on_8080(account, data, tmp_path):
    train = """#!/bin/bash -e
cp -r /opt/ml/input/config /opt/ml/model/config
cp /opt/ml/input/data/train/data.csv /opt/ml/model/
echo "$TRAINING_JOB_NAME $TRAINING_JOB_ARN $AWS_REGION" > /opt/ml/model/told
"""
    serve = """#!/usr/bin/env python3
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

class Model(BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer(b"")
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(Path("/opt/ml/model/told").read_bytes() + body[::-1])
    def answer(self, body):
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

HTTPServer(("127.0.0.1", 8080), Model).serve_forever()
"""
    image = account.image(tmp_path / "image", train=train, serve=serve)
    account.train("own", image, {"depth": "7"}, channels={"train": data})
    artifact = account.completed("own")["ModelArtifacts"]["S3ModelArtifacts"]
    files = account.archive(artifact)
    assert json.loads(files["config/hyperparameters.json"]) == {"depth": "7"}
    assert json.loads(files["config/resourceconfig.json"])["current_host"] == "algo-1"
    assert json.loads(files["config/inputdataconfig.json"])["train"]["ContentType"] == "text/csv"
    assert files["data.csv"].decode() == ROWS
    assert files["told"].decode().split() == ["own", account.arn("training-job/own"), "us-east-1"]

    account.model("own", image, artifact)
    account.deploy("own")
    account.serving("own")
    assert account.invoke("own", "abc")["Body"].endswith("us-east-1\ncba")


def test_an_image_that_nobody_knows_fails_with_what_to_do(account):
    account.train("unknown", "example.com/nobody/knows:1")
    job = account.ended("unknown")
    assert job["TrainingJobStatus"] == "Failed"
    assert "clary images add example.com/nobody/knows:1 FOLDER" in job["FailureReason"]


def test_the_exception_of_a_script_is_the_failure_reason_in_awss_form(account, data):
    account.script("raises", SKLEARN, "raise ValueError('the table is empty')", channels={"train": data})
    job = account.ended("raises")
    assert job["TrainingJobStatus"] == job["SecondaryStatus"] == "Failed"
    reason = job["FailureReason"]
    assert reason.startswith("AlgorithmError: ExecuteUserScriptError:")
    assert "ValueError: the table is empty" in reason
    assert reason.endswith("exit code: 1")
    assert any("ValueError: the table is empty" in line for line in account.log_of_job("raises"))
    assert "ModelArtifacts" not in job


def test_what_a_program_writes_into_failure_is_the_failure_reason(account, tmp_path):
    image = account.image(tmp_path / "image", train="#!/bin/sh\necho 'out of ideas' > /opt/ml/output/failure\nexit 3\n")
    account.train("told", image)
    assert account.ended("told")["FailureReason"] == "AlgorithmError: out of ideas, exit code: 3"


def test_a_job_that_is_stopped_keeps_what_it_made_and_its_checkpoints(account, data):
    account.put("kept/epoch", "0")
    account.script(
        "stopped",
        SKLEARN,
        STOPPABLE,
        channels={"train": data},
        CheckpointConfig={"S3Uri": f"s3://{account.bucket}/kept"},
    )
    account.eventually(lambda: "waiting" in account.log_of_job("stopped"))
    account("sagemaker").stop_training_job(TrainingJobName="stopped")
    assert account.job("stopped")["TrainingJobStatus"] in ("Stopping", "Stopped")
    job = account.ended("stopped")
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "Stopped")
    assert "Stopping" in [each["Status"] for each in job["SecondaryStatusTransitions"]]
    assert account.archive(job["ModelArtifacts"]["S3ModelArtifacts"]) == {"weights": b"so far;told to stop"}
    assert account.get(f"s3://{account.bucket}/kept/epoch") == b"01"


def test_a_job_that_runs_for_too_long_is_stopped_and_keeps_what_it_made(account, tmp_path):
    image = account.image(tmp_path / "image", train=STOPPABLE_AT_ONCE)
    account.train("slow", image, StoppingCondition={"MaxRuntimeInSeconds": 8})
    job = account.ended("slow")
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")
    assert account.archive(job["ModelArtifacts"]["S3ModelArtifacts"]) == {"weights": b"so far;told to stop"}


def test_code_in_a_job_acts_as_its_role_unless_it_is_isolated(account, data):
    source = """
import boto3, os, sys
try:
    print("I am", boto3.client("sts").get_caller_identity()["Arn"])
    print("I read", boto3.client("s3").get_object(Bucket=sys.argv[2], Key="table/data.csv")["ContentLength"])
except Exception as error:
    print("nobody:", type(error).__name__)
"""
    given = {"bucket": account.bucket}
    account.script("open", SKLEARN, source, given, channels={"train": data})
    account.script("shut", SKLEARN, source, given, channels={"train": data}, EnableNetworkIsolation=True)
    account.completed("open")
    account.completed("shut")
    lines = account.log_of_job("open")
    assert any(line.startswith(f"I am arn:aws:sts::{account.id}:assumed-role/execution/SageMaker") for line in lines)
    assert f"I read {len(ROWS)}" in lines
    assert "nobody: NoCredentialsError" in account.log_of_job("shut")
