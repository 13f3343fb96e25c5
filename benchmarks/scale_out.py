"""How long load waits for its second instance: from the first request of a step of load to the first answer by it.

A variant tracks 60 invocations a minute and instance. Clients then call it several times a second; a program that
tells its name answers, so that the clients see who served them. The steps begin at spread phases of the metric's
ten seconds.

    python benchmarks/scale_out.py --runs 5
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from support.running import SOURCE, Clary, clary

GOAL_S = 15.0
LIMIT_S = 90.0
CALLS_PAUSE_S = 0.1
PERIOD_S = 10.0
TARGET_A_MINUTE = 60.0
VARIANT = "AllTraffic"
SERVE = """#!/usr/bin/env python3
import http.server, os
NAME = os.urandom(4).hex().encode()
class Model(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def answer(self):
        self.rfile.read(int(self.headers.get("content-length") or 0))
        self.send_response(200)
        self.send_header("content-length", str(len(NAME)))
        self.end_headers()
        self.wfile.write(NAME)
    do_GET = do_POST = answer
    def log_message(self, *_):
        pass
http.server.ThreadingHTTPServer(("127.0.0.1", 8080), Model).serve_forever()
"""


@dataclass
class Step:
    """A step of load on an endpoint, and when which instance answered first."""

    runtime: Any
    endpoint: str
    began: float = 0.0
    firsts: dict[bytes, float] = field(default_factory=dict)
    failures: int = 0

    def run(self, instances: int) -> None:
        """Call until so many instances have answered."""
        self.began = time.time()
        while len(self.firsts) < instances and time.time() - self.began < LIMIT_S:
            try:
                body = self.runtime.invoke_endpoint(EndpointName=self.endpoint, Body=b"1")["Body"].read()
                self.firsts.setdefault(body, time.time())
            except self.runtime.exceptions.ClientError:
                self.failures += 1
            time.sleep(CALLS_PAUSE_S)


def prepare(running: Clary) -> None:
    """Register the program as an image, and make a model of it."""
    account = running.client("sts").get_caller_identity()["Account"]
    image = f"{account}.dkr.ecr.us-east-1.amazonaws.com/named:latest"
    folder = running.home / "program"
    folder.mkdir()
    program = folder / "serve"
    program.write_text(SERVE)
    program.chmod(0o755)
    command = [sys.executable, "-m", "clary", "images", "add", image, str(folder), "--home", str(running.home)]
    subprocess.run(command, env={**os.environ, "PYTHONPATH": str(SOURCE)}, check=True, stdout=subprocess.DEVNULL)
    trust = {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    iam = running.client("iam")
    role = iam.create_role(RoleName="scales", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    iam.attach_role_policy(RoleName="scales", PolicyArn="arn:aws:iam::aws:policy/AmazonSageMakerFullAccess")
    sagemaker = running.client("sagemaker")
    sagemaker.create_model(ModelName="named", PrimaryContainer={"Image": image}, ExecutionRoleArn=role)
    variant = {"VariantName": VARIANT, "ModelName": "named", "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
    sagemaker.create_endpoint_config(EndpointConfigName="named", ProductionVariants=[variant])


def measure(running: Clary, number: int, phase_s: float) -> dict[str, float]:
    """Return the seconds after which the alarm had begun an activity, and the second instance answered."""
    sagemaker, scaling = running.client("sagemaker"), running.client("application-autoscaling")
    name = f"endpoint-{number}"
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName="named")
    sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=name, WaiterConfig={"Delay": 0.2})
    where = {
        "ServiceNamespace": "sagemaker",
        "ResourceId": f"endpoint/{name}/variant/{VARIANT}",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    }
    scaling.register_scalable_target(**where, MinCapacity=1, MaxCapacity=2)
    metric = {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"}
    scaling.put_scaling_policy(
        **where, PolicyName="track", PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": TARGET_A_MINUTE, "PredefinedMetricSpecification": metric,
        },
    )  # fmt: skip
    step = Step(running.client("sagemaker-runtime"), name)
    thread = threading.Thread(target=step.run, args=(2,))
    time.sleep((phase_s - time.time()) % PERIOD_S)
    thread.start()
    thread.join()
    activities = scaling.describe_scaling_activities(ServiceNamespace="sagemaker", ResourceId=where["ResourceId"])
    begun = [each["StartTime"].timestamp() - step.began for each in activities["ScalingActivities"]]
    scaling.deregister_scalable_target(**where)
    sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=name, WaiterConfig={"Delay": 0.2})
    sagemaker.delete_endpoint(EndpointName=name)
    sagemaker.get_waiter("endpoint_deleted").wait(EndpointName=name, WaiterConfig={"Delay": 0.2})
    served = max(step.firsts.values()) - step.began if len(step.firsts) > 1 else float("inf")
    return {"decided": min(begun, default=float("inf")), "served": served, "failures": step.failures}


def main() -> None:
    """Measure at spread phases; print a line a step and the median beside the goal."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    with clary() as running:
        prepare(running)
        found = []
        for number in range(runs):
            phase_s = PERIOD_S * number / runs
            found.append(measure(running, number, phase_s))
            told = found[-1]
            print(
                f"begun {phase_s:4.1f} s into a period: decided after {told['decided']:5.1f} s, "
                f"served after {told['served']:5.1f} s, {told['failures']:.0f} calls failed"
            )
    served = [each["served"] for each in found]
    print(
        f"from load to serving: median {statistics.median(served):.1f} s, worst {max(served):.1f} s; goal < {GOAL_S} s"
    )


if __name__ == "__main__":
    main()
