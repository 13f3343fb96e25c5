"""What calls of the control plane cost the api, in microseconds of processor a call, at one connection and at eight.

Among them two pages of a list of 10,000: a page must cost the same wherever it is.

Requests are signed beforehand, so that the client takes as little of the machine as it can.

python benchmarks/control_plane.py --calls 2000
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from rich.console import Console
from rich.table import Table
from support.running import Clary, clary

from clary.core.settings import load
from clary.resources.endpoint import MODEL
from clary.store.store import open_store

GOAL_US = 1000
TICK_US = 1_000_000 / os.sysconf("SC_CLK_TCK")
PATH = "/benchmark-bucket/key"
LISTED = 10_000
PAGE = 100
POLICY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"


def fill(clary: Clary) -> None:
    """Make the things that are asked for."""
    clary.client("s3").create_bucket(Bucket="benchmark-bucket")
    clary.client("s3").put_object(Bucket="benchmark-bucket", Key="key", Body=bytes(1024))
    role = clary.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps(POLICY))["Role"]["Arn"]
    sagemaker = clary.client("sagemaker")
    container = {"Image": IMAGE, "ModelDataUrl": "s3://benchmark-bucket/absent.tar.gz"}
    sagemaker.create_model(ModelName="m", ExecutionRoleArn=role, PrimaryContainer=container)
    variant = {"VariantName": "v", "ModelName": "m", "InstanceType": "ml.t2.medium", "InitialInstanceCount": 1}
    sagemaker.create_endpoint_config(EndpointConfigName="c", ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName="e", EndpointConfigName="c")
    while (
        sagemaker.describe_endpoint(EndpointName="e")["EndpointStatus"] == "Creating"
    ):  # it fails, for want of a model
        time.sleep(0.5)


def last_page(clary: Clary) -> str:
    """Make a long list of models, and return the token of its last full page."""
    account = clary.client("sts").get_caller_identity()["Account"]
    store = open_store(load({"home": clary.home}, {}))
    with store.records(account, clary.client("sts").meta.region_name).together() as records:
        for number in range(LISTED):
            records.create(MODEL, f"listed-{number:05}", {})
    store.close()
    pages = clary.client("sagemaker").get_paginator("list_models").paginate(PaginationConfig={"PageSize": PAGE})
    tokens = [page.get("NextToken", "") for page in pages]
    return str(tokens[LISTED // PAGE - 2])


def requests(clary: Clary) -> Iterator[tuple[str, bytes]]:
    """Give the signed requests, by what they ask for."""
    keys = json.loads((clary.home / "credentials.json").read_text())
    credentials = Credentials(keys["access_key_id"], keys["secret_access_key"])
    host = f"127.0.0.1:{clary.port}"

    def signed(service: str, method: str, path: str, body: bytes, headers: dict[str, str]) -> bytes:
        request = AWSRequest(method, f"http://{host}{path}", data=body, headers={"host": host, **headers})
        signer = S3SigV4Auth if service == "s3" else SigV4Auth
        signer(credentials, service, keys["region"]).add_auth(request)
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {text}" for name, text in request.headers.items())]
        return "\r\n".join([*lines, f"content-length: {len(body)}", "", ""]).encode() + body

    def sagemaker(operation: str, params: dict[str, Any]) -> bytes:
        headers = {"x-amz-target": f"SageMaker.{operation}", "content-type": "application/x-amz-json-1.1"}
        return signed("sagemaker", "POST", "/", json.dumps(params).encode(), headers)

    form = {"content-type": "application/x-www-form-urlencoded"}
    yield "GetCallerIdentity", signed("sts", "POST", "/", b"Action=GetCallerIdentity&Version=2011-06-15", form)
    yield "DescribeModel", sagemaker("DescribeModel", {"ModelName": "m"})
    yield "DescribeEndpoint", sagemaker("DescribeEndpoint", {"EndpointName": "e"})
    yield "GetObject 1 KiB", signed("s3", "GET", PATH, b"", {})
    yield "PutObject 1 KiB", signed("s3", "PUT", PATH, bytes(1024), {})
    page = {"MaxResults": PAGE}
    token = last_page(clary)
    yield "ListModels, first page", sagemaker("ListModels", page)
    yield "ListModels, last page", sagemaker("ListModels", page | {"NextToken": token})


class Line:
    """A connection that sends one request again and again."""

    def __init__(self, port: int, request: bytes) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._request = request

    def send(self) -> None:
        """Ask."""
        self._socket.sendall(self._request)

    def receive(self) -> None:
        """Read the answer, which must be a good one."""
        data = b""
        while b"\r\n\r\n" not in data:
            data += self._more()
        head, _, body = data.partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise SystemExit(data.decode(errors="replace"))
        fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
        length = int(fields[b"content-length"])
        while len(body) < length:
            body += self._more()

    def _more(self) -> bytes:
        data = self._socket.recv(65536)
        if not data:
            raise SystemExit("The connection was closed.")
        return data


def cpu_us(pids: list[int]) -> float:
    """Return the processor time that processes have taken."""
    fields = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in pids]
    return sum(int(each[11]) + int(each[12]) for each in fields) * TICK_US


def measure(clary: Clary, request: bytes, connections: int, calls: int) -> tuple[float, float]:
    """Return the microseconds of processor, and of time, that a call takes."""
    lines = [Line(clary.port, request) for _ in range(connections)]
    pids = [pid for name, pid in clary.pids().items() if name.startswith(("api", "gateway"))]
    for number in range(calls // 10 + calls):
        if number == calls // 10:  # those before warmed it up
            cpu, began = cpu_us(pids), time.perf_counter()
        if number % connections == 0:
            for line in lines:
                line.send()
        lines[number % connections].receive()
    return (cpu_us(pids) - cpu) / calls, (time.perf_counter() - began) / calls * 1e6


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=2000)
    calls = parser.parse_args().calls
    table = Table("call", "CPU µs, 1 connection", "CPU µs, 8 connections", "time µs, 8 connections", "goal")
    with clary() as running:
        fill(running)
        for name, request in requests(running):
            alone, _ = measure(running, request, 1, calls)
            cpu, wall = measure(running, request, 8, calls)
            table.add_row(name, f"{alone:.0f}", f"{cpu:.0f}", f"{wall:.0f}", f"< {GOAL_US}")
    Console().print(table)


if __name__ == "__main__":
    main()
