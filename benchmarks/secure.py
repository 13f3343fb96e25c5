"""What TLS and HTTP/2 add to an invocation, and what a body of 6 MiB costs beside its SHA-256.

The same signed request goes to the same endpoint plainly, in TLS, and as HTTP/2, in turns (h2load, of Debian's
nghttp2-client); big bodies go plainly and in TLS, to a script that says how long they are.

    python benchmarks/secure.py --rounds 5
"""

from __future__ import annotations

import argparse
import hashlib
import io
import re
import shutil
import ssl
import statistics
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from http.client import HTTPConnection, HTTPSConnection
from typing import Any

from inference import hosted
from inference.load import Target
from inference.processes import clocks_s, spent_s
from support.running import Clary, clary

SMALL, BIG = "secure-small", "secure-big"
SECONDS = 2
PLAIN = "HTTP/1.1"
WAYS = {
    PLAIN: ("http", "--h1", "-c8"),
    "HTTP/1.1 in TLS": ("https", "--h1", "-c8"),
    "HTTP/2 in TLS, 8 connections": ("https", "-c8", "-m1"),
    "HTTP/2 in TLS, 8 streams of one": ("https", "-c1", "-m8"),
}
COUNTED = re.compile(r"(\d+) succeeded, (\d+) failed")
BODY = (b"0.123456," * (1024 * 1024))[: 6 * 1024 * 1024]
BODIES_A_ROUND = 5
BODY_GOAL = 2.0
SCRIPT = b"""
def model_fn(folder): return len
def input_fn(body, content_type): return body
def predict_fn(body, model): return model(body)
def output_fn(length, accept): return str(length)
"""
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    rounds = range(parser.parse_args().rounds)
    with clary("--tls") as running:
        hosted.trained(running)
        with hosted.endpoint(running, SMALL, hosted.container({})) as small:
            if shutil.which("h2load"):
                _print_ways([_ways(running, small) for _ in rounds])
            else:
                print("TLS and HTTP/2: skipped: this needs h2load (apt-get install nghttp2-client)")
        with hosted.endpoint(running, BIG, _script(running)) as big:
            _print_bodies([_bodies(running, big) for _ in rounds])


def _ways(running: Clary, target: Target) -> dict[str, tuple[float, float]]:
    """Return for each way CPU in us a request, of all processes of Clary, and requests a second."""
    (request,) = hosted.prepared(running.client("sagemaker-runtime"), SMALL, hosted.rows(1, 3))
    found = {}
    with tempfile.NamedTemporaryFile() as body:
        body.write(request.body)
        body.flush()
        fields = [
            f"-H{name}: {value}"
            for name, value in hosted.fields(request).items()
            if name not in ("host", "content-length")
        ]
        for way, (scheme, *options) in WAYS.items():
            url = f"{scheme}://{request.url.partition('://')[2]}"
            command = ["h2load", "-t1", f"-D{SECONDS}", *options, *fields, "-d", body.name, url]
            answered, spent = _spent(target, partial(_answered, command))
            found[way] = (sum(spent.values()) / answered * 1e6, answered / SECONDS)
    return found


def _answered(command: list[str]) -> int:
    told = COUNTED.search(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    if told is None or int(told[2]) or not int(told[1]):
        raise SystemExit(f"{command[-1]}: {told[0] if told else 'no figures'}")
    return int(told[1])


def _bodies(running: Clary, target: Target) -> dict[str, float]:
    """Return the ms of CPU of a body's SHA-256, and of the gateways for it, plainly and in TLS."""
    (request,) = hosted.prepared(running.client("sagemaker-runtime"), BIG, [BODY])
    fields, path = hosted.fields(request), "/" + request.url.split("/", 3)[3]
    trusted = ssl.create_default_context(cafile=running.home / "tls" / "ca.pem")

    def send(connection: HTTPConnection) -> None:
        for _ in range(BODIES_A_ROUND):
            connection.request("POST", path, BODY, fields)
            answer = connection.getresponse()
            if (told := answer.read()) != b"%d" % len(BODY):
                raise SystemExit(f"{answer.status}: {told[:200]!r}")

    found = {"SHA-256": _own_ms(lambda: hashlib.sha256(BODY).digest())}
    ways: dict[str, HTTPConnection] = {
        PLAIN: HTTPConnection("127.0.0.1", running.port),
        "HTTP/1.1 in TLS": HTTPSConnection("127.0.0.1", running.port, context=trusted),
    }
    for way, connection in ways.items():
        with closing(connection):
            spent = _spent(target, partial(send, connection))[1]
            found[way] = spent[hosted.GATEWAY] / BODIES_A_ROUND * 1e3
    return found


def _spent(target: Target, work: Callable[[], Any]) -> tuple[Any, dict[str, float]]:
    """Return what work returns, and the CPU seconds that each part of the server took meanwhile."""
    before = {part: clocks_s(pids) for part, pids in target.parts().items()}
    result = work()
    after = {part: clocks_s(pids) for part, pids in target.parts().items()}
    return result, {part: spent_s(before[part], clocks) for part, clocks in after.items()}


def _own_ms(work: Callable[[], Any]) -> float:
    began = time.process_time()
    for _ in range(BODIES_A_ROUND):
        work()
    return (time.process_time() - began) / BODIES_A_ROUND * 1e3


def _script(running: Clary) -> dict[str, Any]:
    """Return the container of a model that tells how long a body is."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as opened:
        member = tarfile.TarInfo("code/inference.py")
        member.size = len(SCRIPT)
        opened.addfile(member, io.BytesIO(SCRIPT))
    running.client("s3").put_object(Bucket=hosted.BUCKET, Key="length.tar.gz", Body=archive.getvalue())
    place = f"s3://{hosted.BUCKET}/length.tar.gz"
    return {"Image": IMAGE, "ModelDataUrl": place, "Environment": {"SAGEMAKER_PROGRAM": "inference.py"}}


def _print_ways(seen: list[dict[str, tuple[float, float]]]) -> None:
    print(f"{'an invocation':40} {'CPU us':>8} {'of plain':>9} {'requests/s':>11}")
    for way in WAYS:
        cpu_us, requests_s = (statistics.median(each[way][figure] for each in seen) for figure in (0, 1))
        ratio = statistics.median(each[way][0] / each[PLAIN][0] for each in seen)
        print(f"{way:40} {cpu_us:8.0f} {ratio:9.2f} {requests_s:11,.0f}")


def _print_bodies(seen: list[dict[str, float]]) -> None:
    print(f"{'6 MiB, the gateways':40} {'CPU ms':>8} {'of SHA-256':>11} {'goal':>7}")
    for way in seen[0]:
        cpu_ms = statistics.median(each[way] for each in seen)
        ratio = statistics.median(each[way] / each["SHA-256"] for each in seen)
        goal = f"< {BODY_GOAL:.0f}" if way == PLAIN else ""
        print(f"{way:40} {cpu_ms:8.2f} {ratio:11.2f} {goal:>7}")


if __name__ == "__main__":
    main()
