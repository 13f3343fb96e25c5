"""Endpoints changed while they serve: by both SageMaker SDKs, and by boto3 with an alarm that takes a change back."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from tests.e2e.conftest import INSTANCE, XGBOOST, Account, Clary
from tests.e2e.sdk_scripts import SCRIPT_S_MAX, Script, install, start
from tests.e2e.test_events import bodies, queue_for, rule
from tests.e2e.test_hosting import SERVE

ENVIRONMENTS = {"sdk2_updates": "sagemaker2", "sdk3_updates": "sagemaker3"}
ROWS = "".join(f"{number % 2},{number % 2 * 3},0,0,{number % 5}\n" for number in range(80))
OTHERS = "".join(f"{1 - number % 2},{number % 2 * 3},0,0,{number % 5}\n" for number in range(80))
BROKEN = SERVE.replace(
    'verb == "status":', 'verb == "name":\n            self.answer(500, b"broken")\n        elif False:'
)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(SCRIPT_S_MAX + 200)]


@pytest.fixture(scope="module")
def scripts(clary: Clary) -> Iterator[dict[str, Script]]:
    """Start the scripts of both SDKs, each with two models that say the opposite of each other."""
    install(*ENVIRONMENTS.values())
    started = {}
    for name, environment in ENVIRONMENTS.items():
        account = clary.account()
        models = [_model(account, job, rows) for job, rows in (("one", ROWS), ("other", OTHERS))]
        started[name] = start(account, name, environment, *models)
    yield started
    for script in started.values():
        script.end()


def _model(account: Account, job: str, rows: str) -> str:
    rounds = {"objective": "binary:logistic", "num_round": "10"}
    account.train(job, XGBOOST, rounds, channels={"train": account.put(f"{job}/rows.csv", rows)})
    return account.completed(job)["ModelArtifacts"]["S3ModelArtifacts"]


def test_version_2_compares_two_models_and_updates_to_one_of_them(scripts: dict[str, Script]) -> None:
    told = scripts["sdk2_updates"].result()
    assert abs(told["counts"]["A"] - 30) <= 2  # exact at each of the two gateways
    assert sum(told["counts"].values()) == 40
    assert (told["aimed"]["A"] > 0.5) is not (told["aimed"]["B"] > 0.5)
    assert told["updated"] == told["aimed"]["B"]
    assert [count for _, count in told["variants"]] == [2]
    assert told["capture"] is False


def test_version_3_moves_weights_and_configurations(scripts: dict[str, Script]) -> None:
    told = scripts["sdk3_updates"].result()
    assert [told[when][0] for when in ("first", "shifted", "last")] == ["A", "B", "B"]
    assert told["first"][1] != told["shifted"][1] == told["last"][1]
    assert (told["config"], told["variants"], told["capture"]) == ("only-b", ["B"], False)


def test_a_canary_of_a_bad_model_is_taken_back_by_its_alarm(account: Account, tmp_path: Path) -> None:
    sagemaker, cloudwatch, queue = account("sagemaker"), account("cloudwatch"), queue_for(account, "statuses")
    rule(account, {"detail-type": ["SageMaker Endpoint State Change"]}, {"Arn": queue})
    account.model("good", account.image(tmp_path / "good", serve=SERVE))
    account.model("bad", account.image(tmp_path / "bad", serve=BROKEN))
    account.deploy("good", count=2)
    account.serving("good")
    for metric in ("Invocation5XXErrors", "InvocationModelErrors"):
        cloudwatch.put_metric_alarm(
            AlarmName=metric, Namespace="AWS/SageMaker", MetricName=metric, Statistic="Sum", Period=10,
            EvaluationPeriods=1, Threshold=1, ComparisonOperator="GreaterThanOrEqualToThreshold",
            TreatMissingData="notBreaching",
            Dimensions=[{"Name": "EndpointName", "Value": "good"}, {"Name": "VariantName", "Value": "AllTraffic"}],
        )  # fmt: skip
    variant = {"VariantName": "AllTraffic", "ModelName": "bad", "InitialInstanceCount": 2, "InstanceType": INSTANCE}
    sagemaker.create_endpoint_config(EndpointConfigName="bad", ProductionVariants=[variant])
    canary = {
        "TrafficRoutingConfiguration": {
            "Type": "CANARY", "CanarySize": {"Type": "INSTANCE_COUNT", "Value": 1}, "WaitIntervalInSeconds": 300,
        },
        "TerminationWaitInSeconds": 0,
        "MaximumExecutionTimeoutInSeconds": 1800,
    }  # fmt: skip
    alarms = [{"AlarmName": "Invocation5XXErrors"}, {"AlarmName": "InvocationModelErrors"}]
    sagemaker.update_endpoint(
        EndpointName="good", EndpointConfigName="bad",
        DeploymentConfig={"BlueGreenUpdatePolicy": canary, "AutoRollbackConfiguration": {"Alarms": alarms}},
    )  # fmt: skip
    with _load(account) as seen:
        changes = [each["detail"] for each in bodies(account, queue, 5)]
    changes.sort(key=lambda each: each["LastModifiedTime"])
    statuses = [each["EndpointStatus"] for each in changes]
    assert statuses == ["CREATING", "IN_SERVICE", "UPDATING", "ROLLING_BACK", "IN_SERVICE"]
    described = account.endpoint("good")
    assert described["EndpointConfigName"] == "good"
    assert described["LastDeploymentConfig"]["AutoRollbackConfiguration"]["Alarms"] == alarms
    assert seen["200"] > 0
    assert seen["ModelError"] > 0
    assert set(seen) == {"200", "ModelError"}
    assert {_outcome(account) for _ in range(20)} == {"200"}


@contextmanager
def _load(account: Account) -> Iterator[Counter[str]]:
    """Invoke an endpoint all the time; give how often that ended how."""
    stop, seen = threading.Event(), Counter[str]()

    def run() -> None:
        while not stop.wait(0.02):
            seen[_outcome(account)] += 1

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield seen
    finally:
        stop.set()
        thread.join()


def _outcome(account: Account) -> str:
    try:
        account.invoke("good", "name")
    except ClientError as error:
        return error.response["Error"]["Code"]
    return "200"
