"""How long a user waits: for Clary to start, for a job's code to run, for an endpoint's first prediction.

Each is done once unmeasured and then `--runs` times; the medians stand beside their goals.

    python benchmarks/lifecycle.py --runs 5
"""

from __future__ import annotations

import argparse
import io
import json
import pickle
import random
import statistics
import tarfile
import time
from collections.abc import Callable
from dataclasses import dataclass

from botocore.exceptions import BotoCoreError, ClientError
from sklearn.linear_model import LogisticRegression
from support.running import Clary, clary

IMAGES = "683313688378.dkr.ecr.us-east-1.amazonaws.com"
XGBOOST = f"{IMAGES}/sagemaker-xgboost:1.7-1"
SKLEARN = f"{IMAGES}/sagemaker-scikit-learn:1.2-1-cpu-py3"
BUCKET = "sagemaker-lifecycle"
LOGS = "/aws/sagemaker/TrainingJobs"
SCRIPT = "import time\nprint('running at', time.time())\n"
ROW = ",".join(["0.5"] * 10)
POLL_S = 0.02
RETRY_S = 0.005
RESOURCES = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5}
CHANNEL = {
    "ChannelName": "train",
    "ContentType": "text/csv",
    "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/train/"}},
}
GOALS_S = {
    "clary up, on an existing home, to the first answered call": 1.0,
    "CreateTrainingJob to the script's first line": 0.5,
    "CreateEndpoint to a prediction, of a trained XGBoost model": 0.5,
    "CreateEndpoint to a prediction, of a scikit-learn model": 0.5,
}
MODEL_FN = b"import os, pickle\ndef model_fn(d): return pickle.load(open(os.path.join(d, 'model.pkl'), 'rb'))\n"


def start_s(running: Clary) -> float:
    """Seconds from `clary up` to the first answer to a signed call, made by a client that was there before."""
    running.down()
    sts = running.client("sts")
    began = time.perf_counter()
    starting = running.start()
    while True:
        try:
            sts.get_caller_identity()
            break
        except (BotoCoreError, ClientError):
            time.sleep(RETRY_S)
    seconds = time.perf_counter() - began
    starting.wait()
    return seconds


@dataclass(frozen=True, slots=True)
class Bench:
    """A running Clary with what jobs and endpoints need."""

    running: Clary
    role_arn: str

    def train(self, name: str, image: str, hyperparameters: dict[str, str]) -> float:
        """Run a job to its end; the Unix time just before it was created."""
        sagemaker = self.running.client("sagemaker")
        before = time.time()
        sagemaker.create_training_job(
            TrainingJobName=name,
            AlgorithmSpecification={"TrainingImage": image, "TrainingInputMode": "File"},
            RoleArn=self.role_arn,
            HyperParameters=hyperparameters,
            InputDataConfig=[CHANNEL],
            OutputDataConfig={"S3OutputPath": f"s3://{BUCKET}/models"},
            ResourceConfig=RESOURCES,
            StoppingCondition={"MaxRuntimeInSeconds": 600},
        )
        until(lambda: sagemaker.describe_training_job(TrainingJobName=name)["TrainingJobStatus"], "Completed")
        return before

    def code_s(self, number: int) -> float:
        """Seconds from CreateTrainingJob to the first line of a script, as the script itself tells it."""
        name = f"script-{number}"
        source = {"sagemaker_program": "train.py", "sagemaker_submit_directory": f"s3://{BUCKET}/source.tar.gz"}
        before = self.train(name, SKLEARN, source)
        logs = self.running.client("logs")
        events = logs.filter_log_events(logGroupName=LOGS, logStreamNamePrefix=name, filterPattern='"running at"')[
            "events"
        ]
        return float(events[0]["message"].split()[-1]) - before

    def endpoint_s(self, model: str, number: int) -> float:
        """Seconds from CreateEndpoint to the first prediction."""
        sagemaker, name = self.running.client("sagemaker"), f"{model}-{number}"
        runtime = self.running.client("sagemaker-runtime")
        variant = {"VariantName": "AllTraffic", "ModelName": model, "InitialInstanceCount": 1}
        variant["InstanceType"] = RESOURCES["InstanceType"]
        sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
        began = time.perf_counter()
        sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
        until(lambda: sagemaker.describe_endpoint(EndpointName=name)["EndpointStatus"], "InService")
        runtime.invoke_endpoint(EndpointName=name, ContentType="text/csv", Accept="text/csv", Body=ROW)
        seconds = time.perf_counter() - began
        sagemaker.delete_endpoint(EndpointName=name)
        sagemaker.get_waiter("endpoint_deleted").wait(EndpointName=name, WaiterConfig={"Delay": 0.1})
        return seconds


def set_up(running: Clary) -> Bench:
    """Make role, bucket, data, script and a trained model."""
    iam, s3, sagemaker = (running.client(name) for name in ("iam", "s3", "sagemaker"))
    trust = {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = iam.create_role(RoleName="lifecycle", AssumeRolePolicyDocument=document)["Role"]
    iam.attach_role_policy(RoleName="lifecycle", PolicyArn="arn:aws:iam::aws:policy/AmazonSageMakerFullAccess")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key="train/rows.csv", Body=_rows())
    s3.put_object(Bucket=BUCKET, Key="source.tar.gz", Body=_archive({"train.py": SCRIPT.encode()}))
    bench = Bench(running, role["Arn"])
    bench.train("trees", XGBOOST, {"objective": "binary:logistic", "num_round": "50"})
    artifact = sagemaker.describe_training_job(TrainingJobName="trees")["ModelArtifacts"]["S3ModelArtifacts"]
    container = {"Image": XGBOOST, "ModelDataUrl": artifact}
    sagemaker.create_model(ModelName="trees", PrimaryContainer=container, ExecutionRoleArn=role["Arn"])
    line = pickle.dumps(LogisticRegression().fit([[0.0] * 10, [1.0] * 10], [0, 1]))
    s3.put_object(Bucket=BUCKET, Key="line.tar.gz", Body=_archive({"model.pkl": line, "code/inference.py": MODEL_FN}))
    container = {"Image": SKLEARN, "ModelDataUrl": f"s3://{BUCKET}/line.tar.gz"}
    container["Environment"] = {"SAGEMAKER_PROGRAM": "inference.py"}
    sagemaker.create_model(ModelName="line", PrimaryContainer=container, ExecutionRoleArn=role["Arn"])
    return bench


def main() -> None:
    """Measure and print the medians beside the goals."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=5)
    runs = range(parser.parse_args().runs + 1)
    with clary() as running:
        bench = set_up(running)
        measured = (
            [start_s(running) for _ in runs],
            [bench.code_s(number) for number in runs],
            [bench.endpoint_s("trees", number) for number in runs],
            [bench.endpoint_s("line", number) for number in runs],
        )
    print(f"{'seconds':58} {'median':>7} {'best':>7} {'worst':>7} {'goal':>7}")
    for (what, goal_s), (_, *seconds) in zip(GOALS_S.items(), measured, strict=True):
        figures = (statistics.median(seconds), min(seconds), max(seconds))
        print(f"{what:58} {' '.join(f'{figure:7.2f}' for figure in figures)} {f'< {goal_s}':>7}")


def _rows() -> bytes:
    drawn = random.Random(7)
    rows = ([drawn.random() for _ in range(10)] for _ in range(1000))
    return "\n".join(",".join([str(int(row[0] > row[1])), *map(str, row)]) for row in rows).encode()


def _archive(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def until(status: Callable[[], str], wanted: str) -> None:
    while (seen := status()) != wanted:
        if seen in ("Failed", "Stopped"):
            raise SystemExit(f"the status is {seen}, not {wanted}")
        time.sleep(POLL_S)


if __name__ == "__main__":
    main()
