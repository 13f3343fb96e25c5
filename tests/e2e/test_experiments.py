"""Which model is better: shadows that nobody hears, experiments that promote, and a report with proof."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import time
import uuid

import pytest

SERVE = """#!/usr/bin/env python3
import http.server, os

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 65536  # head and body go out together

    def do_GET(self):
        self.answer(200, b"")

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        self.answer(500 if os.environ.get("FAILS") else 200, os.environ["ANSWER"].encode())

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, *_):
        pass

http.server.ThreadingHTTPServer(("0.0.0.0", 8080), Handler).serve_forever()
"""
INSTANCE = "ml.m5.large"
REQUESTS = 60
STATES = ("Creating", "Created", "Starting", "Running", "Stopping", "Completed")


@pytest.fixture
def image(account, tmp_path):
    return account.image(tmp_path / "image", serve=SERVE)


def model(account, image: str, name: str, **environment: str) -> str:
    return account.model(name, image, container={"Environment": {"ANSWER": name, **environment}})


def variant(name: str, **more) -> dict:
    return {"VariantName": name, "ModelName": name, "InitialInstanceCount": 1, "InstanceType": INSTANCE, **more}


def deploy(account, name: str, *variants: dict, shadows: tuple[dict, ...] = ()) -> None:
    sagemaker = account("sagemaker")
    more = {"ShadowProductionVariants": list(shadows)} if shadows else {}
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=list(variants), **more)
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    account.serving(name)


def ab(account, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `clary` as somebody does whose shell leads to this account."""
    source = str(account.clary.environment["PYTHONPATH"]).replace("clary_plugin", "")
    environment = {**account.environment(), "PYTHONPATH": source}
    return subprocess.run(
        [sys.executable, "-m", "clary", *arguments], env=environment, capture_output=True, text=True, timeout=100
    )


def reported(account, name: str, *more: str) -> dict:
    done = ab(account, "ab", name, "--since", "1h", "--json", *more)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.slow
def test_the_report_tells_which_of_two_models_is_better(account, image):
    name = f"ab-{uuid.uuid4().hex[:6]}"
    for each in ("bad", "good"):
        model(account, image, each)
    deploy(account, name, variant("bad"), variant("good"))
    rewards = io.StringIO()
    for number in range(REQUESTS):
        answer = account.invoke(name, "1", InferenceId=f"order-{number}")
        useful = number % 10 < (2 if answer["Body"] == "bad" else 9)
        rewards.write(f"order-{number},{int(useful)}\n")
    first, _, rest = rewards.getvalue().partition("\n")
    one = ab(account, "reward", name, *first.split(","))
    assert one.returncode == 0, one.stderr
    assert f"s3://sagemaker-us-east-1-{account.id}/ground-truth/{name}/" in one.stdout
    account.put("rewards.csv", rest)
    truth = [
        json.dumps({
            "groundTruthData": {"data": line.split(",")[1], "encoding": "CSV"},
            "eventMetadata": {"eventId": line.split(",")[0]},
            "eventVersion": "0",
        })
        for line in [*rest.split(), "nobody,1"]
    ]  # fmt: skip
    hour = time.strftime("%Y/%m/%d/%H", time.gmtime())
    account("s3").put_object(
        Bucket=f"sagemaker-us-east-1-{account.id}", Key=f"ground-truth/{name}/{hour}/app.jsonl", Body="\n".join(truth)
    )

    def whole() -> dict | None:
        told = reported(account, name)
        counts = [(each["requests"], each["rewards"]) for each in told["variants"]]
        return told if counts == [(REQUESTS // 2, REQUESTS // 2)] * 2 else None

    told = account.eventually(whole, 60.0)
    (against,) = told["comparisons"]
    assert (against["baseline"], against["variant"]) == ("bad", "good")
    assert against["interval"][0] > 0
    assert against["probability_better"] > 0.99
    assert told["left_out"] == {"unmatched": 1, "ambiguous": 0, "unreadable": 0}
    for each in told["variants"]:
        assert 0 < each["latency_us"]["p50"] <= each["latency_us"]["p90"] <= each["latency_us"]["p99"]
    page = ab(account, "ab", name).stdout
    assert "good is better with a probability of" in page


def test_a_shadow_gets_copies_and_what_becomes_of_them_nobody_hears(account, image):
    name = f"shadow-{uuid.uuid4().hex[:6]}"
    model(account, image, "main")
    model(account, image, "broken", FAILS="1")
    deploy(account, name, variant("main"), shadows=(variant("broken"),))
    shown = account.endpoint(name)
    assert [each["VariantName"] for each in shown["ShadowProductionVariants"]] == ["broken"]
    for _ in range(20):
        answer = account.invoke(name, "1")
        assert (answer["Body"], answer["InvokedProductionVariant"]) == ("main", "main")

    def whole() -> dict | None:
        told = {each["name"]: each for each in reported(account, name)["variants"]}
        return told if [told[each]["requests"] for each in ("main", "broken")] == [20, 20] else None

    told = account.eventually(whole, 60.0)
    assert (told["main"]["role"], told["main"]["errors_5xx"]) == ("production", 0)
    assert (told["broken"]["role"], told["broken"]["errors_5xx"]) == ("shadow", 20)


@pytest.mark.parametrize("crashes", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_an_experiment_goes_through_its_states_and_promotes_the_shadow(account, image, crashes):
    name, sagemaker = f"exp-{uuid.uuid4().hex[:6]}", account("sagemaker")
    for each in ("main", "candidate"):
        model(account, image, each)
    deploy(account, name, variant("main"))
    hardware = {"InstanceType": INSTANCE, "InstanceCount": 1}
    infrastructure = {"InfrastructureType": "RealTimeInference", "RealTimeInferenceConfig": hardware}
    sagemaker.create_inference_experiment(
        Name=name,
        Type="ShadowMode",
        RoleArn=account.role,
        EndpointName=name,
        ModelVariants=[
            {"VariantName": each, "ModelName": each, "InfrastructureConfig": infrastructure}
            for each in ("main", "candidate")
        ],
        ShadowModeConfig={
            "SourceModelVariantName": "main",
            "ShadowModelVariants": [{"ShadowModelVariantName": "candidate", "SamplingPercentage": 50}],
        },
    )
    if crashes:
        account.clary.kill("controller")
    seen: list[str] = []

    def state() -> str:
        assert account.invoke(name, "1")["Body"] in ("main", "candidate")  # whatever happens, somebody answers
        told = sagemaker.describe_inference_experiment(Name=name)["Status"]
        if told not in seen[-1:]:
            seen.append(told)
        return told

    account.eventually(lambda: state() == "Running", 90.0)
    assert account.invoke(name, "1")["Body"] == "main"
    running = sagemaker.describe_inference_experiment(Name=name)
    assert [each["Status"] for each in running["ModelVariants"]] == ["InService", "InService"]
    assert account.endpoint(name)["ShadowProductionVariants"][0]["DesiredWeight"] == 0.5
    instances = {each["name"] for each in account.instances()}
    sagemaker.stop_inference_experiment(
        Name=name,
        ModelVariantActions={"main": "Remove", "candidate": "Promote"},
        DesiredState="Completed",
        Reason="the candidate is better",
    )
    if crashes:
        account.clary.kill("controller")
    account.eventually(lambda: state() == "Completed", 90.0)
    assert [STATES.index(each) for each in seen] == sorted({STATES.index(each) for each in seen})
    assert account.invoke(name, "1")["Body"] == "candidate"
    ended = sagemaker.describe_inference_experiment(Name=name)
    assert [each["Status"] for each in ended["ModelVariants"]] == ["Deleted", "InService"]
    assert ended["StatusReason"] == "the candidate is better"
    assert ended["CompletionTime"] >= ended["CreationTime"]
    assert "ShadowProductionVariants" not in account.endpoint(name)
    assert {each["name"] for each in account.instances()} <= instances  # the shadow itself serves now
    sagemaker.delete_inference_experiment(Name=name)
    assert sagemaker.list_inference_experiments(NameContains=name)["InferenceExperiments"] == []
